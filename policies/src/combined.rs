//! A policy under the text that chose it, with a batch rule beside it where one was named.

use std::fmt::Write as _;

use crate::batch_rule::BatchRule;
use crate::decision::Decision;
use crate::observation::Observation;
use crate::policy::Policy;

/// Workers by a policy, batches by a rule, both seeing the same observations.
pub struct Combined {
    name: String,
    workers: Box<dyn Policy>,
    batches: Option<Box<dyn BatchRule>>,
}

impl Combined {
    /// Joins them; without a rule, batches are the policy's too. `name` is the whole text that
    /// chose them.
    #[must_use]
    pub fn new(
        name: String,
        workers: Box<dyn Policy>,
        batches: Option<Box<dyn BatchRule>>,
    ) -> Self {
        Self {
            name,
            workers,
            batches,
        }
    }
}

impl Policy for Combined {
    fn name(&self) -> &str {
        &self.name
    }

    fn start_workers(&self) -> Option<u32> {
        self.workers.start_workers()
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        let mut decision = self.workers.decide(observation);
        let Some(rule) = &mut self.batches else {
            return decision;
        };
        let wish = rule.decide(observation);
        decision.batch_size = wish.size;
        decision.batch_timeout = wish.timeout;
        let size = f64::from(observation.setting.batch_size);
        if wish.size != size && wish.size.is_finite() {
            let text = decision.reason.text.to_mut();
            let _ = write!(text, "; batches of {} instead of {size}", wish.size);
        }
        decision
    }
}
