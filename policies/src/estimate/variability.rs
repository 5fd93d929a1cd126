//! How irregular arrivals are: the index of dispersion of their counts.
//!
//! Variance over mean of the counts of an interval: 1 for Poisson, 0 for a metronome, more for
//! bursts. For renewal arrivals it tends to the squared coefficient of variation of the times
//! between them as the interval grows (Cox and Lewis, 1966), which is what Allen and
//! Cunneen's formula asks for.

/// Expected arrivals that a count must cover before it says anything: with fewer, the ratio of
/// squared error to mean is too skewed to average.
const LEAST_EXPECTED: f64 = 4.0;
/// Counts that the guess of 1 is worth before any evidence.
const PRIOR_COUNTS: f64 = 10.0;
/// Counts that are remembered; older ones fade.
const MEMORY_COUNTS: f64 = 60.0;
/// A single count weighs no more than this many times its expectation's variance, so that a
/// jump of the rate is not taken for irregularity.
const LARGEST_SURPRISE: f64 = 9.0;

/// Index of dispersion of arrival counts.
#[derive(Clone, Debug)]
pub struct Dispersion {
    counted: f64,
    expected: f64,
    surprises: f64,
    weight: f64,
}

impl Default for Dispersion {
    fn default() -> Self {
        Self {
            counted: 0.0,
            expected: 0.0,
            surprises: PRIOR_COUNTS,
            weight: PRIOR_COUNTS,
        }
    }
}

impl Dispersion {
    /// Takes a count and what was expected of it; small ones are pooled.
    pub fn observe(&mut self, counted: f64, expected: f64) {
        self.counted += counted;
        self.expected += expected;
        if self.expected < LEAST_EXPECTED {
            return;
        }
        let error = self.counted - self.expected;
        let surprise = (error * error / self.expected).min(LARGEST_SURPRISE);
        let keep = 1.0 - 1.0 / MEMORY_COUNTS;
        self.surprises = self.surprises * keep + surprise;
        self.weight = self.weight * keep + 1.0;
        (self.counted, self.expected) = (0.0, 0.0);
    }

    /// The index, between 0 and 9; 1 before there is evidence.
    #[must_use]
    pub fn index(&self) -> f64 {
        self.surprises / self.weight
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_a_metronome_from_bursts() {
        let (mut metronome, mut bursts) = (Dispersion::default(), Dispersion::default());
        assert_eq!(metronome.index(), 1.0);
        for k in 0..300 {
            metronome.observe(10.0, 10.0);
            bursts.observe(if k % 4 == 0 { 40.0 } else { 0.0 }, 10.0);
        }
        assert!(metronome.index() < 0.05);
        assert!(bursts.index() > 5.0);
    }

    #[test]
    fn pools_counts_that_are_too_small() {
        let mut sparse = Dispersion::default();
        for k in 0..400 {
            sparse.observe(if k % 10 == 0 { 1.0 } else { 0.0 }, 0.1);
        }
        assert!((0.0..0.5).contains(&sparse.index()), "{}", sparse.index());
    }
}
