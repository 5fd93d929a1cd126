//! Failures in a row among one agent's calls.
//!
//! They are those since the last success, as breakers count them: calls in the order of their ends. That
//! alone would judge by who ends first. Where failures are quick and successes slow, a burst of starts is
//! followed by all of its failures, and by its successes only long after: 43 in a row of an agent that
//! fails 30 % of its calls, as a pool of 100 slots fills. So a call that is under way parts the failures that
//! started before it from those that started after it: it may be a success. Once it has been under way
//! for as long as successes take, or as the breaker's window, it is no more waited for: an agent that fails
//! some calls and hangs in the rest is found out, and one that fails as slowly as it succeeded.

use ebbtide_policies::units::{Duration, Time};
use serde::{Deserialize, Serialize};

use crate::breaker::{Breaker, Health};

/// Before the first call and after the last: the calls are linked in a ring, and this is its clasp.
const CLASP: u32 = 0;

/// Successes whose times make the mean. Those of a burst that come first are quick: so many that they do not
/// bring it down before the others come.
const REMEMBERED: u64 = 64;

/// One agent's calls under way, in the order in which they started, and the failures between them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// By place.
    calls: Vec<Link>,
    /// The first free place, each of which has the next as its `later`; [`CLASP`]: none is free.
    free: u32,
    successes: u64,
    /// Nanoseconds that the last successes took, as many as are remembered, each counting for less the
    /// longer ago it was.
    times: u64,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Link {
    started: Time,
    earlier: u32,
    /// Its own place if it no longer parts anything: then it is in no ring.
    later: u32,
    /// Failures of calls that started after this one and before the later one; void if there was a
    /// success since.
    failures: u32,
    /// Successes when they were counted.
    successes: u64,
}

impl Default for Row {
    fn default() -> Self {
        Self {
            calls: vec![Link {
                started: Time::ZERO,
                earlier: CLASP,
                later: CLASP,
                failures: 0,
                successes: 0,
            }],
            free: CLASP,
            successes: 0,
            times: 0,
        }
    }
}

impl Row {
    /// A call starts, later than all others. Its place, until it ends.
    #[inline(always)]
    pub fn call_started(&mut self, now: Time) -> u32 {
        let last = self.calls[CLASP as usize].earlier;
        if self.free == CLASP {
            self.grow();
        }
        let place = self.free;
        let link = &mut self.calls[place as usize];
        self.free = link.later;
        (link.started, link.earlier, link.later) = (now, last, CLASP);
        link.failures = 0;
        self.calls[last as usize].later = place;
        self.calls[CLASP as usize].earlier = place;
        place
    }

    /// The call of that place ends. How many failures in a row it is one of; 0: it did not fail.
    #[inline(always)]
    pub fn call_ended(
        &mut self,
        now: Time,
        place: u32,
        health: Health,
        breaker: Option<&Breaker>,
    ) -> u32 {
        if health == Health::Good {
            self.succeeded(now, place);
            return 0;
        }
        let patience = breaker.map_or(Duration::MAX, Breaker::patience);
        self.ended(now, place, health == Health::Bad, patience)
    }

    /// The call of that place succeeds.
    #[inline(always)]
    fn succeeded(&mut self, now: Time, place: u32) {
        self.remember(now.since(self.calls[place as usize].started));
        self.take_out(place);
        self.give_back(place);
    }

    /// The call of that place ends, and did not succeed. How many failures in a row it is one of; 0: it did
    /// not fail either. Calls that have been under way for `patience`, or for as long as successes take, part
    /// nothing any more.
    fn ended(&mut self, now: Time, place: u32, failed: bool, patience: Duration) -> u32 {
        self.give_up(now, patience.min(self.usual()));
        let behind = self.failures(place);
        let before = self.take_out(place);
        self.give_back(place);
        let in_a_row = self.add(before, behind + u32::from(failed));
        if failed { in_a_row } else { 0 }
    }

    #[inline(always)]
    fn remember(&mut self, took: Duration) {
        if self.successes >= REMEMBERED {
            self.times -= self.times / REMEMBERED;
        }
        self.successes += 1;
        self.times = self.times.saturating_add(took.as_nanos());
    }

    /// What successes take on the average; of too few nothing is known.
    fn usual(&self) -> Duration {
        match self.successes < REMEMBERED {
            true => Duration::MAX,
            false => Duration::from_nanos(self.times / REMEMBERED),
        }
    }

    #[cold]
    fn grow(&mut self) {
        let place = u32::try_from(self.calls.len());
        self.free = place.expect("fewer than 2^32 calls fit in memory");
        let later = CLASP;
        let last = Link {
            later,
            ..self.calls[CLASP as usize]
        };
        self.calls.push(last);
    }

    #[inline(always)]
    fn give_back(&mut self, place: u32) {
        self.calls[place as usize].later = self.free;
        self.free = place;
    }

    /// What has been under way for so long parts nothing any more.
    fn give_up(&mut self, now: Time, patience: Duration) {
        loop {
            let first = self.calls[CLASP as usize].later;
            let Link { started, .. } = self.calls[first as usize];
            if first == CLASP || now.since(started) < patience {
                return;
            }
            let after = self.failures(first);
            self.take_out(first);
            self.add(CLASP, after);
            let link = &mut self.calls[first as usize];
            (link.later, link.failures) = (first, 0);
        }
    }

    /// Takes a call out of the ring. Behind which call its failures are now.
    #[inline(always)]
    fn take_out(&mut self, place: u32) -> u32 {
        let Link { earlier, later, .. } = self.calls[place as usize];
        if later == place {
            return CLASP;
        }
        self.calls[earlier as usize].later = later;
        self.calls[later as usize].earlier = earlier;
        earlier
    }

    fn failures(&self, place: u32) -> u32 {
        let link = &self.calls[place as usize];
        match link.successes == self.successes {
            true => link.failures,
            false => 0,
        }
    }

    fn add(&mut self, place: u32, more: u32) -> u32 {
        let failures = self.failures(place).saturating_add(more);
        let link = &mut self.calls[place as usize];
        (link.failures, link.successes) = (failures, self.successes);
        failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn at(ms: u64) -> Time {
        Time::ZERO + Duration::from_millis(ms)
    }

    struct Calls {
        row: Row,
        places: Vec<u32>,
    }

    impl Calls {
        /// So many start at time 0.
        fn start(count: usize) -> Self {
            let mut row = Row::default();
            let places = (0..count).map(|_| row.call_started(at(0))).collect();
            Self { row, places }
        }

        fn end(&mut self, ms: u64, calls: &[usize], health: Health) -> Vec<u32> {
            let places: Vec<u32> = calls.iter().map(|call| self.places[*call]).collect();
            let end = |place| self.end_place(ms, place, health);
            places.into_iter().map(end).collect()
        }

        fn end_place(&mut self, ms: u64, place: u32, health: Health) -> u32 {
            if health == Health::Good {
                self.row.succeeded(at(ms), place);
                return 0;
            }
            self.row
                .ended(at(ms), place, health == Health::Bad, PATIENCE)
        }
    }

    #[test]
    fn failures_are_in_a_row_until_a_success_whatever_else_ends() {
        let mut it = Calls::start(8);
        assert_eq!(it.end(1, &[0, 1, 2], Health::Bad), [1, 2, 3]);
        assert_eq!(it.end(1, &[3], Health::Neutral), [0]);
        assert_eq!(it.end(1, &[4], Health::Late), [0]);
        assert_eq!(it.end(1, &[5], Health::Bad), [4]);
        assert_eq!(it.end(1, &[6], Health::Good), [0]);
        assert_eq!(it.end(1, &[7], Health::Bad), [1]);
    }

    #[test]
    fn a_call_under_way_parts_what_started_before_it_from_what_started_after_it() {
        let mut it = Calls::start(6);
        assert_eq!(it.end(1, &[0, 3, 1, 5], Health::Bad), [1, 1, 2, 1]);
        assert_eq!(it.end(1, &[2], Health::Bad), [4]);
        // 4 says nothing: what it parted is in a row.
        it.end(1, &[4], Health::Neutral);
        let place = it.row.call_started(at(2));
        assert_eq!(it.end_place(2, place, Health::Bad), 6);
    }

    #[test]
    fn a_success_voids_all_failures_before_it_on_both_sides_of_what_is_under_way() {
        let mut it = Calls::start(7);
        assert_eq!(it.end(1, &[0, 2, 4], Health::Bad), [1, 1, 1]);
        it.end(1, &[6], Health::Good);
        assert_eq!(it.end(1, &[1, 3], Health::Bad), [1, 2]);
        assert_eq!(it.end(1, &[5], Health::Bad), [3]);
    }

    #[test]
    fn a_call_parts_nothing_once_it_has_been_under_way_for_so_long() {
        let mut it = Calls::start(5);
        assert_eq!(it.end(9_999, &[0, 2], Health::Bad), [1, 1]);
        assert_eq!(it.end(10_000, &[4], Health::Bad), [3]);
        assert_eq!(it.end(30_000, &[1, 3], Health::Bad), [4, 5]);
    }

    /// Until so many have succeeded only the first, which are the quick ones of a burst, may have ended.
    #[test]
    fn a_call_parts_nothing_once_it_has_been_under_way_for_as_long_as_64_successes_took() {
        for (successes, expected) in [(63, [1, 1, 1]), (64, [1, 1, 3])] {
            let mut it = Calls::start(successes + 5);
            it.end(300, &Vec::from_iter(5..successes + 5), Health::Good);
            let mut row = it.end(299, &[0, 2], Health::Bad);
            row.extend(it.end(300, &[4], Health::Bad));
            assert_eq!(row, expected, "after {successes}");
        }
    }

    /// Places are used again, those of calls that parted nothing any more too.
    #[test]
    fn there_are_as_many_places_as_calls_were_under_way_at_once() {
        let mut it = Calls::start(3);
        it.end(10_000, &[2, 1], Health::Bad);
        it.places[1] = it.row.call_started(at(10_000));
        it.places[2] = it.row.call_started(at(10_000));
        assert_eq!(it.end(10_001, &[2, 0, 1], Health::Bad), [1, 3, 5]);
        assert_eq!(it.row.calls.len(), 4);
    }
}
