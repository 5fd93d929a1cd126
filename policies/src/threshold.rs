//! `threshold`: backlog per worker, as KEDA's queue scalers and the Kubernetes horizontal pod
//! autoscaler (HPA) do together.
//!
//! Formulas and constants are theirs: `replica_calculator.go` and `horizontal.go` of
//! kubernetes/kubernetes, `pkg/apis/autoscaling/v2/defaults.go` for the defaults,
//! `rabbitmq_scaler.go` of kedacore/keda for the target. The control interval plays the part
//! of HPA's sync period. Deliberately absent: scaling to zero, since a pool has at least one
//! worker, and any steering of batches, which KEDA does not know.

use std::borrow::Cow;
use std::collections::VecDeque;

use crate::decision::{Decision, Reason};
use crate::observation::Observation;
use crate::policy::Policy;
use crate::settings::{Configured, SettingError, within};
use crate::units::{Duration, Time};
use crate::window::WindowMax;

/// Messages, waiting or in a call, that each worker should have: KEDA's default for RabbitMQ.
const TARGET_PER_WORKER: u32 = 20;
/// Within 10 % of the target nothing changes (`--horizontal-pod-autoscaler-tolerance`).
const TOLERANCE: f64 = 0.1;
/// Shrinks only to the largest recommendation of five minutes
/// (`--horizontal-pod-autoscaler-downscale-stabilization`).
const SHRINK_WINDOW: Duration = Duration::from_secs(300);
/// Growth is limited over this period (`scaleUp.policies[].periodSeconds`) …
const GROWTH_PERIOD: Duration = Duration::from_secs(15);
/// … to four workers or as many as there are, whichever is more (`selectPolicy: Max`).
/// The default for shrinking, 100 % a period, limits nothing.
const GROWTH_WORKERS: u32 = 4;

/// What can be set.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Messages, waiting or in a call, that each worker should have, at least 1.
    pub target: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            target: TARGET_PER_WORKER,
        }
    }
}

impl crate::settings::Settings for Settings {
    const BARE: Option<&'static str> = Some("target");

    fn check(&self) -> Result<(), SettingError> {
        within("target", self.target, 1..=u32::MAX)
    }
}

/// Keeps the backlog per worker near a target.
#[derive(Clone, Debug)]
pub struct Threshold {
    name: Cow<'static, str>,
    target: u32,
    /// Recommendations of the last five minutes.
    recommended: WindowMax,
    /// Growth that was applied within the last period: when, and by how many workers.
    grown: VecDeque<(Time, u32)>,
    /// Workers at the last tick, and when that was.
    last: Option<(Time, u32)>,
}

impl Default for Threshold {
    fn default() -> Self {
        Self::of(Cow::Borrowed("threshold"), TARGET_PER_WORKER)
    }
}

impl Configured for Threshold {
    type Settings = Settings;

    fn new(settings: Settings) -> Self {
        Self::of(Cow::Borrowed("threshold"), settings.target)
    }
}

impl Threshold {
    /// Keeps `target` messages, waiting or in a call, per worker; at least 1.
    #[must_use]
    pub fn with_target(target: u32) -> Self {
        Self::of(Cow::Owned(format!("threshold({target})")), target.max(1))
    }

    fn of(name: Cow<'static, str>, target: u32) -> Self {
        Self {
            name,
            target,
            recommended: WindowMax::new(SHRINK_WINDOW),
            grown: VecDeque::new(),
            last: None,
        }
    }

    /// HPA's AverageValue formula: the total over the target, rounded up, or the present if the
    /// ratio lies within the tolerance, both ends included.
    fn recommend(&self, total: u64, present: u32) -> u32 {
        let target = f64::from(self.target);
        let ratio = total as f64 / (target * f64::from(present.max(1)));
        if (1.0 - TOLERANCE..=1.0 + TOLERANCE).contains(&ratio) {
            present
        } else {
            // The cast saturates; bounds and the growth limit cut it further.
            (total as f64 / target).ceil() as u32
        }
    }

    /// The most workers that may run now: what ran a period ago, plus four or doubled.
    fn growth_limit(&self, present: u32) -> u32 {
        let grown = (self.grown.iter()).fold(0, |sum: u32, &(_, by)| sum.saturating_add(by));
        let start = present.saturating_sub(grown);
        start.saturating_add(GROWTH_WORKERS.max(start)).max(present)
    }

    /// Notes the growth that followed the last tick, whoever caused it.
    fn note_growth(&mut self, now: Time, present: u32) {
        if let Some((at, before)) = self.last
            && present > before
        {
            self.grown.push_back((at, present - before));
        }
        while (self.grown.front()).is_some_and(|&(at, _)| now.since(at) >= GROWTH_PERIOD) {
            self.grown.pop_front();
        }
        self.last = Some((now, present));
    }

    fn reason(&self, total: u64, present: u32, wanted: u32) -> Reason {
        let each = total as f64 / f64::from(present.max(1));
        let target = self.target;
        let (code, text) = if wanted > present {
            (
                "backlog-above-target",
                format!("{each:.1} messages a worker exceed the target of {target}"),
            )
        } else if wanted < present {
            (
                "backlog-below-target",
                format!("fewer than {target} messages a worker for five minutes"),
            )
        } else {
            return Reason {
                code: Cow::Borrowed("steady"),
                text: Cow::Borrowed("the backlog asks for no change, or not for long enough"),
            };
        };
        Reason {
            code: Cow::Borrowed(code),
            text: Cow::Owned(text),
        }
    }
}

/// Waiting messages and calls in flight: what KEDA counts for RabbitMQ over HTTP (ready and
/// unacknowledged). A scaler that sees only what waits shrinks busy workers away.
fn total(observation: &Observation) -> u64 {
    let in_flight = observation.agents.iter().map(|a| u64::from(a.in_flight));
    in_flight.fold(observation.queue.waiting, u64::saturating_add)
}

impl Policy for Threshold {
    fn name(&self) -> &str {
        &self.name
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        let (now, present) = (observation.at, observation.setting.workers);
        if self.last.is_none() {
            // HPA's first entry: what runs counts as recommended.
            self.recommended.push(now, present);
        }
        self.note_growth(now, present);
        let total = total(observation);
        let raw = self.recommend(total, present);
        let largest = self.recommended.push(now, raw);
        let wanted = if raw > present {
            raw.min(self.growth_limit(present))
        } else {
            largest.min(present)
        };
        // As HPA does, by its fewest and most replicas.
        let (least, most) = (
            observation.bounds.min_workers,
            observation.bounds.max_workers,
        );
        let wanted = wanted.clamp(least, most);
        Decision {
            workers: f64::from(wanted),
            batch_size: f64::from(observation.setting.batch_size),
            batch_timeout: None,
            reason: self.reason(total, present, wanted),
            prediction: None,
            rejected: Vec::new(),
            early_tick: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::observation;

    /// The wishes at `every` seconds with these totals, each applied up to `max` workers.
    fn run(mut policy: Threshold, start: u32, max: u32, every: u64, totals: &[u64]) -> Vec<u32> {
        let mut present = start;
        let mut wishes = Vec::new();
        for (k, &total) in (0..).zip(totals) {
            let mut seen = observation(Time::ZERO + Duration::from_secs(every * k));
            seen.setting.workers = present;
            seen.bounds.max_workers = max;
            seen.queue.waiting = total;
            present = (policy.decide(&seen).workers as u32).clamp(1, max);
            wishes.push(present);
        }
        wishes
    }

    #[track_caller]
    fn check_first(start: u32, total: u64, expected: u32) {
        assert_eq!(
            run(Threshold::default(), start, 100, 15, &[total]),
            [expected]
        );
    }

    #[test]
    fn follows_the_average_value_formula_and_its_tolerance() {
        // Computed cases for a target of 20.
        check_first(5, 110, 5);
        check_first(5, 111, 6);
        check_first(5, 90, 5);
        check_first(5, 89, 5);
        check_first(5, 80, 5); // a raw 4, held by the window
        check_first(1, 25, 2);
        check_first(1, 22, 1);
        let policy = Threshold::default();
        assert_eq!(policy.recommend(89, 5), 5);
        assert_eq!(policy.recommend(80, 5), 4);
        assert_eq!(policy.recommend(0, 5), 0);
    }

    #[test]
    fn grows_by_four_or_doubles_each_fifteen_seconds() {
        let thirty = [600; 4]; // a raw 30 at t = 0, 15, 30, 45
        assert_eq!(
            run(Threshold::default(), 1, 100, 15, &thirty),
            [5, 10, 20, 30]
        );
        // A faster tick is held to the same growth.
        let fast = run(Threshold::default(), 1, 100, 5, &[600; 7]);
        assert_eq!(fast, [5, 5, 5, 10, 10, 10, 20]);
    }

    #[test]
    fn shrinks_in_one_step_when_no_larger_wish_is_left_of_five_minutes() {
        let mut totals = vec![60; 25]; // a raw 3 from t = 15 on
        totals[0] = 200; // a raw 10 at t = 0
        let wishes = run(Threshold::default(), 10, 10, 15, &totals);
        let first = wishes.iter().position(|&w| w < 10);
        assert_eq!(first.map(|k| 15 * k), Some(300));
        assert_eq!(wishes.last(), Some(&3));
    }

    #[test]
    fn counts_calls_in_flight_with_what_waits() {
        let mut seen = observation(Time::ZERO);
        seen.queue.waiting = 7;
        seen.agents = vec![crate::testing::agent("a"), crate::testing::agent("b")];
        seen.agents[0].in_flight = 5;
        seen.agents[1].in_flight = 3;
        assert_eq!(total(&seen), 15);
    }

    #[test]
    fn the_largest_backlog_is_no_trouble() {
        let wishes = run(Threshold::with_target(1), 1, u32::MAX, 15, &[u64::MAX; 40]);
        assert_eq!(wishes.last(), Some(&u32::MAX));
    }
}
