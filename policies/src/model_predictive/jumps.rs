//! Whether the load is given to sudden jumps, and what a next one would cost.
//!
//! A worker takes a while to start, and under a jump that is the time in which messages become
//! late: nothing that is done after it helps. Where jumps have come before, some more workers
//! than the present load needs are worth it. Before the second jump nothing is reckoned with.

use crate::units::{Duration, Time};

/// A rate that is this many times what it was has jumped …
const JUMP: f64 = 1.5;
/// … if it stays so for this long.
const LASTS: Duration = Duration::from_secs(3);
/// A jump is over when the rate is back within this factor of what it was …
const BACK: f64 = 1.2;
/// … and after this long the new rate is the usual one.
const USUAL_AFTER: Duration = Duration::from_secs(30);
/// The usual rate follows the present one with this time constant, in seconds.
const FOLLOWS_S: f64 = 10.0;
/// Jumps are remembered for about this long, in seconds: some minutes more than a control
/// loop that works in seconds needs to see a pattern.
const MEMORY_S: f64 = 600.0;
/// Seconds without a jump that are believed beforehand.
const PRIOR_S: f64 = 150.0;
/// Fewer remembered jumps than this are no habit.
const LEAST_JUMPS: f64 = 1.3;

/// Watches the rate for jumps.
#[derive(Clone, Debug, Default)]
pub(super) struct Jumps {
    /// The usual rate.
    usual: f64,
    risen: Option<Risen>,
    /// Jumps and seconds, fading.
    count: f64,
    seconds: f64,
    /// Rates after jumps, summed and fading as the jumps do.
    targets: f64,
}

/// A rate above the usual.
#[derive(Clone, Copy, Debug)]
struct Risen {
    since: Time,
    is_counted: bool,
}

/// The jump to reckon with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Hazard {
    /// How often it comes, per second.
    pub(super) per_s: f64,
    /// To how many messages per second.
    pub(super) rate: f64,
}

impl Jumps {
    /// Takes what is believed of the rate at `now`, `length_s` after the last time.
    pub(super) fn observe(&mut self, now: Time, length_s: f64, rate: f64) {
        let keep = (-length_s / MEMORY_S).exp();
        self.count *= keep;
        self.targets *= keep;
        self.seconds = self.seconds * keep + length_s;
        match &mut self.risen {
            Some(_) if rate < BACK * self.usual => self.risen = None,
            Some(risen) if now.since(risen.since) > USUAL_AFTER => {
                self.risen = None;
                self.usual = rate;
            }
            Some(risen) if !risen.is_counted && now.since(risen.since) >= LASTS => {
                risen.is_counted = true;
                self.count += 1.0;
                self.targets += rate;
            }
            Some(_) => {}
            None if self.usual > 0.0 && rate > JUMP * self.usual => {
                self.risen = Some(Risen {
                    since: now,
                    is_counted: false,
                });
            }
            None => {
                let share = if self.usual > 0.0 {
                    1.0 - (-length_s / FOLLOWS_S).exp()
                } else {
                    1.0
                };
                self.usual += share * (rate - self.usual);
            }
        }
    }

    /// The jump to reckon with at `rate`, if any.
    pub(super) fn hazard(&self, rate: f64) -> Option<Hazard> {
        if self.count < LEAST_JUMPS {
            return None;
        }
        let target = self.targets / self.count;
        (target > JUMP * rate).then(|| Hazard {
            per_s: self.count / (self.seconds + PRIOR_S),
            rate: target,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rate of 100 with bursts to 600, the last eight seconds of each minute.
    fn bursts(minutes: u64) -> Jumps {
        let mut jumps = Jumps::default();
        for second in 1..=60 * minutes {
            let rate = if second % 60 >= 52 { 600.0 } else { 100.0 };
            jumps.observe(Time::ZERO + Duration::from_secs(second), 1.0, rate);
        }
        jumps
    }

    #[test]
    fn bursts_become_a_habit() {
        assert_eq!(bursts(1).hazard(100.0), None);
        let hazard = bursts(10).hazard(100.0).expect("ten bursts");
        assert!((hazard.rate - 600.0).abs() < 1.0);
        assert!((0.008..0.017).contains(&hazard.per_s), "{hazard:?}");
        // In a burst no further jump is expected.
        assert_eq!(bursts(10).hazard(600.0), None);
    }

    #[test]
    fn a_steady_load_with_noise_has_no_hazard() {
        let mut jumps = Jumps::default();
        for second in 1..1_000 {
            let rate = if second % 7 == 0 { 145.0 } else { 100.0 };
            jumps.observe(Time::ZERO + Duration::from_secs(second), 1.0, rate);
        }
        assert_eq!(jumps.hazard(100.0), None);
    }
}
