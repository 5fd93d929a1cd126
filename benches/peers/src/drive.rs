//! Producers and callers: the same tasks for every peer.

use std::future::Future;

use crate::cases::Payload;

/// Somebody who can be sent messages without a reply.
pub trait Tell: Clone + Send + 'static {
    /// Hands a message in; waits while there is no room, where the peer can.
    fn tell(&mut self, message: Payload) -> impl Future<Output = ()> + Send;
}

/// Somebody who can be asked.
pub trait Ask: Clone + Send + 'static {
    /// The reply: the message's number.
    fn ask(&self, message: Payload) -> impl Future<Output = u64> + Send;
}

/// Runs `work` as a task of a fresh runtime of two threads, as a service would run it.
///
/// # Panics
/// When the runtime cannot be started, or `work` panics.
pub fn on_tokio<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime starts");
    runtime
        .block_on(async { tokio::spawn(work).await })
        .expect("the work does not panic")
}

/// Sends `messages` from so many tasks, numbered from 0 by each; ends when all are handed in,
/// with no clone of `to` left.
///
/// # Panics
/// When a task does.
pub async fn tell_all(to: impl Tell, producers: u64, messages: u64) {
    let produce = |_| {
        let mut to = to.clone();
        tokio::spawn(async move {
            for number in 0..messages / producers {
                to.tell([number; 8]).await;
            }
        })
    };
    let tasks: Vec<_> = (0..producers).map(produce).collect();
    drop(to);
    for task in tasks {
        task.await.expect("a producer ends");
    }
}

/// Asks `messages` times from so many tasks, each one at a time; the sum of the replies.
///
/// # Panics
/// When a task does.
pub async fn ask_all(to: impl Ask, callers: u64, messages: u64) -> u64 {
    let call = |_| {
        let to = to.clone();
        tokio::spawn(async move {
            let mut sum = 0;
            for number in 0..messages / callers {
                sum += to.ask([number; 8]).await;
            }
            sum
        })
    };
    let tasks: Vec<_> = (0..callers).map(call).collect();
    drop(to);
    let mut sum = 0;
    for task in tasks {
        sum += task.await.expect("a caller ends");
    }
    sum
}
