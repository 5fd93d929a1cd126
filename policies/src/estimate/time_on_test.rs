//! What slot-time says of calls that differ much in length: that they take longer than those that
//! finished, or less long.
//!
//! Short calls finish first: where some take a thousand times as long as others, those that have
//! finished lately say little of those that hold the slots; and when a long one finishes at last,
//! all that it took is no news. Slots are held for exactly as long as calls take, so that slot-time
//! over the number of calls that finished is what a call takes (total time on test, the
//! maximum-likelihood estimate of a mean from lifetimes that are cut short: Epstein and Sobel 1953,
//! for exponential ones), whatever the tail. Only what chance, and a change in how many calls are
//! under way, do not explain counts.

use super::call_cost::MOST_SCATTER;

/// Standard errors that chance may explain.
const ERRORS: f64 = 2.0;
/// No call is taken to be longer, or shorter, by more than this factor.
const MOST_APART: f64 = 100.0;

/// Weighs slot-time against the calls that finished in it.
#[derive(Clone, Debug, Default)]
pub struct TimeOnTest {
    /// Time remembered, slot-time in it, and that of the calls that finished in it, fading.
    seconds: f64,
    busy_s: f64,
    finished_s: f64,
    /// Calls under way of late.
    under_way: f64,
}

impl TimeOnTest {
    /// Takes an interval of `length_s` seconds in which calls kept slots busy for `busy_s`
    /// and those that finished had taken `finished_s`; a share of `keep` is left of what was before.
    pub fn observe(&mut self, keep: f64, length_s: f64, busy_s: f64, finished_s: f64) {
        self.seconds = self.seconds * keep + length_s;
        self.busy_s = self.busy_s * keep + busy_s;
        self.finished_s = self.finished_s * keep + finished_s;
        self.under_way = busy_s / length_s.max(1e-9);
    }

    /// What calls take over what those that finished took, which is `call_s` with a squared
    /// coefficient of variation of `cv2`: above 1 where slots are held by calls that have not
    /// finished, below where those that did had begun before what is remembered.
    #[must_use]
    pub fn factor(&self, call_s: f64, cv2: f64) -> f64 {
        let finished_s = self.finished_s.max(call_s);
        let usual = self.busy_s / self.seconds.max(1e-9);
        let more_s = (self.under_way - usual) * call_s;
        let typical_s = call_s * (self.busy_s / finished_s).min(1.0);
        let scatter = 2.0 * self.under_way.max(1.0) * (1.0 + cv2.min(MOST_SCATTER));
        let chance_s = ERRORS * typical_s * scatter.sqrt();
        let excess_s = self.busy_s - self.finished_s;
        let excess_s = if excess_s > 0.0 {
            (excess_s - more_s.max(0.0) - chance_s).max(0.0)
        } else {
            (excess_s - more_s.min(0.0) + chance_s).min(0.0)
        };
        let factor = 1.0 + excess_s / finished_s;
        if factor.is_finite() {
            factor.clamp(1.0 / MOST_APART, MOST_APART)
        } else {
            1.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP: f64 = 0.95;

    #[test]
    fn slots_that_never_finish_count() {
        let mut time_on_test = TimeOnTest::default();
        // Twenty slots, of which ten serve calls of half a second and ten are held for good.
        for _ in 0..100 {
            time_on_test.observe(KEEP, 1.0, 20.0, 10.0);
        }
        let factor = time_on_test.factor(0.5, 0.5);
        assert!((1.9..=2.0).contains(&factor), "{factor}");
    }

    #[test]
    fn a_steady_pool_and_a_growing_one_have_nothing_to_hide() {
        let mut time_on_test = TimeOnTest::default();
        for second in 0..60 {
            let in_flight = if second < 40 { 5.0 } else { 20.0 };
            // Calls of four seconds: what finishes lags behind.
            let finished = if second < 44 { 5.0 } else { 20.0 };
            time_on_test.observe(KEEP, 1.0, in_flight, finished);
            assert_eq!(time_on_test.factor(4.0, 0.3), 1.0, "{second}");
        }
    }

    #[test]
    fn a_long_call_that_finishes_is_no_news() {
        let mut time_on_test = TimeOnTest::default();
        // A slot held for five minutes beside four that serve calls of half a second.
        for second in 0..300 {
            let finished = if second == 299 { 304.0 } else { 4.0 };
            time_on_test.observe(KEEP, 1.0, 5.0, finished);
        }
        // Of the twenty seconds remembered the slots had a hundred.
        let factor = time_on_test.factor(2.4, 50.0);
        let slots_s = factor * 2.4 * 8.0;
        assert!((5.0..8.0).contains(&slots_s), "{slots_s} slots of five");
    }

    #[test]
    fn absurd_times_stay_finite() {
        let mut time_on_test = TimeOnTest::default();
        time_on_test.observe(0.0, 1e10, 1e300, 0.0);
        assert!(time_on_test.factor(0.0, f64::INFINITY).is_finite());
        assert_eq!(TimeOnTest::default().factor(1.0, 1.0), 1.0);
    }
}
