//! The computed cases of the climber, and the gate, the samples and the exits around it.

use super::*;
use crate::testing::observation;
use crate::units::Time;

/// The goals of a pool of 1 to 100 threads that starts at 4, at samples of 100 ms.
fn goals(samples: usize, throughput: impl Fn(f64) -> f64) -> Vec<u32> {
    let (mut climber, mut threads) = (Climber::default(), 4);
    let settings = Settings::default();
    let mut next = || {
        let completed = throughput(f64::from(threads)) * 0.1;
        let next = climber.update(&settings, threads, 0.1, completed, 1..=100);
        threads = next.threads;
        threads
    };
    (0..samples).map(|_| next()).collect()
}

#[test]
fn climbs_while_throughput_grows_with_the_threads() {
    let goals = goals(60, |threads| 1000.0 * threads);
    assert_eq!(goals[..8], [4, 5, 5, 4, 4, 5, 5, 4]);
    assert_eq!(goals[8..12], [4, 5, 5, 5]);
    assert!(goals[24..33].iter().all(|goal| (6..=9).contains(goal)));
    assert!((13..=15).contains(&goals[59]), "{goals:?}");
}

#[test]
fn stays_where_more_threads_do_not_help() {
    let goals = goals(200, |threads| 1000.0 * threads.min(4.0));
    assert!(goals.iter().all(|goal| (3..=5).contains(goal)), "{goals:?}");
}

#[test]
fn overshoots_a_knee_by_one_or_two() {
    let goals = goals(100, |threads| 1000.0 * threads.min(8.0));
    let settled = &goals[33..];
    assert!(
        settled.iter().all(|goal| (7..=11).contains(goal)),
        "{goals:?}"
    );
    assert!(settled.iter().any(|goal| (9..=10).contains(goal)));
}

#[test]
fn a_step_without_noise_is_as_computed() {
    let (mut climber, settings) = (Climber::default(), Settings::default());
    let mut threads = 4;
    for _ in 0..9 {
        let completed = 100.0 * f64::from(threads);
        threads = climber
            .update(&settings, threads, 0.1, completed, 1..=100)
            .threads;
    }
    let climbed = climber.clone();
    assert!(
        format!("{climbed:?}").contains("control: 4.289"),
        "{climbed:?}"
    );
}

#[track_caller]
fn check_held(threads: u32, completed: f64, is_held: bool) {
    let (mut climber, settings) = (Climber::default(), Settings::default());
    climber.update(&settings, threads, 0.1, 1e3, 1..=100);
    let next = climber.update(&settings, threads, 0.1, completed, 1..=100);
    assert_eq!(next.after_s == Some(0.01), is_held, "{next:?}");
}

#[test]
fn holds_a_sample_with_too_few_completions() {
    check_held(5, 26.0, true);
    check_held(5, 27.0, false);
    check_held(10, 60.0, true);
    check_held(10, 61.0, false);
    check_held(1, 0.0, false); // 0/0 is not too much
}

/// A tenth of a second of a pool with all its `workers` at work.
fn tick(tenth: u64, workers: u32) -> Observation {
    let mut seen = observation(Time::ZERO + Duration::from_millis(100 * tenth));
    seen.interval = Duration::from_millis(100);
    seen.parallelism = 1;
    seen.setting.workers = workers;
    seen.workers.ready = workers;
    seen.workers.busy = workers;
    let mut agent = crate::testing::agent("a");
    agent.in_flight = workers;
    seen.agents = vec![agent];
    seen
}

#[test]
fn the_gate_adds_a_thread_each_half_second_without_a_start() {
    let mut policy = HillClimbing::new(Settings::default());
    let mut workers = 1;
    let wishes: Vec<_> = (1..=12)
        .map(|tenth| {
            let mut seen = tick(tenth, workers);
            seen.queue.waiting = 100;
            seen.agents[0].waiting = 100;
            workers = policy.decide(&seen).workers as u32;
            workers
        })
        .collect();
    assert_eq!(wishes, [1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3]);
}

#[test]
fn idle_threads_exit_after_twenty_seconds() {
    let mut policy = HillClimbing::new(Settings::default());
    assert_eq!(policy.decide(&tick(1, 8)).workers, 8.0);
    let idle = |tenth| {
        let mut seen = tick(tenth, 8);
        seen.workers.busy = 0;
        seen.agents[0].in_flight = 2;
        seen
    };
    assert_eq!(policy.decide(&idle(200)).workers, 8.0);
    assert_eq!(policy.decide(&idle(201)).workers, 2.0);
}

#[test]
fn a_sample_begins_when_no_worker_is_starting_any_more() {
    let mut policy = HillClimbing::new(Settings::default());
    let mut samples = |tenth, starting| {
        let mut seen = tick(tenth, 4);
        seen.workers.starting = starting;
        seen.flow.completed = 100;
        policy.decide(&seen);
        format!("{:?}", policy.climber).matches("(1000.0,").count()
    };
    assert_eq!(
        [samples(1, 0), samples(2, 1), samples(3, 0), samples(4, 0)],
        [1, 1, 1, 2]
    );
}
