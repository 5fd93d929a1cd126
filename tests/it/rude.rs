//! What is the user's and panics or takes its time: where a message, a reply or an agent is dropped, where an
//! observer hears.

use std::any::Any;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use ebbtide::{AgentConfig, Broker, BrokerConfig, Failure, Happening, Observer, Pause, with};
use ebbtide_core::event::{Event, What};
use ebbtide_core::message::Outcome;
use tokio::time::sleep;

const MS: Duration = Duration::from_millis(1);

/// Panics when it is dropped.
#[derive(Debug)]
struct Rude;

impl Drop for Rude {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

async fn broker() -> Broker {
    let config = BrokerConfig {
        retry_max_attempts: Some(1),
        ..BrokerConfig::default()
    };
    Broker::builder().config(config).start().await.unwrap()
}

/// How many messages were delivered.
fn delivered(broker: &Broker) -> u64 {
    broker.books().outcomes[Outcome::Delivered.index()]
}

/// Two of them in one worker aborted the process.
#[tokio::test(start_paused = true)]
async fn handlers_that_panic_when_they_are_dropped_at_a_shutdown_cost_nothing() {
    let broker = broker().await;
    let hangs = async |_: &u32| {
        let _rude = Rude;
        std::future::pending::<()>().await;
        Ok(())
    };
    let agent = broker.add_agent("agent", hangs).unwrap();
    for number in 0..20 {
        agent.send(number).await.unwrap();
    }
    sleep(MS).await;
    let report = broker.shutdown(100 * MS).await;
    assert_eq!((report.returned, report.still_working), (20, 0));
}

#[test]
fn handlers_that_panic_when_their_runtime_ends_cost_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let broker = runtime.block_on(async {
        let broker = broker().await;
        let hangs = with(Rude, async |_: &Rude, _: &Rude| {
            let _rude = Rude;
            std::future::pending::<()>().await;
            Ok(())
        });
        let agent = broker.add_agent("agent", hangs).unwrap();
        for _ in 0..20 {
            agent.send(Rude).await.unwrap();
        }
        tokio::task::yield_now().await;
        broker
    });
    drop(runtime);
    assert_eq!(broker.books().outcomes[Outcome::Returned.index()], 20);
}

#[tokio::test(start_paused = true)]
async fn dead_letters_that_panic_when_they_are_dropped_cost_nothing() {
    let broker = broker().await;
    let fails = async |_: &Rude| Err::<(), _>(Failure::retry("no"));
    let agent = broker.add_agent("agent", fails).unwrap();
    for _ in 0..6 {
        agent.send(Rude).await.unwrap();
    }
    sleep(MS).await;
    let letters = broker.dead_letters();
    assert!(broker.purge(letters[0].id) && broker.purge(letters[1].id));
    drop(letters);
    assert_eq!(broker.purge_all(), 4);
}

/// It was a dead letter that had "panicked: dropped".
#[tokio::test(start_paused = true)]
async fn an_unused_reply_that_panics_when_it_is_dropped_was_delivered() {
    let broker = broker().await;
    let answers = async |_: &u32| Ok(Rude);
    let agent = broker.add_agent("agent", answers).unwrap();
    agent.send(1).await.unwrap();
    let slow = async |_: &u32| {
        sleep(10 * MS).await;
        Ok(Rude)
    };
    let slow = broker.add_agent("slow", slow).unwrap();
    let gone = tokio::time::timeout(MS, slow.request(1)).await;
    assert!(gone.is_err(), "its caller is gone");
    sleep(20 * MS).await;
    assert_eq!(delivered(&broker), 1);
    assert!(broker.dead_letters().is_empty());
    assert_eq!(broker.stats().workers_lost, 0);
}

/// So was this, with its caller's reply.
#[tokio::test(start_paused = true)]
async fn what_an_agent_delivered_last_is_delivered_though_its_state_panics_when_dropped() {
    let broker = broker().await;
    for name in ["single", "batch"] {
        let config = AgentConfig {
            max_batch: Some(1),
            ..AgentConfig::new(name)
        };
        let single = async |_: &Rude, it: &u32| {
            sleep(10 * MS).await;
            Ok(*it)
        };
        let batch = async |_: &Rude, batch: ebbtide::Batch<'_, u32>| {
            sleep(10 * MS).await;
            batch.iter().map(|it| Ok(*it)).collect::<Vec<_>>()
        };
        let agent = match name {
            "single" => broker.add_agent(config, with(Rude, single)).unwrap(),
            _ => broker.add_agent(config, with(Rude, batch)).unwrap(),
        };
        let reply = agent.request(5).try_now().unwrap();
        sleep(MS).await;
        broker.remove_agent(name).unwrap();
        assert_eq!(reply.await.unwrap(), 5, "{name}");
    }
}

/// Its caller's own task panicked in place of the reply.
#[tokio::test(start_paused = true)]
async fn a_reply_reaches_a_caller_whose_message_panics_when_it_is_dropped() {
    let broker = broker().await;
    let agent = broker.add_agent("agent", async |_: &Rude| Ok(5)).unwrap();
    assert_eq!(agent.request(Rude).await.unwrap(), 5);
}

/// Panics at the twentieth event.
struct Startled(u32);

impl Observer for Startled {
    fn hear<M>(&mut self, _: &Event<M>, _: Option<&(dyn Any + Send + Sync)>) {
        self.0 += 1;
        assert!(self.0 != 20, "startled");
    }
}

/// The message of which it heard had its outcome, and its caller was never told.
#[tokio::test(start_paused = true)]
async fn an_observer_that_panics_hears_no_more_and_is_told_of() {
    let broker = Broker::builder().observer(Startled(0)).start();
    let broker = broker.await.unwrap();
    let mut events = broker.events();
    let echo = broker.add_agent("echo", async |it: &u32| Ok(*it)).unwrap();
    for number in 0..20 {
        let reply = echo.request(number).deadline(1000 * MS).await;
        assert_eq!(reply.unwrap(), number);
    }
    let told = std::iter::from_fn(|| events.try_next()).map(|notice| notice.what);
    let text = "panicked: startled".to_owned();
    let panicked = Happening::ObserverPanicked { text };
    assert_eq!(told.filter(|what| *what == panicked).count(), 1);
    assert_eq!(broker.stats().workers_lost, 0);
}

/// Panics when it hears of a message, with a value that asks the broker when it is dropped, as it does itself.
struct Asks(Arc<OnceLock<Broker>>, Sender<u64>);

impl Observer for Asks {
    fn hear<M>(&mut self, event: &Event<M>, _: Option<&(dyn Any + Send + Sync)>) {
        if matches!(event.what, What::Accepted { .. }) {
            std::panic::panic_any(Self(self.0.clone(), self.1.clone()));
        }
    }
}

impl Drop for Asks {
    fn drop(&mut self) {
        if let Some(broker) = self.0.get() {
            let _ = self.1.send(broker.books().accepted);
        }
        panic!("dropped");
    }
}

/// It was dropped under the broker's lock, for which it waited then.
#[test]
fn an_observer_that_panicked_may_ask_the_broker_as_it_is_dropped() {
    let (tell, told) = channel();
    let asked = tell.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let replied = runtime.unwrap().block_on(async {
            let cell = Arc::new(OnceLock::new());
            let builder = Broker::builder().observer(Asks(cell.clone(), asked));
            let broker = builder.start().await.unwrap();
            let echo = broker.add_agent("echo", async |it: &u64| Ok(*it)).unwrap();
            cell.set(broker).unwrap();
            echo.request(7).await
        });
        tell.send(replied.unwrap()).unwrap();
    });
    let mut heard = [(); 3].map(|()| told.recv_timeout(10_000 * MS).expect("it goes on"));
    heard.sort_unstable();
    assert_eq!(heard, [1, 1, 7]);
}

/// Its drop waits for a word, or for long.
struct Slow {
    dropped: Sender<()>,
    go: Mutex<Receiver<()>>,
}

impl Drop for Slow {
    fn drop(&mut self) {
        let go = self.go.get_mut().unwrap();
        let _ = go.recv_timeout(10_000 * MS);
        let _ = self.dropped.send(());
    }
}

impl Slow {
    /// With who lets it go, and who hears that it is dropped.
    fn new() -> (Self, Sender<()>, Receiver<()>) {
        let (let_go, go) = channel();
        let (dropped, is_dropped) = channel();
        let go = Mutex::new(go);
        (Self { dropped, go }, let_go, is_dropped)
    }
}

/// It was dropped by the thread that keeps the deadlines.
#[test]
fn a_deadline_is_kept_while_another_message_is_being_dropped() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let broker = broker().await;
        let hangs = async |_: &u32| {
            std::future::pending::<()>().await;
            Ok(())
        };
        let hangs = broker.add_agent("hangs", hangs).unwrap();
        let slow = broker.add_agent("slow", async |_: &Slow| Ok(())).unwrap();
        broker.pause_agent("slow", Pause::UntilResumed).unwrap();
        let (message, let_go, is_dropped) = Slow::new();
        slow.send(message).deadline(5 * MS).await.unwrap();
        hangs.request(1).deadline(20 * MS).await.unwrap_err();
        assert!(is_dropped.try_recv().is_err(), "it waits still");
        let_go.send(()).unwrap();
        is_dropped.recv().unwrap();
    });
}

/// Whether a message expires, as the thread that keeps the deadlines tells.
fn is_expiry<M>(event: &Event<M>) -> bool {
    matches!(event.what, What::Finished { outcome, .. } if outcome == Outcome::Expired)
}

/// Panics at the first message that expires, and is slow to be dropped.
struct SlowToGo {
    _slow: Slow,
}

impl Observer for SlowToGo {
    fn hear<M>(&mut self, event: &Event<M>, _: Option<&(dyn Any + Send + Sync)>) {
        assert!(!is_expiry(event), "startled");
    }
}

/// So was this.
#[test]
fn a_deadline_is_kept_while_an_observer_is_being_dropped() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let (slow, let_go, is_dropped) = Slow::new();
        let builder = Broker::builder().observer(SlowToGo { _slow: slow });
        let broker = builder.start().await.unwrap();
        let hangs = async |_: &u32| {
            std::future::pending::<()>().await;
            Ok(())
        };
        let hangs = broker.add_agent("hangs", hangs).unwrap();
        for after in [5, 20] {
            let ended = hangs.request(1).deadline(after * MS).await;
            ended.unwrap_err();
        }
        assert!(is_dropped.try_recv().is_err(), "it waits still");
        let_go.send(()).unwrap();
        is_dropped.recv().unwrap();
    });
}

/// Panics at the first message that expires, with a value that panics when it is dropped, as it does itself.
struct RudeToGo(Sender<()>);

impl Observer for RudeToGo {
    fn hear<M>(&mut self, event: &Event<M>, _: Option<&(dyn Any + Send + Sync)>) {
        if is_expiry(event) {
            std::panic::panic_any(Self(self.0.clone()));
        }
    }
}

impl Drop for RudeToGo {
    fn drop(&mut self) {
        let _ = self.0.send(());
        panic!("dropped");
    }
}

/// They were dropped together by a runtime that had ended, which aborted the process.
#[test]
fn what_panics_when_it_is_dropped_after_its_runtime_costs_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let (free, is_free) = channel::<()>();
    runtime.spawn_blocking(move || is_free.recv());
    let (tell, told) = channel();
    let broker = runtime.block_on(async {
        let builder = Broker::builder().observer(RudeToGo(tell));
        let broker = builder.start().await.unwrap();
        let hangs = async |_: &u32| {
            std::future::pending::<()>().await;
            Ok(())
        };
        let hangs = broker.add_agent("hangs", hangs).unwrap();
        let ended = hangs.request(1).deadline(5 * MS).await;
        ended.unwrap_err();
        broker
    });
    assert!(told.try_recv().is_err(), "no thread is free for it");
    runtime.shutdown_background();
    drop(free);
    for _ in 0..2 {
        told.recv_timeout(10_000 * MS).expect("it is dropped");
    }
    drop(broker);
}
