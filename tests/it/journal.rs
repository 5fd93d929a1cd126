//! The journal of a live broker whose writer stalls or fails. That wall-clock runs replay in a
//! process of their own is tested with the command (`cli/tests/it/parity.rs`).

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use ebbtide::{Broker, Builder};
use ebbtide_core::journal::{Parity, Reader, Replay};
use ebbtide_policies::registry;
use tokio::time::sleep;

/// A disk that stands still until it is let go.
#[derive(Clone, Default)]
struct Disk(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    stands_still: bool,
    flushed: bool,
}

impl Disk {
    fn stand_still(&self) {
        let mut state = self.0.0.lock().unwrap();
        state.stands_still = true;
        state.flushed = false;
    }

    /// Lets it go, and waits until it has caught up.
    fn catch_up(&self) {
        let (state, changed) = &*self.0;
        let mut state = state.lock().unwrap();
        state.stands_still = false;
        changed.notify_all();
        drop(changed.wait_while(state, |state| !state.flushed).unwrap());
    }

    fn parity(&self) -> Parity {
        let bytes = self.0.0.lock().unwrap().bytes.clone();
        let build = |name: &str| registry::build(name).ok();
        let (mut reader, mut replay) = (Reader::new(&bytes[..]).unwrap(), Replay::new(&build));
        while let Some(record) = reader.next_record().unwrap() {
            replay.feed(&record).unwrap();
        }
        replay.parity().clone()
    }
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (state, changed) = &*self.0;
        let state = state.lock().unwrap();
        let mut state = changed
            .wait_while(state, |state| state.stands_still)
            .unwrap();
        state.bytes.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.0.lock().unwrap().flushed = true;
        self.0.1.notify_all();
        Ok(())
    }
}

/// A message a second for so many seconds, under the default policy.
async fn live(broker: &Broker, seconds: u32) {
    let echo = broker.agent::<u32, u32>("echo").unwrap();
    for number in 0..seconds {
        assert_eq!(echo.request(number).await.unwrap(), number);
        sleep(Duration::from_millis(990)).await;
    }
}

fn broker() -> Builder {
    Broker::builder().agent("echo", async |number: &u32| {
        sleep(Duration::from_millis(10)).await;
        Ok(*number)
    })
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_stands_still_costs_a_gap_and_holds_nobody_up() {
    let disk = Disk::default();
    let broker = broker().journal_to(disk.clone()).start().await.unwrap();
    live(&broker, 20).await;
    disk.stand_still();
    // Each tick hands a chunk on: the line is full after some 256 of them.
    live(&broker, 400).await;
    disk.catch_up();
    live(&broker, 20).await;
    broker.shutdown(Duration::from_secs(1)).await;

    let parity = disk.parity();
    assert_eq!(parity.mismatch, None, "{parity:?}");
    assert!(parity.ended && parity.gaps == 1, "{parity:?}");
    assert!(
        parity.lost.inputs > 300 && parity.lost.decisions == 0,
        "{parity:?}"
    );
    assert!(parity.decisions_in_gaps > 100, "{parity:?}");
    let decisions = parity.decisions + parity.decisions_in_gaps;
    assert!(decisions >= 439, "{parity:?}");
}

/// A disk with no room left.
struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Room for the preamble alone.
struct Nearly(Option<Full>);

impl Write for Nearly {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Some(full) => full.write(bytes),
            None => {
                if bytes.len() < 8 {
                    self.0 = Some(Full);
                }
                Ok(bytes.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_ends_the_journal_and_not_the_broker() {
    let refused = broker().journal_to(Full).start().await;
    assert_eq!(
        refused.unwrap_err().to_string(),
        "the journal cannot be written"
    );

    let broker = broker().journal_to(Nearly(None)).start().await.unwrap();
    live(&broker, 20).await;
    let report = broker.shutdown(Duration::from_secs(1)).await;
    assert_eq!(report.returned, 0);
    let error = broker.journal_error().expect("the disk was full");
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}
