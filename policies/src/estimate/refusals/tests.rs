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
    assert!(refusals.are_by_chance() && refusals.are_usual());
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
