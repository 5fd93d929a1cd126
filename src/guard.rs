//! A policy under guard: one that panics costs its decision and its job, never the broker.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ebbtide_policies::decision::Decision;
use ebbtide_policies::fixed::Fixed;
use ebbtide_policies::observation::Observation;
use ebbtide_policies::{Policy, registry};
use parking_lot::Mutex;

use crate::contained::{discard, panic_text};

/// What the panic of a policy said, until somebody heeds it.
pub(crate) type Panicked = Arc<Mutex<Option<String>>>;

/// A policy of the user's. One that has a shipped policy's name is called otherwise: a journal names
/// its policies, and what replays one would take the shipped policy for it.
pub(crate) fn own(policy: Box<dyn Policy>) -> Box<dyn Policy> {
    match registry::build(policy.name()) {
        Ok(_) => Box::new(Renamed {
            name: format!("{} of your own", policy.name()),
            policy,
        }),
        Err(_) => policy,
    }
}

/// A policy under another name.
struct Renamed {
    name: String,
    policy: Box<dyn Policy>,
}

impl Policy for Renamed {
    fn name(&self) -> &str {
        &self.name
    }

    fn start_workers(&self) -> Option<u32> {
        self.policy.start_workers()
    }

    fn rests(&self, seen: &Observation) -> bool {
        self.policy.rests(seen)
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        self.policy.decide(observation)
    }
}

/// A policy, and who takes its place at once if it panics. Its name and start are asked for
/// once, when it is handed in.
pub(crate) struct Guarded {
    name: String,
    start_workers: Option<u32>,
    policy: Box<dyn Policy>,
    /// One that panicked: it is dropped with its guard, not under the broker's lock.
    retired: Option<Box<dyn Policy>>,
    /// What its panics carried, which is dropped so too: of a question and of a decision.
    carried: Mutex<Vec<Box<dyn Any + Send>>>,
    panicked: Panicked,
}

impl Guarded {
    pub(crate) fn new(policy: Box<dyn Policy>, panicked: Panicked) -> Self {
        Self {
            name: policy.name().to_owned(),
            start_workers: policy.start_workers(),
            policy,
            retired: None,
            carried: Mutex::default(),
            panicked,
        }
    }
}

/// Two that panic when they are dropped must not do so at once.
impl Drop for Guarded {
    fn drop(&mut self) {
        self.carried.get_mut().drain(..).for_each(discard);
    }
}

impl Policy for Guarded {
    fn name(&self) -> &str {
        &self.name
    }

    fn start_workers(&self) -> Option<u32> {
        self.start_workers
    }

    /// One that panics when it is asked does not rest, and is not asked again: its next decision
    /// tells.
    fn rests(&self, seen: &Observation) -> bool {
        let mut carried = self.carried.lock();
        if !carried.is_empty() {
            return false;
        }
        let rests = catch_unwind(AssertUnwindSafe(|| self.policy.rests(seen)));
        rests.unwrap_or_else(|panic| {
            carried.push(panic);
            false
        })
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        let policy = &mut self.policy;
        let decided = catch_unwind(AssertUnwindSafe(|| policy.decide(observation)));
        decided.unwrap_or_else(|panic| {
            *self.panicked.lock() = Some(panic_text(&*panic));
            self.carried.lock().push(panic);
            let fixed = Box::new(Fixed::at_start_setting());
            self.retired = Some(std::mem::replace(&mut self.policy, fixed));
            self.policy.decide(observation)
        })
    }
}
