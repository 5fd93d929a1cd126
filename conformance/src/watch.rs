//! Stands between the broker and the policy under test and notes what it decides: whether it
//! panics, names figures that are none, or asks for what it may not have.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, Once, PoisonError};

use ebbtide_policies::decision::{Decision, Prediction, Reason};
use ebbtide_policies::observation::{Bounds, Observation};
use ebbtide_policies::policy::Policy;

/// What a policy did that it may not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lapse {
    /// It panicked.
    Panic(String),
    /// A figure is not a finite number.
    NotFinite(String),
    /// A wish lies outside the bounds.
    OutOfBounds(String),
}

impl Lapse {
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Panic(text) | Self::NotFinite(text) | Self::OutOfBounds(text) => text,
        }
    }
}

/// What was seen of a policy in one run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// The first lapse of each kind, in the order in which they happened.
    pub(crate) lapses: Vec<Lapse>,
    /// Every decision as text.
    pub(crate) decisions: Vec<String>,
}

impl Seen {
    fn note(&mut self, lapse: Lapse) {
        let same = |known: &Lapse| std::mem::discriminant(known) == std::mem::discriminant(&lapse);
        if !self.lapses.iter().any(same) {
            self.lapses.push(lapse);
        }
    }
}

/// A policy that is watched.
pub(crate) struct Watched {
    /// `None` once it has panicked: what follows would be nonsense.
    policy: Option<Box<dyn Policy>>,
    name: String,
    start_workers: Option<u32>,
    seen: Arc<Mutex<Seen>>,
}

impl Watched {
    pub(crate) fn new(policy: Box<dyn Policy>, seen: Arc<Mutex<Seen>>) -> Self {
        Self {
            name: policy.name().to_owned(),
            start_workers: policy.start_workers(),
            policy: Some(policy),
            seen,
        }
    }
}

impl Policy for Watched {
    fn name(&self) -> &str {
        &self.name
    }

    fn start_workers(&self) -> Option<u32> {
        self.start_workers
    }

    fn rests(&self, seen: &Observation) -> bool {
        self.policy
            .as_ref()
            .is_some_and(|policy| policy.rests(seen))
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(policy) = &mut self.policy else {
            return keep(observation);
        };
        let at_s = observation.at.as_secs_f64();
        match quietly(|| policy.decide(observation)) {
            Ok(decision) => {
                for lapse in lapses(&decision, &observation.bounds, at_s) {
                    seen.note(lapse);
                }
                seen.decisions.push(written(&decision));
                decision
            }
            Err(panic) => {
                let said = said(&*panic);
                seen.note(Lapse::Panic(format!("at {at_s} s it panics: {said}")));
                self.policy = None;
                keep(observation)
            }
        }
    }
}

thread_local! {
    /// Whether a panic of this thread is expected, and told elsewhere.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// What `work` returns, or what it panicked with: once rather than at every step of a search.
/// After a panic the policy is never asked again, so nobody sees it half changed.
fn quietly<T>(work: impl FnOnce() -> T) -> std::thread::Result<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                usual(info);
            }
        }));
    });
    let before = QUIET.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    QUIET.set(before);
    result
}

fn keep(observation: &Observation) -> Decision {
    let reason = Reason::new("panicked", "the policy panicked, the setting stays");
    Decision::of_workers(f64::from(observation.setting.workers), observation, reason)
}

fn written(decision: &Decision) -> String {
    serde_json::to_string(decision).expect("a decision is numbers and texts")
}

fn said(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("something that is no text")
}

fn lapses(decision: &Decision, bounds: &Bounds, at_s: f64) -> Vec<Lapse> {
    let mut found = Vec::new();
    let predictions = decision.rejected.iter().map(|other| &other.prediction);
    let sound = decision.prediction.iter().chain(predictions).all(is_finite);
    for (figure, value) in [
        ("workers", decision.workers),
        ("batch_size", decision.batch_size),
    ] {
        if !value.is_finite() {
            found.push(Lapse::NotFinite(format!("at {at_s} s {figure} is {value}")));
        }
    }
    if !sound {
        let text = format!("at {at_s} s a prediction is not finite");
        found.push(Lapse::NotFinite(text));
    }
    let mut within = |figure: &str, value: f64, least: u32, most: u32| {
        let (low, high) = (f64::from(least), f64::from(most));
        if value.is_finite() && !(low..=high).contains(&value) {
            found.push(Lapse::OutOfBounds(format!(
                "at {at_s} s {figure} is {value}, allowed are {least} to {most}"
            )));
        }
    };
    let (least, most) = (bounds.min_workers, bounds.max_workers);
    within("workers", decision.workers.ceil(), least, most);
    let (least, most) = (bounds.min_batch_size, bounds.max_batch_size);
    within("batch_size", decision.batch_size.round(), least, most);
    let longest = bounds.max_batch_timeout;
    if let Some(timeout) = decision.batch_timeout.filter(|timeout| *timeout > longest) {
        let text = format!("at {at_s} s batch_timeout is {timeout}, allowed are 0s to {longest}");
        found.push(Lapse::OutOfBounds(text));
    }
    found
}

fn is_finite(prediction: &Prediction) -> bool {
    let Prediction {
        arrivals_per_s,
        utilisation,
        latency_s,
        cost_per_s,
    } = prediction;
    let sound = |figure: &f64| figure.is_finite() && *figure >= 0.0;
    sound(arrivals_per_s)
        && (0.0..=1.0).contains(utilisation)
        && latency_s.iter().all(sound)
        && cost_per_s.is_finite()
}

#[cfg(test)]
mod tests {
    use ebbtide_policies::units::Duration;
    use proptest::strategy::{Strategy, ValueTree};
    use proptest::test_runner::TestRunner;

    use super::*;
    use crate::strategies::runs;

    /// Decides as it is told.
    struct Told(fn(&Observation) -> Decision);

    impl Policy for Told {
        fn name(&self) -> &str {
            "told"
        }

        fn decide(&mut self, observation: &Observation) -> Decision {
            (self.0)(observation)
        }
    }

    /// What is noted of a policy that decides so, after two intervals.
    fn noted(decide: fn(&Observation) -> Decision) -> Seen {
        let drawn = runs(2).new_tree(&mut TestRunner::deterministic());
        let mut seen = drawn.expect("nothing is rejected").current()[0].clone();
        (seen.bounds.min_workers, seen.bounds.max_workers) = (2, 10);
        let kept = Arc::new(Mutex::new(Seen::default()));
        let mut watched = Watched::new(Box::new(Told(decide)), Arc::clone(&kept));
        for _ in 0..2 {
            watched.decide(&seen);
        }
        drop(watched);
        Arc::into_inner(kept)
            .and_then(|kept| kept.into_inner().ok())
            .expect("nobody else holds it")
    }

    fn sound(seen: &Observation) -> Decision {
        Decision::of_workers(3.0, seen, Reason::new("told", "as it is told"))
    }

    #[test]
    fn a_sound_decision_is_kept_and_nothing_is_noted() {
        let seen = noted(sound);
        assert_eq!(seen.lapses, []);
        assert_eq!(seen.decisions.len(), 2);
    }

    #[test]
    fn each_lapse_is_noted_once() {
        let check = |decide, wanted: &str| {
            let lapses = noted(decide).lapses;
            assert_eq!(lapses.len(), 1, "{lapses:?}");
            let text = lapses[0].text();
            assert!(text.contains(wanted), "{text}");
        };
        check(
            |seen| Decision {
                workers: f64::NAN,
                ..sound(seen)
            },
            "workers is NaN",
        );
        check(
            |seen| Decision {
                workers: 10.1,
                ..sound(seen)
            },
            "workers is 11, allowed are 2 to 10",
        );
        check(
            |seen| Decision {
                batch_size: f64::from(seen.bounds.max_batch_size) + 1.0,
                ..sound(seen)
            },
            "batch_size is",
        );
        check(
            |seen| Decision {
                batch_timeout: Some(seen.bounds.max_batch_timeout + Duration::from_nanos(1)),
                ..sound(seen)
            },
            "batch_timeout is",
        );
        check(
            |seen| Decision {
                prediction: Some(Prediction {
                    utilisation: 1.5,
                    ..Prediction::default()
                }),
                ..sound(seen)
            },
            "a prediction",
        );
        check(|_| panic!("as it is told"), "panics: as it is told");
    }
}
