//! What handlers, messages and policies may do wrong, and the broker bears: block a thread,
//! panic where nobody expects it, hold on to what is over.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ebbtide::{
    AgentConfig, AgentRef, Broker, BrokerConfig, Context, Decision, Happening, Lane, NoReply,
    NotAccepted, Observation, Pause, Policy, Refusal, registry, with,
};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

const MS: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(3600);

fn fixed(workers: u32) -> BrokerConfig {
    BrokerConfig {
        num_workers: workers,
        policy: "fixed".to_owned(),
        ..BrokerConfig::default()
    }
}

async fn started(config: BrokerConfig) -> Broker {
    Broker::builder().config(config).start().await.unwrap()
}

/// An agent whose handler blocks its thread until the sender is dropped, three seconds at most.
fn blocking() -> (mpsc::Sender<()>, Mutex<mpsc::Receiver<()>>) {
    let (release, blocked) = mpsc::channel();
    (release, Mutex::new(blocked))
}

fn block(blocked: &Mutex<mpsc::Receiver<()>>) {
    let _ = blocked.lock().unwrap().recv_timeout(3000 * MS);
}

/// The alarm was a task, woken by a worker that had rested and took a call whose lease ended
/// before the alarm: tokio kept it in the slot of that very thread, which nobody steals from.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_is_kept_while_its_handler_blocks_the_thread() {
    static UNBLOCKED: AtomicBool = AtomicBool::new(false);
    let config = BrokerConfig {
        control_interval_ms: 5000,
        ..fixed(1)
    };
    let broker = started(config).await;
    let (release, blocked) = blocking();
    let agent = async |blocked: &Mutex<mpsc::Receiver<()>>, (): &()| {
        block(blocked);
        UNBLOCKED.store(true, Ordering::SeqCst);
        Ok(())
    };
    let config = AgentConfig {
        call_timeout: Some((40 * MS).into()),
        ..AgentConfig::new("agent")
    };
    let agent = broker.add_agent(config, with(blocked, agent)).unwrap();
    // The worker rests, and the alarm is far off.
    sleep(50 * MS).await;
    let error = agent.request(()).deadline(80 * MS).await.unwrap_err();
    assert_eq!(error.reason, NoReply::Expired);
    assert!(
        !UNBLOCKED.load(Ordering::SeqCst),
        "it waited for the handler"
    );
    drop(release);
}

/// A message that panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "dropped");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_panics_when_dropped_stops_no_deadline_and_no_shutdown() {
    let broker = started(fixed(2)).await;
    let bombs = broker.add_agent("bombs", async |_: &Bomb| Ok(())).unwrap();
    let hangs = async |_: &u32| {
        std::future::pending::<()>().await;
        Ok(())
    };
    let hangs = broker.add_agent("hangs", hangs).unwrap();
    broker.pause_agent("bombs", Pause::UntilResumed).unwrap();
    bombs.send(Bomb).deadline(10 * MS).await.unwrap();
    sleep(100 * MS).await;
    let reply = timeout(LONG, hangs.request(1).deadline(50 * MS)).await;
    assert_eq!(reply.unwrap().unwrap_err().reason, NoReply::Expired);
    hangs.send(1).await.unwrap();
    let report = timeout(LONG, broker.shutdown(50 * MS)).await.unwrap();
    assert_eq!(report.returned, 1);
}

#[tokio::test(start_paused = true)]
async fn what_ends_beside_a_message_that_panics_when_dropped_is_told_too() {
    let broker = started(fixed(1)).await;
    let bombs = broker.add_agent("bombs", async |_: &Bomb| Ok(())).unwrap();
    let echo = async |number: &u32| Ok(*number);
    let echo = broker.add_agent("echo", echo).unwrap();
    broker.pause_lane(Lane::Normal, Pause::UntilResumed);
    bombs.send(Bomb).await.unwrap();
    let request = tokio::spawn(async move { echo.request(7).await.ok() });
    sleep(10 * MS).await;
    broker.resume_lane(Lane::Normal);
    assert_eq!(timeout(LONG, request).await.unwrap().unwrap(), Some(7));
    assert_eq!(broker.stats().workers_lost, 0);
}

/// Panics at its third tick.
struct Panics(u32);

impl Policy for Panics {
    fn name(&self) -> &str {
        "panics"
    }

    fn decide(&mut self, seen: &Observation) -> Decision {
        self.0 += 1;
        assert!(self.0 < 3, "out of ideas");
        registry::build("fixed").unwrap().decide(seen)
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_panics_is_replaced_and_told() {
    let builder = Broker::builder().config(fixed(3)).policy(Panics(0));
    let broker = builder.start().await.unwrap();
    let mut events = broker.events();
    let hangs = async |_: &u32| {
        std::future::pending::<()>().await;
        Ok(())
    };
    let hangs = broker.add_agent("hangs", hangs).unwrap();
    sleep(10_000 * MS).await;
    let reply = timeout(LONG, hangs.request(1).deadline(50 * MS)).await;
    assert_eq!(reply.unwrap().unwrap_err().reason, NoReply::Expired);
    let told = std::iter::from_fn(|| events.try_next()).map(|notice| notice.what);
    let told: Vec<_> = told
        .filter(|what| matches!(what, Happening::PolicyPanicked { .. }))
        .collect();
    let text = "panicked: out of ideas".to_owned();
    assert_eq!(told, [Happening::PolicyPanicked { text }]);
    assert_eq!(broker.setting().workers, 3);
    let decision = broker.stats().decision.unwrap();
    assert_eq!(&*decision.policy, "fixed");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_may_take_wakes_nobody() {
    let broker = started(fixed(2)).await;
    let agent = broker.add_agent("agent", async |_: &u32| Ok(())).unwrap();
    broker.pause_agent("agent", Pause::UntilResumed).unwrap();
    agent.send(1).await.unwrap();
    let slow = async |_: &u32| {
        sleep(25_000 * MS).await;
        Ok(())
    };
    let config = AgentConfig {
        in_flight_limit: Some(1),
        ..AgentConfig::new("slow")
    };
    let slow = broker.add_agent(config, slow).unwrap();
    slow.send(1).await.unwrap();
    slow.send(2).await.unwrap();
    sleep(5 * MS).await;
    let before = broker.stats().tasks.turns;
    sleep(600_000 * MS).await;
    let turns = broker.stats().tasks.turns - before;
    assert!(turns < 50, "{turns} turns");
    assert_eq!(broker.books().outcomes[0], 2);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_worker_that_starts() {
    let config = BrokerConfig {
        worker_start_ms: 10_000,
        policy: "adaptive".to_owned(),
        ..fixed(1)
    };
    let broker = started(config).await;
    let agent = broker.add_agent("agent", async |_: &u32| Ok(())).unwrap();
    sleep(20_000 * MS).await;
    broker.pin_workers(Some(2)).unwrap();
    sleep(5 * MS).await;
    for number in 0..3 {
        let asked = Instant::now();
        agent.request(number).await.unwrap();
        assert_eq!(asked.elapsed(), Duration::ZERO);
        sleep(10 * MS).await;
    }
}

/// A handler that blocks its thread lives on after the shutdown: what it sends then would be
/// accepted with nobody left to take it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_enters_a_closed_broker() {
    type Kept = (AgentRef<u32, ()>, Mutex<mpsc::Receiver<()>>, Answers);
    type Answers = Mutex<Vec<oneshot::Sender<Option<NotAccepted>>>>;
    let broker = started(fixed(1)).await;
    let next = broker.add_agent("next", async |_: &u32| Ok(())).unwrap();
    let (release, blocked) = blocking();
    let (began, begun) = oneshot::channel();
    let (answer, answered) = oneshot::channel();
    let answers = Mutex::new(vec![answer, began]);
    let agent = async |(next, blocked, answers): &Kept, _: &u32| {
        let began = answers.lock().unwrap().pop().unwrap();
        began.send(None).unwrap();
        block(blocked);
        let refused = next.try_send(7).err().map(|error| error.reason);
        let answer = answers.lock().unwrap().pop().unwrap();
        answer.send(refused).unwrap();
        Ok(())
    };
    let agent = with((next, blocked, answers), agent);
    let agent = broker.add_agent("agent", agent).unwrap();
    let request = tokio::spawn(async move { agent.request(1).await.is_ok() });
    begun.await.unwrap();
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    let report = broker.shutdown(5000 * MS).await;
    assert_eq!(report.still_working, 1);
    drop(release);
    assert_eq!(answered.await.unwrap(), Some(Refusal::ShuttingDown.into()));
    assert_eq!((broker.books().accepted, broker.books().queued()), (1, 0));
}

/// A turn of a worker is up to 256 calls long: each may take its time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_worker_is_not_taken_for_a_stuck_one() {
    let broker = started(fixed(1)).await;
    let busy = async |_: &u32| {
        let start = std::time::Instant::now();
        while start.elapsed() < 2 * MS {
            std::hint::spin_loop();
        }
        Ok(())
    };
    let busy = broker.add_agent("busy", busy).unwrap();
    let hangs = async |_: &u32| {
        std::future::pending::<()>().await;
        Ok(())
    };
    let config = AgentConfig {
        call_timeout: Some((40 * MS).into()),
        ..AgentConfig::new("hangs")
    };
    let hangs = broker.add_agent(config, hangs).unwrap();
    broker.pause_lane(Lane::Normal, Pause::UntilResumed);
    let requests: Vec<_> = (0..300)
        .map(|number| {
            let busy = busy.clone();
            tokio::spawn(async move { busy.request(number).await.is_ok() })
        })
        .collect();
    hangs.send(1).lane(Lane::Critical).await.unwrap();
    while broker.books().accepted < 301 {
        tokio::task::yield_now().await;
    }
    broker.resume_lane(Lane::Normal);
    for request in requests {
        assert!(request.await.unwrap());
    }
    assert_eq!(broker.stats().workers_lost, 0);
}

#[tokio::test(start_paused = true)]
async fn handlers_have_their_grace_at_the_limit_of_a_shutdown() {
    static CLEAN: AtomicU32 = AtomicU32::new(0);
    let config = BrokerConfig {
        cancel_grace_ms: 500,
        ..fixed(1)
    };
    let broker = started(config).await;
    let clean = async |_: &u32, call: &Context| {
        call.cancelled().await;
        sleep(10 * MS).await;
        CLEAN.fetch_add(1, Ordering::SeqCst);
        Ok(())
    };
    let clean = broker.add_agent("clean", clean).unwrap();
    clean.send(1).await.unwrap();
    sleep(5 * MS).await;
    let start = Instant::now();
    let report = broker.shutdown(20 * MS).await;
    assert_eq!((report.returned, report.still_working), (1, 0));
    assert_eq!(CLEAN.load(Ordering::SeqCst), 1);
    assert_eq!(start.elapsed(), 30 * MS, "no longer than they take");
}

/// Its requests would wait for workers that are no more, and its alarm's thread for ever.
#[test]
fn a_broker_ends_with_its_runtime() {
    let kept = Arc::new(());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let hangs = async |_: &Arc<()>, _: &u32| {
        std::future::pending::<()>().await;
        Ok(())
    };
    let (broker, agent) = runtime.block_on(async {
        let broker = started(fixed(1)).await;
        let agent = broker.add_agent("agent", with(kept.clone(), hangs));
        (broker, agent.unwrap())
    });
    agent.try_send(1).unwrap();
    drop(runtime);
    let books = broker.books();
    assert_eq!((books.accepted, books.finished()), (1, 1), "returned");
    let elsewhere = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let refused = elsewhere.block_on(async { agent.request(2).await.unwrap_err() });
    assert_eq!(refused.to_string(), "the broker is shutting down");
    elsewhere.block_on(broker.shutdown(LONG));
    drop((broker, agent));
    // The alarm's thread lets go of it soon.
    let start = std::time::Instant::now();
    while Arc::strong_count(&kept) > 1 {
        assert!(start.elapsed() < 3000 * MS, "it is kept");
        std::thread::yield_now();
    }
}
