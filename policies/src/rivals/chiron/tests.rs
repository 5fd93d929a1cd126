//! The computed cases of both rules, and the windows around them.

use super::batches::batch;
use super::*;
use crate::objective::{Measure, Objective};
use crate::testing::{agent, observation};
use crate::units::Time;

/// Instances over some steps at which `busy` of them are wanted all the time.
fn steps(settings: Settings, start: u32, busy: u32, count: usize) -> Vec<u32> {
    let mut present = start;
    let mut step = || {
        let share = f64::from(busy.min(present)) / f64::from(present);
        present = settings.instances(present, share);
        present
    };
    (0..count).map(|_| step()).collect()
}

#[test]
fn without_a_dead_band_a_constant_load_is_a_limit_cycle() {
    let without = Settings {
        delta: 0.0,
        ..Settings::default()
    };
    assert_eq!(steps(without, 5, 3, 4), [4, 5, 4, 5]);
    assert_eq!(steps(Settings::default(), 5, 3, 4), [5; 4]);
}

#[test]
fn a_third_busy_is_room_for_three_times_the_load() {
    let third = Settings {
        theta: 1.0 / 3.0,
        ..Settings::default()
    };
    assert_eq!(steps(third, 2, 2, 6), [3, 4, 5, 6, 6, 6]);
}

#[test]
fn batches_are_halved_under_back_pressure_and_doubled_without() {
    let next = |present, of_time: f64, of_throughput: f64| {
        batch(
            present,
            of_time.max(of_throughput),
            Settings::default().growth,
        )
    };
    assert_eq!(next(20.0, 2.5 / 2.0, 8.0 / 8.2), 10.0);
    assert_eq!(next(10.0, 1.6 / 2.0, 8.2 / 7.9), 5.0);
    assert_eq!(next(5.0, 1.6 / 2.0, 7.9 / 8.2), 10.0);
    assert_eq!(batch(5.0, 0.9, 1.1), 6.0, "by one at least");
}

#[test]
fn the_batch_class_gets_what_clears_it_in_time() {
    assert_eq!(clearing(3_000.0, 5.0, 240.0), 3.0);
    assert_eq!(clearing(3_000.0, 5.0, 300.0), 2.0);
    assert!(clearing(3_000.0, 5.0, 0.0) > 1e9);
    assert_eq!(clearing(0.0, 5.0, 0.0), 0.0);
}

/// A second of a batch agent with ten calls of this many milliseconds, all slots busy.
fn second(at: u64, millis: u64, messages: u64) -> Observation {
    let mut seen = observation(Time::ZERO + Duration::from_secs(at));
    seen.slots.with_call = Duration::from_secs(10);
    seen.slots.idle = Duration::ZERO;
    seen.queue.waiting = 100;
    seen.objective = Some(Objective {
        measure: Measure::Sojourn,
        quantile: 0.95,
        limit: Duration::from_secs(2),
    });
    let mut it = agent("a");
    it.is_batch = true;
    it.calls.succeeded = 10;
    it.calls.time = Duration::from_millis(10 * millis);
    it.calls.messages = messages;
    seen.agents = vec![it];
    seen
}

#[test]
fn a_full_pool_grows_by_one_whenever_none_is_starting() {
    let mut it = Chiron::new(Settings::default());
    assert_eq!(it.decide(&second(1, 100, 200)).workers, 2.0);
    let mut starting = second(2, 100, 200);
    starting.workers.starting = 1;
    starting.setting.workers = 2;
    assert_eq!(it.decide(&starting).workers, 2.0);
    let mut started = second(3, 100, 200);
    started.setting.workers = 2;
    assert_eq!(it.decide(&started).workers, 3.0);
}

#[test]
fn batches_follow_call_time_and_throughput() {
    let mut it = Chiron::new(Settings::default());
    let mut batch = |at, millis, messages| it.decide(&second(at, millis, messages)).batch_size;
    assert_eq!(batch(1, 2_500, 200), 10.0, "calls are too long");
    assert_eq!(
        batch(2, 1_600, 200),
        40.0,
        "from 20, which the test keeps in force"
    );
    assert_eq!(batch(3, 1_600, 190), 10.0, "fewer messages than before");
    assert_eq!(batch(4, 1_600, 195), 40.0);
}

#[test]
fn lower_throughput_counts_only_after_growth_if_asked_to() {
    let mut it = Chiron::new(Settings {
        after_growth: true,
        ..Settings::default()
    });
    let mut batch = |at, present, messages| {
        let mut seen = second(at, 1_600, messages);
        seen.setting.batch_size = present;
        it.decide(&seen).batch_size
    };
    assert_eq!(batch(1, 20, 200), 40.0);
    assert_eq!(batch(2, 40, 190), 20.0);
    assert_eq!(batch(3, 20, 180), 40.0);
}

#[test]
fn throughput_counts_only_while_messages_wait() {
    let mut it = Chiron::new(Settings::default());
    let mut calm = second(1, 1_600, 200);
    calm.queue.waiting = 0;
    it.decide(&calm);
    assert_eq!(it.decide(&second(2, 1_600, 50)).batch_size, 40.0);
}

#[test]
fn a_deadline_adds_what_the_backlog_needs() {
    let settings = Settings {
        deadline: Some(Duration::from_secs(10)),
        ..Settings::default()
    };
    let mut it = Chiron::new(settings);
    let mut seen = second(1, 1_000, 100); // 10 slots a worker, 0.1 s a message: 100/s
    seen.queue.waiting = 5_000;
    seen.queue.oldest_wait = Some(Duration::from_secs(2));
    assert_eq!(it.decide(&seen).workers, 7.0);
    // What is overdue asks for all that there may be, not for what there is.
    let mut late = second(2, 1_000, 100);
    late.queue.oldest_wait = Some(Duration::from_secs(11));
    assert_eq!(it.decide(&late).workers, 10.0);
}
