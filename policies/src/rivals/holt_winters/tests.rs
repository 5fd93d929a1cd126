//! The computed cases of the staffing, and the buckets around the forecast.

use super::*;
use crate::queueing::erlang_c;
use crate::testing::{agent, observation};
use crate::units::Time;

#[test]
fn staffs_by_the_square_root_of_the_load() {
    assert_eq!(staffed(40.0 * 0.1, 1.0), 6.0);
    assert_eq!(staffed(65.0 * 0.1, 0.5), 8.0);
    assert_eq!(staffed(65.0 * 0.1, 1.0), 10.0);
    assert_eq!(staffed(0.0, 1.0), 0.0);
}

#[test]
fn the_delay_that_beta_buys_is_erlangs() {
    // β = 1: 22 % wait in a large pool, fewer in a small one, where rounding up is generous.
    let waits = |load: f64| erlang_c(staffed(load, 1.0) as u32, load);
    assert!((waits(400.0) - 0.223).abs() < 0.01);
    assert!((waits(4.0) - 0.285).abs() < 0.001);
    assert!((waits(9.0) - 0.266).abs() < 0.001);
}

/// A second with these arrivals, calls of 100 ms and this backlog; one slot a worker.
fn second(at: u64, arrivals: u64, waiting: u64) -> Observation {
    let mut seen = observation(Time::ZERO + Duration::from_secs(at));
    seen.parallelism = 1;
    seen.bounds.max_workers = 100;
    seen.flow.arrivals = arrivals;
    seen.queue.waiting = waiting;
    let mut it = agent("a");
    it.calls.messages = 10;
    it.calls.time = Duration::from_secs(1);
    seen.agents = vec![it];
    seen
}

#[test]
fn keeps_the_present_until_a_bucket_is_full() {
    let mut it = HoltWinters::new(Settings::default());
    let wishes: Vec<_> = (1..=5)
        .map(|at| it.decide(&second(at, 40, 0)).workers)
        .collect();
    assert_eq!(wishes, [1.0, 1.0, 1.0, 1.0, 6.0]);
}

#[test]
fn what_waits_is_caught_up_with() {
    let mut it = HoltWinters::new(Settings::default());
    let last = (1..=5)
        .map(|at| it.decide(&second(at, 40, 750)).workers)
        .last();
    assert_eq!(last, Some(10.0)); // 40/s and 25/s are 6.5 erlangs
    let blind = Settings {
        catch_up: Duration::ZERO,
        ..Settings::default()
    };
    let mut it = HoltWinters::new(blind);
    let last = (1..=5)
        .map(|at| it.decide(&second(at, 40, 750)).workers)
        .last();
    assert_eq!(last, Some(6.0));
}

#[test]
fn a_rise_is_met_ahead_and_a_day_without_load_needs_the_fewest() {
    let mut it = HoltWinters::new(Settings::default());
    let rising = (1..=60).map(|at| it.decide(&second(at, 10 * at, 0)).workers);
    let last = rising.last().expect("sixty seconds");
    assert!(last > staffed(58.0, 1.0), "{last}");
    for at in 61..=120 {
        it.decide(&second(at, 0, 0));
    }
    assert_eq!(it.decide(&second(121, 0, 0)).workers, 1.0);
}
