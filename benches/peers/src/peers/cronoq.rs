//! cronoq: a scheduler with priorities, deadlines, leases, retries and pools that size
//! themselves; the nearest peer.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cronoq::{Pool, Scheduler, Task, TaskContext, TaskError};
use tokio::sync::Notify;

use crate::cases::{BOUND, Case, NAP, Payload};
use crate::drive::{Ask, Tell, ask_all, on_tokio, tell_all};
use crate::tally::Tally;

/// Workers where the case names none.
const WORKERS: u32 = 5;

#[derive(Clone)]
struct Client(Arc<Scheduler<Payload, u64>>);

impl Tell for Client {
    async fn tell(&mut self, message: Payload) {
        let sent = self.0.enqueue(Task::new(message)).await;
        sent.expect("it stays");
    }
}

impl Ask for Client {
    async fn ask(&self, message: Payload) -> u64 {
        let handle = self.0.submit(Task::new(message)).await.expect("it stays");
        *handle.await.expect("it answers")
    }
}

/// Runs the case.
#[must_use]
pub fn run(case: Case, messages: u64) -> u64 {
    match case {
        Case::Tell {
            producers,
            consumers,
        } => on_tokio(tell(producers, consumers, messages)),
        Case::Ask { in_flight } => on_tokio(async move {
            let answer = |_, message: Arc<Payload>| async move { Ok(message[7]) };
            ask_all(start(WORKERS, answer).await, in_flight, messages).await
        }),
        Case::Callers { callers } => on_tokio(async move {
            let answer = |_, message: Arc<Payload>| async move {
                tokio::time::sleep(NAP).await;
                Ok(message[7])
            };
            let workers = u32::try_from(callers).expect("few callers");
            ask_all(start(workers, answer).await, callers, messages).await
        }),
    }
}

async fn start<F, Fut>(workers: u32, executor: F) -> Client
where
    F: Fn(TaskContext, Arc<Payload>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<u64, TaskError>> + Send + 'static,
{
    let pool = Pool::fixed("default", workers).executor_fn(executor);
    // A full pool makes its senders wait: that is its default.
    let pool = pool.configure(|pool| pool.bounds.max_pending = Some(BOUND));
    let built = Scheduler::builder()
        .pool(pool)
        .output_cache(0)
        .configure(|core| {
            core.retention = Duration::ZERO;
            core.retention_max = 0;
        })
        .build()
        .await;
    Client(Arc::new(built.expect("it starts")))
}

/// Neither a shutdown nor the last client's end lets what is queued start, so the last message
/// tells that all are done.
async fn tell(producers: u64, consumers: u32, messages: u64) -> u64 {
    let (tally, all) = (Tally::default(), Arc::new(Notify::new()));
    let left = Arc::new(AtomicU64::new(messages));
    let (sums, done) = (tally.clone(), all.clone());
    let add = move |_, message: Arc<Payload>| {
        sums.add(&message);
        if left.fetch_sub(1, Ordering::AcqRel) == 1 {
            done.notify_one();
        }
        async { Ok(0) }
    };
    let client = start(consumers, add).await;
    tell_all(client.clone(), producers, messages).await;
    all.notified().await;
    tally.sum()
}
