//! How a broker begins and ends.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use ebbtide::{AgentRef, Broker, BrokerConfig, Failure, StartError, TimeSource, with};
use tokio::runtime::Handle;
use tokio::time::sleep;

const MS: Duration = Duration::from_millis(1);

fn fixed(workers: u32) -> BrokerConfig {
    BrokerConfig {
        num_workers: workers,
        policy: "fixed".to_owned(),
        ..BrokerConfig::default()
    }
}

/// It was an error, and tokio's panic text was printed besides.
#[test]
fn a_runtime_without_timers_will_do() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(async {
        let config = BrokerConfig {
            max_workers: 2,
            worker_start_ms: 1,
            delivery_parallelism: 1,
            ..fixed(1)
        };
        let broker = Broker::builder().config(config).start().await.unwrap();
        let agent = async |number: &u32| match number {
            0 => std::future::pending().await,
            number => Ok(*number),
        };
        let agent = broker.add_agent("agent", agent).unwrap();
        agent.request(0).deadline(MS).await.unwrap_err();
        let _hangs = agent.request(0).try_now().unwrap();
        broker.pin_workers(Some(2)).unwrap();
        assert_eq!(agent.request(1).await.unwrap(), 1, "by the second worker");
        let report = broker.shutdown(MS).await;
        assert_eq!((report.returned, report.still_working), (1, 0));
    });
}

/// It started, and its alarm's task panicked.
#[test]
fn a_clock_without_timers_is_none() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let builder = Broker::builder().time_source(TimeSource::Runtime);
    let started = runtime.unwrap().block_on(builder.start());
    let error = started.unwrap_err();
    assert!(matches!(error, StartError::NoTimers), "{error}");
}

/// A name that no policy has was heard of only once the rest was mended.
#[tokio::test(start_paused = true)]
async fn a_start_names_all_faults_of_its_configuration() {
    let config = BrokerConfig {
        queue_warning_threshold: 2.0,
        batch_size: 0,
        policy: "fxied".to_owned(),
        ..BrokerConfig::default()
    };
    let started = Broker::builder().config(config).start().await;
    let error = started.unwrap_err().to_string();
    let all = [
        "batch_size is 0",
        "queue_warning_threshold is 2",
        "policy",
        "fxied",
    ];
    assert!(all.iter().all(|it| error.contains(it)), "{error}");
}

/// It showed the replacement of one that had gone with the runtime, as starting; and whom a pin or a
/// larger pool would have hired.
#[test]
fn a_closed_broker_has_no_workers() {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    let lives_on = runtime.block_on(async {
        let broker = Broker::builder().config(fixed(2)).start().await.unwrap();
        assert_eq!(broker.stats().workers.len(), 2);
        broker.shutdown(MS).await;
        assert!(broker.stats().workers.is_empty());
        let tasks = Handle::current().metrics().num_alive_tasks();
        broker.pin_workers(Some(3)).unwrap();
        assert!(broker.stats().workers.is_empty());
        let larger = BrokerConfig {
            min_workers: 5,
            ..fixed(5)
        };
        broker.reconfigure(larger).unwrap();
        broker.pin_workers(None).unwrap();
        assert!(broker.stats().workers.is_empty());
        assert_eq!(Handle::current().metrics().num_alive_tasks(), tasks);

        let broker = Broker::builder().config(fixed(2)).start().await.unwrap();
        let echo = broker.add_agent("echo", async |it: &u32| Ok(*it)).unwrap();
        echo.request(1).await.unwrap();
        broker
    });
    drop(runtime);
    assert!(lives_on.stats().workers.is_empty());
}

/// What a handler that blocks its thread needs.
struct Late {
    next: AgentRef<u32, ()>,
    entered: Sender<()>,
    go: Mutex<Receiver<()>>,
    tell: Sender<Result<(), String>>,
}

/// The handler's own message was cancelled, so the broker was closed while it still ran; what it
/// then sent was accepted and never seen again.
#[test]
fn nothing_enters_a_closed_broker() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let (entered, has_entered) = channel();
    let (let_go, go) = channel();
    let (tell, told) = channel();
    let go = Mutex::new(go);
    runtime.unwrap().block_on(async move {
        let broker = Broker::builder().config(fixed(2)).start().await.unwrap();
        let next = broker.add_agent("next", async |_: &u32| Ok(())).unwrap();
        let late = Late {
            next,
            entered,
            go,
            tell,
        };
        let blocks = async |late: &Late, _: &u32| {
            late.entered.send(()).unwrap();
            late.go.lock().unwrap().recv().unwrap();
            let sent = late.next.try_send(7);
            let sent = sent.map_err(|refused| refused.to_string());
            late.tell.send(sent).unwrap();
            Ok(())
        };
        let agent = broker.add_agent("agent", with(late, blocks)).unwrap();
        let request = tokio::spawn(async move { agent.request(1).await.map_err(drop) });
        let waited = tokio::task::spawn_blocking(move || has_entered.recv());
        waited.await.unwrap().unwrap();
        request.abort();
        let _ = request.await;
        broker.shutdown(5000 * MS).await;
        let_go.send(()).unwrap();
        let told = tokio::task::spawn_blocking(move || told.recv().unwrap());
        let refused = told.await.unwrap().unwrap_err();
        assert_eq!(refused, "the broker is shutting down");
        let books = broker.books();
        assert_eq!((books.accepted, books.finished()), (1, 1));
    });
}

/// Polls a future to its end, wherever that is.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(result) => return result,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// It panicked: there was no reactor running.
#[test]
fn a_shutdown_needs_no_runtime_around_it() {
    let start = async |files: bool| {
        let builder = Broker::builder().config(fixed(1));
        let broker = match files {
            true => builder.journal_to(io::sink()).start().await.unwrap(),
            false => builder.start().await.unwrap(),
        };
        let agent = broker.add_agent("agent", async |it: &u32| Ok(*it)).unwrap();
        agent.request(1).await.unwrap();
        broker
    };
    let built =
        |mut of: tokio::runtime::Builder| of.worker_threads(1).enable_all().build().unwrap();
    for files in [false, true] {
        let runtime = built(tokio::runtime::Builder::new_multi_thread());
        let broker = runtime.block_on(start(files));
        let report = block_on(broker.shutdown(10 * MS));
        assert!(
            report.files_whole && report.still_working == 0,
            "{report:?}"
        );
        // Nobody runs the tasks of this one.
        let runtime = built(tokio::runtime::Builder::new_current_thread());
        let broker = runtime.block_on(start(files));
        let report = block_on(broker.shutdown(10 * MS));
        assert!(
            report.files_whole && report.still_working == 1,
            "{report:?}"
        );
        let broker = runtime.block_on(start(files));
        drop(runtime);
        let report = block_on(broker.shutdown(10 * MS));
        assert!(
            report.files_whole && report.still_working == 0,
            "{report:?}"
        );
    }
}

/// What kept the broker's time was gone with its runtime, and nobody was left to say that a handler which blocks
/// its thread has had its last chance: the shutdown waited for that handler.
#[test]
fn a_shutdown_ends_though_its_runtime_went_away_and_a_handler_blocks_a_thread() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let (entered, has_entered) = channel();
    let (let_go, go) = channel::<()>();
    let ways = (entered, Mutex::new(go));
    let blocks = async |(entered, go): &(Sender<()>, Mutex<Receiver<()>>), _: &u32| {
        entered.send(()).unwrap();
        let _ = go.lock().unwrap().recv();
        Ok(())
    };
    let broker = runtime.block_on(async {
        let builder = Broker::builder().config(fixed(1));
        let broker = builder.time_source(TimeSource::Runtime).start().await;
        let broker = broker.unwrap();
        let agent = broker.add_agent("agent", with(ways, blocks)).unwrap();
        agent.send(1).await.unwrap();
        broker
    });
    has_entered.recv().unwrap();
    let (tell, told) = channel();
    let waits = std::thread::spawn(move || {
        tell.send(block_on(broker.shutdown(10_000 * MS))).unwrap();
    });
    runtime.shutdown_background();
    let report = told.recv_timeout(10_000 * MS);
    drop(let_go);
    assert_eq!(report.expect("it ends").still_working, 1);
    waits.join().unwrap();
}

/// A disk that takes the preamble and then stands still for good.
struct Stuck(usize);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += 1;
        if self.0 > 3 {
            loop {
                std::thread::park();
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// It never ended.
#[tokio::test(start_paused = true)]
async fn a_shutdown_does_not_wait_for_a_disk_that_stands_still() {
    let broker = Broker::builder().journal_to(Stuck(0)).start().await;
    let report = broker.unwrap().shutdown(50 * MS).await;
    assert!(!report.files_whole, "{report:?}");
    assert!(report.took < (50 * MS).into(), "{report:?}");
}

/// What it gave back was in the books before it looked.
#[tokio::test(start_paused = true)]
async fn a_shutdown_without_any_time_reports_what_it_gave_back() {
    let broker = Broker::builder().config(fixed(1)).start().await.unwrap();
    let agent = broker.add_agent("agent", async |_: &u32| {
        std::future::pending::<Result<(), _>>().await
    });
    let agent = agent.unwrap();
    for number in 0..20 {
        agent.send(number).await.unwrap();
    }
    let report = broker.shutdown(Duration::ZERO).await;
    assert_eq!((report.returned, report.delivered), (20, 0), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn a_start_that_fails_leaves_the_old_journal_as_it_is() {
    let path = std::env::temp_dir().join(format!("ebbtide-old-{}", std::process::id()));
    std::fs::write(&path, "old").unwrap();
    let twice = async |_: &u32| Ok(());
    let builder = Broker::builder().journal(&path);
    let started = builder.agent("one", twice).agent("one", twice).start();
    assert!(matches!(started.await, Err(StartError::Agent(_))));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
    std::fs::remove_file(&path).unwrap();
}

/// A handler that held a handle to another agent kept itself, and its broker, for ever.
#[tokio::test(start_paused = true)]
async fn a_handler_is_dropped_with_its_agent_or_its_broker() {
    let broker = Broker::builder().config(fixed(1)).start().await.unwrap();
    let next = broker.add_agent("next", async |it: &u32| Ok(*it)).unwrap();
    let add = |name: &str| {
        let state = Arc::new(next.clone());
        let held = Arc::downgrade(&state);
        let asks = async |next: &Arc<AgentRef<u32, u32>>, it: &u32| {
            sleep(10 * MS).await;
            let reply = next.request(*it).await;
            reply.map_err(|error| Failure::retry(error.to_string()))
        };
        (broker.add_agent(name, with(state, asks)).unwrap(), held)
    };
    let ((one, of_one), (two, of_two)) = (add("one"), add("two"));
    let (reply, ()) = tokio::join!(async { one.request(1).await }, async {
        sleep(MS).await;
        broker.remove_agent("one").unwrap();
        assert!(of_one.upgrade().is_some(), "its call is under way");
    });
    assert_eq!(reply.unwrap(), 1);
    assert!(of_one.upgrade().is_none());
    assert_eq!(two.request(2).await.unwrap(), 2);
    broker.shutdown(1000 * MS).await;
    assert!(of_two.upgrade().is_none());
}

/// It started, with other workers than were asked for.
#[tokio::test(start_paused = true)]
async fn a_policy_that_starts_with_more_workers_than_there_may_be_is_refused() {
    let config = BrokerConfig {
        policy: "fixed(1001)".to_owned(),
        ..BrokerConfig::default()
    };
    let started = Broker::builder().config(config).start().await;
    let error = started.unwrap_err().to_string();
    assert!(error.contains("1001, allowed are 1 to 1000"), "{error}");
    let config = BrokerConfig {
        policy: "fixed(1000)".to_owned(),
        ..BrokerConfig::default()
    };
    Broker::builder().config(config).start().await.unwrap();
}
