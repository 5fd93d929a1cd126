//! What is paid for, beside workers: lateness and calls. Apart because a configuration says it, a policy
//! weighs it and a run is judged by it.

use serde::{Deserialize, Serialize};

/// Prices in worker-seconds: a second of one worker costs 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// One second of one message beyond the objective, in that message's own work: its share of a call at the
    /// best batch, in worker-seconds. Finite, 0 or more.
    pub late: f64,
    /// One call, in worker-seconds. Finite, 0 or more.
    pub call: f64,
}

/// Ten times a message's own work for a second of lateness, and free calls.
impl Default for Prices {
    fn default() -> Self {
        Self {
            late: 10.0,
            call: 0.0,
        }
    }
}
