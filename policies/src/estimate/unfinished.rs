//! Calls that are under way for longer than those that finish.
//!
//! Short calls finish first: where some take a thousand times as long as others, those that have
//! finished lately say little of those that hold the slots. Slot-time that no finished call
//! accounts for counts as call time too: total time on test over the number that finished, the
//! maximum-likelihood estimate of a mean from lifetimes that are cut short (Epstein and Sobel 1953,
//! for exponential ones). Only what chance and a growing number of calls do not explain counts.

/// What was seen fades with this time constant, in seconds.
const MEMORY_S: f64 = 20.0;
/// Standard errors that chance may explain.
const ERRORS: f64 = 2.0;
/// Call times are taken to scatter no more than this (a squared coefficient of variation): where
/// they do, the very long ones are what is looked for.
const MOST_SCATTER: f64 = 4.0;
/// No call is taken to be longer by more than this factor.
const LONGEST: f64 = 100.0;

/// Weighs slot-time against the calls that finished in it.
#[derive(Clone, Debug, Default)]
pub struct Unfinished {
    /// Slot-time, and that of calls that finished, fading.
    busy_s: f64,
    finished_s: f64,
    /// Calls under way: now, and on the mean over the time remembered.
    in_flight: f64,
    usual: f64,
}

impl Unfinished {
    /// Takes an interval of `length_s` seconds in which calls kept slots busy for `busy_s`
    /// and those that finished had taken `finished_s`, `in_flight` calls being under way at its end.
    pub fn observe(&mut self, length_s: f64, busy_s: f64, finished_s: f64, in_flight: f64) {
        let keep = (-length_s / MEMORY_S).exp();
        self.busy_s = self.busy_s * keep + busy_s;
        self.finished_s = self.finished_s * keep + finished_s;
        self.usual = self.usual * keep + in_flight * (1.0 - keep);
        self.in_flight = in_flight;
    }

    /// How much longer calls take than those that finished, which took `call_s` with a squared
    /// coefficient of variation of `cv2`; at least 1.
    #[must_use]
    pub fn factor(&self, call_s: f64, cv2: f64) -> f64 {
        let more = (self.in_flight - self.usual).max(0.0) * call_s;
        let scatter = 2.0 * self.in_flight.max(1.0) * (1.0 + cv2.min(MOST_SCATTER));
        let chance = ERRORS * call_s * scatter.sqrt();
        let excess = self.busy_s - self.finished_s - more - chance;
        let factor = 1.0 + excess.max(0.0) / self.finished_s.max(call_s);
        if factor.is_finite() {
            factor.min(LONGEST)
        } else {
            1.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_that_never_finish_count() {
        let mut unfinished = Unfinished::default();
        // Twenty slots, of which ten serve calls of half a second and ten are held for good.
        for _ in 0..100 {
            unfinished.observe(1.0, 20.0, 10.0, 20.0);
        }
        let factor = unfinished.factor(0.5, 0.5);
        assert!((1.9..=2.0).contains(&factor), "{factor}");
    }

    #[test]
    fn a_steady_pool_and_a_growing_one_have_nothing_to_hide() {
        let mut unfinished = Unfinished::default();
        for second in 0..60 {
            let in_flight = if second < 40 { 5.0 } else { 20.0 };
            // Calls of four seconds: what finishes lags behind.
            let finished = if second < 44 { 5.0 } else { 20.0 };
            unfinished.observe(1.0, in_flight, finished, in_flight);
            assert_eq!(unfinished.factor(4.0, 0.3), 1.0, "{second}");
        }
    }

    #[test]
    fn absurd_times_stay_finite() {
        let mut unfinished = Unfinished::default();
        unfinished.observe(1e10, 1e300, 0.0, 1e9);
        assert!(unfinished.factor(0.0, f64::INFINITY).is_finite());
        assert_eq!(Unfinished::default().factor(1.0, 1.0), 1.0);
    }
}
