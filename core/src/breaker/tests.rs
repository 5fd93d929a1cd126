//! When it opens, and how it recovers.

use ebbtide_policies::units::Duration;

use super::*;
use crate::row::Row;

fn secs(s: f64) -> Time {
    Time::ZERO + Duration::from_secs_f64(s)
}

/// A breaker and its agent's calls.
struct Guarded {
    breaker: Breaker,
    row: Row,
}

impl Guarded {
    /// A call that starts and ends, in that state: whether it was a probe, how many were in flight.
    fn end(&mut self, at: f64, health: Health, probe: bool, in_flight: u32, bound: u32) -> bool {
        let now = secs(at);
        let place = self.row.call_started(now);
        let in_a_row = (self.row).call_ended(now, place, health, Some(&self.breaker));
        let ended = Ended {
            health,
            in_a_row,
            probe,
            in_flight,
        };
        self.breaker.call_ended(now, ended, bound)
    }
}

fn breaker(min_calls: u32, failures_in_a_row: u32) -> Guarded {
    let breaker = Breaker::new(BreakerConfig {
        min_calls,
        failures_in_a_row,
        ..BreakerConfig::default()
    });
    let row = Row::default();
    Guarded { breaker, row }
}

#[test]
fn it_opens_on_a_run_probes_singly_and_recovers_by_doubling() {
    let mut it = breaker(100, 3);
    for n in 1..=3 {
        let opened = it.end(0.1, Health::Bad, false, 1, 8);
        assert_eq!(opened, n == 3);
    }
    assert_eq!(
        (it.breaker.limit(), it.breaker.open_until()),
        (0, Some(secs(5.1)))
    );
    it.breaker.half_open();
    assert_eq!(it.breaker.limit(), 1);
    assert!(
        !it.end(5.2, Health::Bad, false, 1, 8),
        "an old call says nothing"
    );
    for _ in 0..3 {
        it.end(6.0, Health::Good, true, 1, 8);
    }
    let mut limits = vec![it.breaker.limit()];
    for s in [6.1, 8.4, 8.5, 11.0, 11.0, 11.0, 13.4, 13.4, 13.5] {
        it.end(s, Health::Good, false, 1, 8);
        limits.push(it.breaker.limit());
    }
    assert_eq!(limits, [1, 1, 1, 2, 2, 4, 4, 4, 4, u32::MAX]);
}

#[test]
fn it_recovers_round_by_round_up_to_what_the_agent_carried_when_it_was_well() {
    let mut it = breaker(100, 3);
    // Long ago it carried much, of late 3 on the average.
    it.end(0.0, Health::Good, false, 90, 64);
    for in_flight in [2, 4] {
        it.end(20.0, Health::Good, false, in_flight, 64);
    }
    for _ in 0..3 {
        it.end(21.0, Health::Bad, false, 50, 64);
    }
    it.breaker.half_open();
    // Nothing was good since, so what is known stays.
    it.end(27.0, Health::Bad, true, 1, 64);
    it.breaker.half_open();
    let mut limits = Vec::new();
    for _ in 0..3 + 1 + 2 + 4 {
        it.end(33.0, Health::Good, true, 1, 64);
        limits.push(it.breaker.limit());
    }
    assert_eq!(limits, [1, 1, 1, 2, 2, 4, 4, 4, 4, 4]);
    it.end(35.5, Health::Good, false, 4, 64);
    assert_eq!(it.breaker.limit(), 8);
}

/// A limit of one call is its agent's own: there is nothing to recover to. It once took one
/// more good call to see that, and an agent that nobody called stayed recovering for good.
#[test]
fn the_last_probe_closes_it_where_a_limit_of_one_does_not_bind() {
    let mut it = breaker(100, 1);
    it.end(0.0, Health::Bad, false, 1, 1);
    it.breaker.half_open();
    let mut probe = || it.end(5.0, Health::Good, true, 1, 1);
    assert_eq!([(); 3].map(|()| probe()), [false, false, true]);
    assert_eq!(it.breaker.state(), BreakerState::Closed);
}

#[test]
fn it_opens_on_the_failed_share_of_its_window_only() {
    let mut it = breaker(4, 100);
    it.end(0.0, Health::Bad, false, 1, 8);
    it.end(0.0, Health::Bad, false, 1, 8);
    for s in [10.5, 10.6, 10.7] {
        it.end(s, Health::Good, false, 1, 8);
    }
    assert!(!it.end(10.8, Health::Bad, false, 1, 8), "1 of 4");
    assert!(!it.end(10.8, Health::Bad, false, 1, 8), "2 of 5");
    assert!(it.end(10.8, Health::Bad, false, 1, 8), "3 of 6");
}

#[test]
fn the_share_is_of_calls_that_started_where_those_are_more() {
    let mut it = breaker(4, 100);
    for _ in 0..12 {
        it.breaker.call_started(secs(0.0));
    }
    let ends = [Health::Neutral, Health::Late]
        .into_iter()
        .chain([Health::Bad; 5]);
    let opened: Vec<bool> = ends
        .map(|health| it.end(1.0, health, false, 1, 8))
        .collect();
    assert_eq!(
        opened,
        [false, false, false, false, false, false, true],
        "5 of 10"
    );
}

#[test]
fn it_keeps_no_order_after_a_run_of_late_ends_until_a_good_one() {
    let mut it = breaker(100, 3);
    let mut end = |health| {
        assert!(!it.end(0.1, health, false, 1, 8));
        it.breaker.keeps_order()
    };
    assert_eq!([(); 3].map(|()| end(Health::Late)), [true, true, false]);
    assert!(!end(Health::Neutral));
    assert!(end(Health::Good));
    assert_eq!([(); 3].map(|()| end(Health::Late)), [true, true, false]);
    assert!(it.breaker.stays_closed(secs(0.2), Health::Good, 1) && it.breaker.keeps_order());
}

#[test]
fn a_failed_probe_opens_it_again_and_neutral_results_say_nothing() {
    let mut it = breaker(100, 1);
    it.end(0.0, Health::Bad, false, 1, 8);
    it.breaker.half_open();
    assert!(!it.end(5.0, Health::Neutral, true, 1, 8));
    assert!(it.end(5.0, Health::Bad, true, 1, 8));
    assert_eq!(it.breaker.open_until(), Some(secs(10.0)));
}
