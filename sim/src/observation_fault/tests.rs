//! Unit tests: what a policy is shown while its observations are wrong, and that nothing else is.

use std::sync::{Arc, Mutex};

use ebbtide_policies::registry;
use ebbtide_policies::units::Duration;

use super::*;
use crate::experiment::replicate;
use crate::files::Files;
use crate::{Monitor, Plan, Sinks};
use ebbtide_measure::Detail;

/// Keeps all that it is shown.
struct Witness(Box<dyn Policy>, Arc<Mutex<Vec<Observation>>>);

impl Policy for Witness {
    fn name(&self) -> &str {
        "witness"
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        let mut shown = self.1.lock().expect("no test panics while it holds this");
        shown.push(observation.clone());
        self.0.decide(observation)
    }
}

/// What is shown in a run of twelve seconds with this fault from the fourth to the eighth.
fn shown(effect: &str) -> Vec<Observation> {
    let text = format!(
        "(
            run: (length: \"12s\", tail: \"0s\"),
            traffic: [(arrivals: Poisson(\"20/s\"), classes: [(name: \"a\", to: Agent(\"it\"))])],
            agents: [(name: \"it\", call: Exponential(\"300ms\"))],
            broker: (num_workers: 1, delivery_parallelism: 5),
            observation_faults: [(from: \"4s\", until: \"8s\", effect: {effect})],
        )"
    );
    let mut plan = Plan::new(&text, Files::default()).unwrap_or_else(|error| panic!("{error}"));
    let seen = Arc::default();
    let kept = Arc::clone(&seen);
    let witness = plan.contender(move || {
        let fixed = registry::build("fixed").expect("it is shipped");
        Box::new(Witness(fixed, Arc::clone(&kept)))
    });
    plan.contenders = vec![witness.expect("it has a name")];
    let (sinks, monitor) = (Sinks::default(), Monitor::default());
    let run = replicate(
        &plan,
        0,
        0,
        Duration::ZERO,
        Detail::Summary,
        &sinks,
        &monitor,
    );
    assert!(run.is_some());
    std::mem::take(&mut *seen.lock().expect("nobody else holds it"))
}

fn seconds(shown: &[Observation]) -> Vec<u64> {
    let second = |seen: &Observation| seen.at.as_nanos() / 1_000_000_000;
    shown.iter().map(second).collect()
}

#[test]
fn what_may_be_missing_is() {
    let shown = shown("Missing");
    assert_eq!(seconds(&shown), [1, 2, 3, 5, 7, 8, 9, 10, 11, 12]);
    for seen in &shown {
        let is_wrong = seconds(std::slice::from_ref(seen)) < vec![8]
            && seen.at > Time::ZERO + Duration::from_secs(3);
        assert_eq!(seen.wait.count() == 0, is_wrong);
        assert_eq!(seen.agents[0].samples.is_empty(), is_wrong);
    }
}

#[test]
fn what_is_late_comes_in_the_order_of_time() {
    assert_eq!(
        seconds(&shown("Late(2)")),
        [1, 2, 3, 4, 5, 8, 9, 10, 11, 12]
    );
}

#[test]
fn noise_stays_within_its_share() {
    let (clean, noisy) = (shown("Noisy(0)"), shown("Noisy(0.5)"));
    assert_eq!(seconds(&noisy), seconds(&clean));
    let differ = clean.iter().zip(&noisy).filter(|(clean, noisy)| {
        let (clean, noisy) = (clean.flow.arrivals as f64, noisy.flow.arrivals as f64);
        assert!((0.5 * clean - 0.5..=1.5 * clean + 0.5).contains(&noisy));
        clean != noisy
    });
    assert!((1..=4).contains(&differ.count()));
}

#[test]
fn what_is_absurd_is_so_while_the_fault_lasts_and_no_longer() {
    let (clean, absurd) = (shown("Noisy(0)"), shown("Absurd"));
    let wrong = clean
        .iter()
        .zip(&absurd)
        .filter(|(clean, absurd)| clean != absurd);
    let wrong: Vec<Observation> = wrong.map(|(_, absurd)| absurd.clone()).collect();
    assert_eq!(seconds(&wrong), [4, 5, 6, 7]);
    for seen in wrong {
        assert_eq!(
            (seen.bounds, seen.setting),
            (clean[0].bounds, clean[0].setting)
        );
    }
}
