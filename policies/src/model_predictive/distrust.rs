//! Checks predictions against what followed, and makes the policy more careful while the
//! model flatters: an extra on the load it reckons with.

/// Messages an interval must have finished to say anything.
const LEAST_COUNT: u64 = 20;
/// Later than predicted means: this many times the larger of prediction and allowance.
const CLEARLY_LATER: f64 = 1.5;
/// Only a busy pool can be at fault: below this share of slot-time with a call, more slots
/// would not have helped.
const BUSY_SHARE: f64 = 0.6;
/// The extra grows by this a second of flattery …
const STEP: f64 = 0.04;
/// … up to this share of the load …
const MOST: f64 = 0.4;
/// … and fades by this share a second.
const FADING: f64 = 0.02;

/// The extra share of load, 0–0.4.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Distrust {
    extra: f64,
}

/// A prediction's late share beside what came of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    pub(super) length_s: f64,
    pub(super) count: u64,
    pub(super) predicted: f64,
    pub(super) observed: f64,
    pub(super) allowed: f64,
    pub(super) busy_share: f64,
}

impl Distrust {
    pub(super) fn observe(&mut self, outcome: Outcome) {
        let length_s = outcome.length_s.min(1.0);
        let expected = outcome.predicted.max(outcome.allowed);
        let is_flattered = outcome.count >= LEAST_COUNT
            && outcome.busy_share > BUSY_SHARE
            && outcome.observed > CLEARLY_LATER * expected;
        if is_flattered {
            self.extra = (self.extra + STEP * length_s).min(MOST);
        } else {
            self.extra *= 1.0 - FADING * length_s;
        }
    }

    /// The share of load to add.
    pub(super) fn extra(self) -> f64 {
        self.extra
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLATTERED: Outcome = Outcome {
        length_s: 1.0,
        count: 100,
        predicted: 0.01,
        observed: 0.2,
        allowed: 0.05,
        busy_share: 0.9,
    };

    #[test]
    fn grows_while_the_model_flatters_and_fades_after() {
        let mut distrust = Distrust::default();
        for _ in 0..100 {
            distrust.observe(FLATTERED);
        }
        assert_eq!(distrust.extra(), MOST);
        for _ in 0..200 {
            distrust.observe(Outcome {
                observed: 0.0,
                ..FLATTERED
            });
        }
        assert!(distrust.extra() < 0.01);
    }

    #[test]
    fn slow_agents_are_not_the_pools_fault() {
        let mut distrust = Distrust::default();
        distrust.observe(Outcome {
            busy_share: 0.3,
            ..FLATTERED
        });
        distrust.observe(Outcome {
            predicted: 0.2,
            ..FLATTERED
        });
        distrust.observe(Outcome {
            count: 3,
            ..FLATTERED
        });
        assert_eq!(distrust.extra(), 0.0);
    }
}
