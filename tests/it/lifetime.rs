//! How a broker begins and ends.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use ebbtide::{AgentRef, Broker, BrokerConfig, StartError, with};

const MS: Duration = Duration::from_millis(1);

fn fixed(workers: u32) -> BrokerConfig {
    BrokerConfig {
        num_workers: workers,
        policy: "fixed".to_owned(),
        ..BrokerConfig::default()
    }
}

/// It started, and its alarm's task panicked.
#[test]
fn a_runtime_without_timers_is_none() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let started = runtime.unwrap().block_on(Broker::builder().start());
    assert!(matches!(started.unwrap_err(), StartError::NoRuntime));
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
