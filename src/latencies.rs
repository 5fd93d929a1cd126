//! How long things took: lately, and since the start.
//!
//! Something is recorded three times a message, so the present window is kept as bare counts, a handful
//! of instructions each; they become a histogram when the window ends or somebody asks.

use ebbtide_policies::units::Duration;
use hdrhistogram::Histogram;

/// Longer times count as this long: an hour, in microseconds.
const LONGEST_US: u64 = 3_600_000_000;

/// Leading bits by which times are told apart, as a histogram of two significant digits does: below 256 µs
/// each has a place of its own, longer ones share it with those of the same eight leading bits.
const BITS: u32 = 8;
const HALF: u32 = BITS - 1;
/// Places up to 2³² − 1 µs.
const PLACES: usize = (32 - BITS as usize + 2) << HALF;

/// Times since the start, and those of the last ten to twenty seconds. A histogram takes 26 KiB, counts take
/// half of that, so there are none where nothing was recorded.
#[derive(Debug, Default)]
pub(crate) struct Latencies {
    now: Option<Box<[u32]>>,
    before: Option<Box<Histogram<u64>>>,
    earlier: Option<Box<Histogram<u64>>>,
}

impl Latencies {
    #[inline]
    pub(crate) fn record(&mut self, time: Duration) {
        let micros = (time.as_nanos() / 1000).clamp(1, LONGEST_US);
        let now = self.now.get_or_insert_with(no_counts);
        now[place_of(micros)] += 1;
    }

    /// A window ends.
    pub(crate) fn rotate(&mut self) {
        let now = self.now.take().map(|counts| {
            let mut now = Box::new(empty());
            add_counts(&mut now, &counts);
            now
        });
        let Some(before) = std::mem::replace(&mut self.before, now) else {
            return;
        };
        match &mut self.earlier {
            Some(earlier) => add(earlier, &before),
            none => *none = Some(before),
        }
    }

    /// Adds those of the last ten to twenty seconds to `recent`, and all to `ever`.
    pub(crate) fn add_to(&self, recent: &mut Histogram<u64>, ever: &mut Histogram<u64>) {
        for sum in [&mut *recent, &mut *ever] {
            self.now.iter().for_each(|counts| add_counts(sum, counts));
            self.before.iter().for_each(|part| add(sum, part));
        }
        self.earlier.iter().for_each(|part| add(ever, part));
    }

    /// Adds those of another.
    pub(crate) fn absorb(&mut self, other: Self) {
        match (&mut self.now, other.now) {
            (Some(now), Some(other)) => {
                for (count, more) in now.iter_mut().zip(&other) {
                    *count = count.saturating_add(*more);
                }
            }
            (now, other) => *now = now.take().or(other),
        }
        for (part, other) in [
            (&mut self.before, other.before),
            (&mut self.earlier, other.earlier),
        ] {
            match (part.as_mut(), other) {
                (Some(part), Some(other)) => add(part, &other),
                (_, other) => *part = part.take().or(other),
            }
        }
    }

    pub(crate) fn are_none(&self) -> bool {
        self.now.is_none() && self.before.is_none() && self.earlier.is_none()
    }
}

/// A histogram of microseconds with two significant digits.
pub(crate) fn empty() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_US, 2).expect("its bounds are in order")
}

fn add(to: &mut Histogram<u64>, from: &Histogram<u64>) {
    to.add(from).expect("all have the same bounds");
}

fn add_counts(to: &mut Histogram<u64>, counts: &[u32]) {
    for (place, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        to.saturating_record_n(shortest_of(place), u64::from(count));
    }
}

#[cold]
fn no_counts() -> Box<[u32]> {
    vec![0; PLACES].into_boxed_slice()
}

/// A time's leading bits, beside how many bits follow them.
#[inline]
fn place_of(micros: u64) -> usize {
    let follow = (micros | ((1 << BITS) - 1)).ilog2() - HALF;
    ((u64::from(follow) << HALF) + (micros >> follow)) as usize
}

/// The shortest time of a place, in microseconds.
fn shortest_of(place: usize) -> u64 {
    let follow = (place >> HALF).saturating_sub(1);
    ((place - (follow << HALF)) as u64) << follow
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_is_recent_for_two_windows_and_never_lost() {
        let mut latencies = Latencies::default();
        let counts = |latencies: &Latencies| {
            let (mut recent, mut ever) = (empty(), empty());
            latencies.add_to(&mut recent, &mut ever);
            (recent.len(), ever.len())
        };
        let mut seen = Vec::new();
        for more in [1, 2, 0, 0, 4, 8, 16] {
            for _ in 0..more {
                latencies.record(Duration::from_millis(5));
            }
            seen.push(counts(&latencies));
            latencies.rotate();
        }
        let expected = [(1, 1), (3, 3), (2, 3), (0, 3), (4, 7), (12, 15), (24, 31)];
        assert_eq!(seen, expected);
    }

    #[test]
    fn counts_are_those_of_a_histogram() {
        let (mut latencies, mut all) = (Latencies::default(), empty());
        let micros = (0..64).flat_map(|bits| [1_u64 << bits, (3 << bits) / 2 + 1, (1 << bits) - 1]);
        for micros in micros.map(|micros| micros.clamp(1, LONGEST_US)) {
            latencies.record(Duration::from_nanos(micros * 1000));
            all.record(micros).expect("it is within the bounds");
        }
        let mut seen = empty();
        latencies.add_to(&mut seen, &mut empty());
        assert_eq!(seen, all);
        assert_eq!(place_of(u64::from(u32::MAX)), PLACES - 1);
    }
}
