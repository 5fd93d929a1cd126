//! When something is tried out, and for how long.

use super::*;

/// An agent that delivers so many messages a second to so many workers.
type Agent = fn(u32) -> f64;

/// The workers of each second, of at most ten or as many as trials allow; messages get later all the time.
fn run(seconds: u64, agent: Agent, part: impl Fn(u64, &mut State)) -> Vec<u32> {
    run_from(10, seconds, agent, part)
}

/// The same with so many workers to begin with, who are wanted for ten seconds.
fn grow_from(workers: u32, seconds: u64, agent: Agent) -> Vec<u32> {
    run_from(workers, seconds, agent, |second, state| {
        state.max_workers = if second < 10 { workers } else { 10 };
    })
}

fn run_from(workers: u32, seconds: u64, agent: Agent, part: impl Fn(u64, &mut State)) -> Vec<u32> {
    let (mut trials, mut workers) = (Trials::default(), workers);
    (0..seconds)
        .map(|second| {
            let mut state = State {
                now: Time::ZERO + Duration::from_secs(second),
                is_crowded: false,
                is_throttled: false,
                fewer: None,
                is_failing: false,
                is_out: false,
                overflows: false,
                late: Some(Duration::from_secs(second + 1)),
                delivered: agent(workers),
                workers,
                min_workers: 1,
                max_workers: 10,
                ready: workers,
                draining: 0,
                starts_in: Duration::ZERO,
                shows_in: Duration::from_secs(1),
                is_saturated: true,
                cv2: 1.0,
                batch: 1.0,
            };
            part(second, &mut state);
            let allowed = trials.allow(&state);
            let is_held = state.is_crowded && !allowed.is_trial || state.is_throttled;
            let wanted = if is_held { 4 } else { state.max_workers };
            workers = allowed.most_workers.min(wanted).max(allowed.least_workers);
            workers
        })
        .collect()
}

fn seconds_with(of: &[u32], workers: u32) -> Vec<u64> {
    let seconds = (0..).zip(of).filter(|(_, it)| **it == workers);
    seconds.map(|(second, _)| second).collect()
}

#[test]
fn trials_become_rarer_while_they_fail() {
    let found = run(300, |_| 20.0, |_, state| state.is_crowded = true);
    let expected: Vec<u64> = (20..32).chain(92..104).chain(224..236).collect();
    assert_eq!(seconds_with(&found, 7), expected);
}

#[test]
fn without_a_belief_there_is_nothing_to_try() {
    assert_eq!(run(300, |_| 20.0, |_, _| {}), [10; 300]);
}

#[test]
fn a_trial_of_more_puts_off_none_of_fewer() {
    let found = run(
        60,
        |_| 20.0,
        |second, state| match second {
            0..32 => state.is_crowded = true,
            _ => state.fewer = Some(9),
        },
    );
    let expected: Vec<u64> = (20..32).chain(41..53).collect();
    assert_eq!(seconds_with(&found, 7), expected);
}

#[test]
fn fewer_are_tried_where_the_pool_falls_behind() {
    let falls = run(60, |_| 20.0, |_, state| state.fewer = Some(5));
    assert_eq!(seconds_with(&falls, 5), (8..20).collect::<Vec<_>>());
    let catches_up = run(
        60,
        |_| 20.0,
        |second, state| {
            state.fewer = Some(5);
            state.late = Some(Duration::from_secs(100 - second));
        },
    );
    assert_eq!(catches_up, [10; 60]);
}

#[test]
fn a_trial_ends_early_where_less_gets_done() {
    let each: Agent = |workers| 5.0 * f64::from(workers);
    let found = run(60, each, |_, state| state.fewer = Some(5));
    assert_eq!(seconds_with(&found, 5), (8..11).collect::<Vec<_>>());
}

#[test]
fn a_trial_counts_from_when_its_workers_are_there() {
    // A governor shrinks only after a while.
    let patient = run(
        60,
        |_| 20.0,
        |second, state| {
            state.fewer = Some(5);
            state.ready = if second < 20 { 10 } else { state.workers };
        },
    );
    assert_eq!(seconds_with(&patient, 5), (8..31).collect::<Vec<_>>());
    // Where workers are pinned, nothing is tried for ever.
    let pinned = run(
        300,
        |_| 20.0,
        |_, state| {
            state.fewer = Some(5);
            state.ready = 10;
        },
    );
    let expected: Vec<u64> = (8..69).chain(129..190).collect();
    assert_eq!(seconds_with(&pinned, 5), expected);
}

#[test]
fn a_failing_agent_ends_a_trial_and_its_recovery_is_none() {
    let found = run(
        200,
        |_| 20.0,
        |second, state| {
            state.fewer = Some(5);
            state.is_failing = (12..30).contains(&second);
            state.is_out = state.is_failing;
            state.delivered = if second < 30 { 5.0 } else { 20.0 };
        },
    );
    // Not better for the agent's being back: it is tried again, and not kept.
    assert_eq!(
        seconds_with(&found, 5),
        (8..12).chain(72..84).chain(144..156).collect::<Vec<_>>()
    );
}

#[test]
fn where_fewer_get_more_done_there_are_no_more_until_more_do() {
    // Beyond six workers next to nothing gets done.
    let cliff: Agent = |workers| match workers {
        0..=6 => 20.0 * f64::from(workers),
        _ => 20.0,
    };
    let found = run(600, cliff, |_, state| {
        state.fewer = (state.workers == 10).then_some(3);
    });
    assert_eq!(found[20], 3, "three got more done");
    assert!(found.contains(&7), "seven are tried, and do not");
    let last = &found[500..];
    assert!(last.iter().filter(|it| **it == 6).count() > 70, "{last:?}");
}

#[test]
fn an_agent_that_refuses_calls_is_tried_with_one_worker_more() {
    let found = run(100, |_| 20.0, |_, state| state.is_throttled = true);
    let expected: Vec<u64> = (4..16).chain(76..88).collect();
    assert_eq!(seconds_with(&found, 5), expected);
    // Not before fewer have been tried, where they may get more done.
    let refused = |_, state: &mut State| (state.is_throttled, state.fewer) = (true, Some(2));
    let found = run(60, |_| 20.0, refused);
    let (fewer, more) = (seconds_with(&found, 2), seconds_with(&found, 5));
    assert!(fewer.last() < more.first(), "{found:?}");
}

#[test]
fn a_growth_that_got_less_done_is_taken_back() {
    let collapses: Agent = |workers| 60.0 / f64::from(workers.max(3));
    let found = grow_from(3, 300, collapses);
    let large = found.iter().filter(|it| **it == 10).count();
    assert!((1..=4).contains(&large), "{found:?}");
    assert!(found[60..].iter().all(|it| *it <= 5), "{found:?}");
}

#[test]
fn a_growth_that_got_more_done_stays() {
    let each: Agent = |workers| 5.0 * f64::from(workers);
    assert_eq!(grow_from(3, 100, each)[11..], [10; 89]);
    // So does one that mends nothing.
    assert_eq!(grow_from(3, 100, |_| 20.0)[11..], [10; 89]);
}

#[test]
fn an_agent_that_got_slow_by_itself_keeps_its_workers() {
    // It does a fourth from the ninth second on, which is why the pool grows.
    let found = run_from(3, 100, f64::from, |second, state| {
        let slow = second >= 9;
        state.delivered *= if slow { 2.5 } else { 10.0 };
        state.max_workers = if second < 11 { 3 } else { 10 };
    });
    assert_eq!(found[12..], [10; 88]);
}
