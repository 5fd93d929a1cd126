//! The one task that sleeps: until core's next timer, or until somebody sets an earlier one.
//!
//! Nothing polls. A broker in which nothing happens wakes for its control tick and otherwise
//! never.

use std::sync::Arc;

use tokio::time::sleep_until;

use crate::floor::Errands;
use crate::shared::Shared;

/// Turns that other tasks get at an instant of paused time before its timers run. What ends
/// then is to be settled first, and may bring new messages about at the same instant.
const TURNS: usize = 4;

/// Runs until the broker is closed.
pub(crate) async fn watch(shared: Arc<Shared>) {
    let mut errands = Errands::default();
    while let Some(armed) = shared.armed() {
        tokio::select! {
            biased;
            () = shared.alarm.notified() => continue,
            () = sleep_until(shared.clock.instant(armed)) => {}
        }
        if shared.clock.is_runtime() {
            for _ in 0..TURNS {
                tokio::task::yield_now().await;
            }
        }
        shared.with_floor(&mut errands, |floor, errands| {
            floor.wake_up(&shared, errands)
        });
    }
}
