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

    fn rests(&self, seen: &Observation) -> bool {
        self.batches.is_none() && self.workers.rests(seen)
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        let mut decision = self.workers.decide(observation);
        let Some(rule) = &mut self.batches else {
            return decision;
        };
        let (wish, bounds) = (rule.decide(observation), &observation.bounds);
        let (least, most) = (bounds.min_batch_size, bounds.max_batch_size);
        let (wanted, size) = (
            wish.size.clamp(f64::from(least), f64::from(most)),
            f64::from(observation.setting.batch_size),
        );
        decision.batch_size = wanted;
        decision.batch_timeout = wish.timeout.map(|it| it.min(bounds.max_batch_timeout));
        if wanted != size && wanted.is_finite() {
            let text = decision.reason.text.to_mut();
            let _ = write!(text, "; batches of {wanted} instead of {size}");
        }
        decision
    }
}

#[cfg(test)]
mod tests {
    use crate::registry::build;
    use crate::testing::observation;
    use crate::units::Time;

    #[test]
    fn a_rule_asks_for_no_more_than_the_bounds_allow() {
        let mut seen = observation(Time::ZERO);
        seen.setting.batch_size = 50;
        let mut policy = build("fixed+batch(size: 80, timeout: \"1h\")").expect("it is one");
        let decision = policy.decide(&seen);
        assert_eq!(decision.batch_size, 50.0);
        assert_eq!(decision.batch_timeout, Some(seen.bounds.max_batch_timeout));
        assert!(!decision.reason.text.contains("batches"));
    }
}
