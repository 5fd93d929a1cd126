//! The joint choice in its computed case, and the minute around it.

use super::choice::weigh;
use super::*;
use crate::objective::{Measure, Objective};
use crate::observation::CallSample;
use crate::testing::{agent, observation};

/// A second of a batch agent of 1 s a call and 0.1 s a message at twenty arrivals a second;
/// one slot a worker, three seconds are wanted.
fn second(at: u64) -> Observation {
    let mut seen = observation(Time::ZERO + Duration::from_secs(at));
    seen.parallelism = 1;
    seen.objective = Some(Objective {
        measure: Measure::Sojourn,
        quantile: 0.95,
        limit: Duration::from_secs(3),
    });
    let mut it = agent("a");
    it.is_batch = true;
    it.arrivals = 20;
    let sample = |batch| CallSample {
        batch,
        in_flight: 1,
        time: Duration::from_millis(1_000 + 100 * u64::from(batch)),
    };
    it.samples = (1..=20).map(sample).collect();
    it.calls.succeeded = 20;
    seen.agents = vec![it];
    seen
}

/// After a minute.
fn seen(settings: Settings) -> Wva {
    let mut it = Wva::new(settings);
    (1..60).for_each(|at| it.note(&second(at)));
    it
}

#[test]
fn weighs_each_batch_and_takes_the_fewest_replicas() {
    let it = seen(Settings::default());
    let load = it.load(&second(60).agents[0]).expect("calls were seen");
    assert_eq!(load.rate, 20.0);
    let weighed = |batch| weigh(&it.settings, &second(60), &[load], batch);
    let replicas = |batch| weighed(batch).map(|it| it.replicas);
    for (batch, expected) in [
        (1, 35.0),
        (2, 16.0),
        (4, 9.0),
        (5, 7.0),
        (6, 7.0),
        (7, 6.0),
        (8, 6.0),
        (9, 5.0),
        (12, 5.0),
        (13, 4.0),
        (50, 4.0),
    ] {
        assert_eq!(replicas(batch), Some(expected), "batches of {batch}");
    }
    let time_s = |batch| weighed(batch).map_or(0.0, |it| it.time_s);
    assert!((time_s(20) - 2.222).abs() < 0.002);
    assert!((time_s(50) - 2.200).abs() < 0.002);
    let choice = choose(&it.settings, &second(60), &[load]).expect("the target can be met");
    assert_eq!((choice.replicas, choice.batch), (4.0, 50));
}

#[test]
fn decides_every_minute_and_sets_both() {
    let mut it = Wva::new(Settings::default());
    let decisions: Vec<_> = (1..=60).map(|at| it.decide(&second(at))).collect();
    assert_eq!(
        (decisions[58].workers, decisions[58].batch_size),
        (1.0, 20.0)
    );
    assert_eq!(
        (decisions[59].workers, decisions[59].batch_size),
        (4.0, 50.0)
    );
    assert_eq!(decisions[59].batch_timeout, Some(Duration::ZERO));
}

#[test]
fn a_given_batch_is_left_alone() {
    let mut it = seen(Settings {
        joint: false,
        ..Settings::default()
    });
    let mut now = second(60);
    now.setting.batch_size = 5;
    let decision = it.decide(&now);
    assert_eq!((decision.workers, decision.batch_size), (7.0, 5.0));
    assert_eq!(decision.batch_timeout, None);
}

#[test]
fn a_target_that_cannot_be_met_leaves_the_pool_as_it_is() {
    let mut it = seen(Settings {
        margin: 3.0,
        ..Settings::default()
    });
    let mut now = second(60);
    now.setting.workers = 6;
    assert_eq!(it.decide(&now).workers, 6.0);
    // It could be met from now on; the next look is in a minute, not at each tick.
    let at = |at: u64| {
        let mut now = second(at);
        now.setting.workers = 6;
        now.objective = now.objective.map(|it| Objective {
            limit: it.limit * 3,
            ..it
        });
        now
    };
    assert_eq!(it.decide(&at(119)).workers, 6.0);
    assert_eq!(it.decide(&at(120)).workers, 4.0);
}

#[test]
fn nothing_arriving_needs_the_fewest() {
    let mut it = seen(Settings::default());
    let mut last = 0.0;
    for at in 60..=180 {
        let mut now = second(at);
        now.agents[0].arrivals = 0;
        last = it.decide(&now).workers;
    }
    assert_eq!(last, 1.0);
}
