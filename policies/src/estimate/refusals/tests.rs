//! What is made of an agent that refuses calls.

use super::*;
use crate::testing::agent;

/// `seconds` intervals with so many workers of an agent that delivers and refuses so many calls a second.
fn watch(refusals: &mut Refusals, seconds: u32, workers: u32, delivered: u64, refused: u64) {
    let mut seen = agent("a");
    seen.delivered = delivered;
    seen.calls.succeeded = delivered;
    seen.calls.rate_limited = refused;
    let pool = Pool {
        workers,
        has_free_slots: true,
        paused_share: 0.5,
    };
    (0..seconds).for_each(|_| refusals.observe(1.0, 100.0, pool, &seen));
}

#[test]
fn who_refuses_is_taken_to_get_no_more_than_it_delivers() {
    let mut refusals = Refusals::default();
    watch(&mut refusals, 20, 3, 20, 5);
    assert!((refusals.limit().expect("a limit") - 20.0).abs() < 1e-3);
    // Tried higher by and by.
    watch(&mut refusals, 10, 3, 20, 0);
    assert!((refusals.limit().expect("a limit") - 32.6).abs() < 0.1);
}

#[test]
fn a_limit_is_none_where_more_workers_get_more_done() {
    let mut refusals = Refusals::default();
    watch(&mut refusals, 20, 1, 20, 2);
    assert!(!refusals.are_by_chance());
    watch(&mut refusals, 7, 2, 40, 4);
    assert!(refusals.are_by_chance() && refusals.make_short_pauses());
    assert_eq!(refusals.limit(), None);
    assert!(refusals.longer() > 1.5, "{}", refusals.longer());
    // When it has not been seen for long, a limit is believed again.
    watch(&mut refusals, 900, 2, 40, 4);
    assert!(refusals.limit().is_some() && refusals.longer() == 1.0);
}

/// The first seconds beyond a limit have what it had saved up; the pool was larger then.
#[test]
fn what_a_limit_saved_up_is_no_sign_of_chance() {
    let mut refusals = Refusals::default();
    watch(&mut refusals, 20, 5, 20, 5);
    watch(&mut refusals, 20, 8, 20, 0);
    watch(&mut refusals, 1, 8, 80, 1);
    watch(&mut refusals, 20, 8, 20, 5);
    assert!(refusals.limit().is_some());
}

#[test]
fn a_limit_that_minds_more_calls_is_one() {
    let mut refusals = Refusals::default();
    watch(&mut refusals, 20, 1, 10, 1);
    watch(&mut refusals, 20, 2, 20, 10);
    assert!(refusals.limit().is_some());
}

#[test]
fn chance_is_given_up_where_a_larger_share_is_refused() {
    let mut refusals = Refusals::default();
    watch(&mut refusals, 20, 1, 20, 2);
    watch(&mut refusals, 7, 2, 40, 4);
    assert!(refusals.are_by_chance());
    watch(&mut refusals, 20, 4, 40, 40);
    assert!(refusals.limit().is_some());
}

#[test]
fn a_long_pause_is_none_of_a_moment() {
    let mut refusals = Refusals::default();
    watch(&mut refusals, 20, 3, 20, 5);
    assert!(refusals.make_short_pauses());
    watch(&mut refusals, 6, 3, 0, 0);
    assert!(!refusals.make_short_pauses());
}

/// Only intervals next to each other counted: none were where a pause took longer.
#[test]
fn pauses_may_last_longer_than_an_interval() {
    let mut refusals = Refusals::default();
    let cycles = |refusals: &mut Refusals, workers, let_in| {
        for _ in 0..6 {
            watch(refusals, 1, workers, let_in, 2);
            watch(refusals, 2, workers, 0, 0);
        }
    };
    cycles(&mut refusals, 1, 20);
    assert!(!refusals.are_by_chance());
    cycles(&mut refusals, 2, 40);
    assert!(refusals.are_by_chance());
}
