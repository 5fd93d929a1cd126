//! A policy under guard: one that panics costs its decision and its job, never the broker.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ebbtide_policies::Policy;
use ebbtide_policies::decision::Decision;
use ebbtide_policies::fixed::Fixed;
use ebbtide_policies::observation::Observation;
use parking_lot::Mutex;

use crate::worker::panic_text;

/// What the panic of a policy said, until somebody heeds it.
pub(crate) type Panicked = Arc<Mutex<Option<String>>>;

/// A policy, and who takes its place at once if it panics. Its name and start are asked for
/// once, when it is handed in.
pub(crate) struct Guarded {
    name: String,
    start_workers: Option<u32>,
    policy: Box<dyn Policy>,
    panicked: Panicked,
}

impl Guarded {
    pub(crate) fn new(policy: Box<dyn Policy>, panicked: Panicked) -> Self {
        Self {
            name: policy.name().to_owned(),
            start_workers: policy.start_workers(),
            policy,
            panicked,
        }
    }
}

impl Policy for Guarded {
    fn name(&self) -> &str {
        &self.name
    }

    fn start_workers(&self) -> Option<u32> {
        self.start_workers
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        let policy = &mut self.policy;
        let decided = catch_unwind(AssertUnwindSafe(|| policy.decide(observation)));
        decided.unwrap_or_else(|panic| {
            *self.panicked.lock() = Some(panic_text(&*panic));
            let fixed = Box::new(Fixed::at_start_setting());
            let panicked = std::mem::replace(&mut self.policy, fixed);
            let _ = catch_unwind(AssertUnwindSafe(|| drop(panicked)));
            self.policy.decide(observation)
        })
    }
}
