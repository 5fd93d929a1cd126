//! The policy as a whole, interval by interval.

use super::*;
use crate::observation::CallSample;
use crate::testing::{agent, observation};

/// A second that ends at `second`, in which `arrivals` messages came and were answered in 0.1 s.
fn second(second: u64, arrivals: u64, workers: u32) -> Observation {
    let mut seen = observation(Time::ZERO + Duration::from_secs(second));
    seen.objective = "p95(sojourn) < 500ms".parse().ok();
    seen.setting.workers = workers;
    seen.workers.ready = workers;
    (seen.flow.arrivals, seen.flow.completed) = (arrivals, arrivals);
    let mut agent = agent("a");
    (agent.arrivals, agent.delivered, agent.calls.succeeded) = (arrivals, arrivals, arrivals);
    agent.samples = (1..=arrivals as u32)
        .map(|k| CallSample {
            batch: 1,
            in_flight: 1 + k % 10,
            time: Duration::from_millis(100),
        })
        .collect();
    seen.agents = vec![agent];
    seen
}

/// The second in which `policy` first asks for more than two workers, if the load jumps from 100
/// to 600 a second at second 20.
fn grows_at(mut policy: Adaptive) -> Option<u64> {
    (1..40).find(|&at| {
        let arrivals = if at > 20 { 600 } else { 100 };
        let decision = policy.decide(&second(at, arrivals, 2));
        at > 5 && decision.workers > 2.0
    })
}

#[test]
fn whoever_is_told_of_a_jump_has_the_workers_when_it_comes() {
    let told = |_: usize, from: Time, until: Time| {
        let calm = Time::ZERO + Duration::from_secs(20);
        let length_s = until.since(from).as_secs_f64();
        let jumped_s = until.since(from.max(calm)).as_secs_f64();
        100.0 * length_s + 500.0 * jumped_s
    };
    assert_eq!(grows_at(Adaptive::default()), Some(21));
    let foresight = Adaptive::default().with_foresight(Box::new(told));
    assert!(grows_at(foresight).is_some_and(|at| (18..=19).contains(&at)));
}

#[test]
fn the_price_of_lateness_is_what_reserves_are_worth() {
    // Five times the load for four seconds of each twenty.
    let reserve = |price: f64| {
        let mut policy = Adaptive::default();
        let mut wanted = 0.0;
        for at in 1..120 {
            let mut seen = second(at, if at % 20 < 4 { 500 } else { 100 }, 2);
            seen.prices.late = price;
            wanted = policy.decide(&seen).workers;
        }
        wanted
    };
    assert!(reserve(0.1) <= 2.0, "{}", reserve(0.1));
    assert!(reserve(100.0) > 2.0, "{}", reserve(100.0));
}

/// The rest was taken for the control interval: as long as it, no burst called for an early tick.
#[test]
fn a_long_rest_leaves_it_as_watchful_as_before() {
    let mut policy = Adaptive::default();
    let early = |policy: &mut Adaptive, seen: &Observation| {
        policy.decide(seen).early_tick.map(|tick| tick.arrivals)
    };
    let before = (1..60)
        .map(|at| early(&mut policy, &second(at, 20, 1)))
        .last()
        .flatten();
    let mut rest = second(3_660, 0, 1);
    rest.interval = Duration::from_secs(3_600);
    early(&mut policy, &rest);
    let after = (3_661..3_720)
        .map(|at| early(&mut policy, &second(at, 20, 1)))
        .last()
        .flatten();
    assert_eq!(before, after);
}

/// It said of any setting that misses that more workers would not mend it, beside a table of those
/// that would.
#[test]
fn a_miss_is_out_of_reach_only_if_nothing_that_was_weighed_would_hold() {
    // Lateness is cheap, calls are now short, now long: two workers, twenty slots, may be kept full.
    let steady = |arrivals: u64| {
        let mut policy = Adaptive::default();
        let decisions = (1..40).map(|at| {
            let mut seen = second(at, arrivals, 2);
            seen.prices.late = 0.01;
            seen.bounds.min_workers = 2;
            for (number, sample) in seen.agents[0].samples.iter_mut().enumerate() {
                sample.time = Duration::from_millis(if number % 10 < 9 { 20 } else { 820 });
            }
            policy.decide(&seen)
        });
        decisions.last().expect("there are some")
    };
    let misses = (150..=200).map(steady);
    let kept: Vec<_> = misses
        .filter(|it| it.reason.code == "lateness-cheaper")
        .collect();
    assert!(!kept.is_empty());
    for decision in kept {
        let text = &decision.reason.text;
        let told = "; 3 workers would hold it, and cost more than the lateness";
        assert!(text.ends_with(told), "{text}");
        let three = decision.rejected.iter().find(|it| it.workers == 3);
        let three = three.expect("it was weighed");
        assert!(three.prediction.latency_s.is_some_and(|it| it <= 0.5));
        assert_eq!(
            three.why_not,
            "dearer than the lateness that it would spare"
        );
    }
}
