//! What a run cost: worker-seconds, lateness and calls, each at its price. The one definition, wherever a cost
//! is named.
//!
//! A message is late by what its sojourn (or its wait, if that is what the objective limits) is beyond the
//! objective's limit. One that has no outcome when the run is over counts with its age. One that was lost
//! (refused, expired, cancelled, returned, dead-lettered) is late by its whole deadline, without one by [`LOST`], or by
//! what it was kept beyond the limit if that is more: to lose a message costs more than to deliver it at the last moment,
//! also where the deadline is within the objective. Each message's lateness weighs by its own
//! work, so that a second late of a message that is a second's work costs as much as ten of one that is 0.1 s.
//!
//! Workers are paid while messages arrive, from their order until they are gone; messages and calls count to the end
//! of the run.

use ebbtide_core::message::Outcome;
use ebbtide_core::units::Duration;
use ebbtide_policies::prices::Prices;
use serde::{Deserialize, Serialize};

/// How late a lost message without a deadline is, at least.
pub const LOST: Duration = Duration::from_secs(60);

/// What a run took, before prices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Workers starting, ready or draining, summed over time, in seconds.
    pub worker_seconds: f64,
    /// Seconds beyond the objective, summed over messages.
    pub lateness_s: f64,
    /// The same, each message's seconds times its own work, in worker-seconds a second.
    pub late_work: f64,
    /// Calls started.
    pub calls: f64,
}

impl Cost {
    /// All of it, in worker-seconds.
    #[must_use]
    pub fn total(&self, prices: Prices) -> f64 {
        self.worker_seconds + self.lateness(prices) + prices.call * self.calls
    }

    /// What lateness costs, in worker-seconds.
    #[must_use]
    pub fn lateness(&self, prices: Prices) -> f64 {
        prices.late * self.late_work
    }
}

/// Whether nobody got anything of the message.
pub(crate) const fn is_lost(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Delivered | Outcome::Rejected | Outcome::Discarded => false,
        Outcome::Expired | Outcome::Cancelled | Outcome::DeadLettered(_) | Outcome::Returned => {
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_its_parts_at_their_prices() {
        // Two workers for a minute; three messages of 0.2 s work, each 0.5 s late; 40 calls.
        let cost = Cost {
            worker_seconds: 120.0,
            lateness_s: 1.5,
            late_work: 0.3,
            calls: 40.0,
        };
        let at = |late, call| cost.total(Prices { late, call });
        assert!((at(10.0, 0.0) - 123.0).abs() < 1e-9);
        assert!((at(100.0, 0.0) - 150.0).abs() < 1e-9);
        assert!((at(1.0, 0.5) - 140.3).abs() < 1e-9);
    }
}
