//! Whether the load is given to sudden jumps, how far they go and how long they last.
//!
//! A worker takes a while to start, and under a jump that is the time in which messages become
//! late: nothing that is done after it helps. Where jumps come often, or lateness is dear, more
//! workers than the present load needs are worth it. What is not yet known is believed: half a
//! jump in some minutes, to several times the load; each minute without one makes it rarer.

use crate::units::{Duration, Time};

use super::settings::Settings;

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
/// Fewer remembered jumps than this say nothing of where the next goes.
const LEAST_JUMPS: f64 = 0.3;

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
    /// Jumps that ended, and how long they lasted, fading as the jumps do.
    ended: f64,
    lasted_s: f64,
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
    /// How often it ends, per second.
    pub(super) ends_per_s: f64,
}

impl Jumps {
    /// Takes what is believed of the rate at `now`, `length_s` after the last time.
    pub(super) fn observe(&mut self, now: Time, length_s: f64, rate: f64) {
        let keep = (-length_s / MEMORY_S).exp();
        for fading in [
            &mut self.count,
            &mut self.targets,
            &mut self.ended,
            &mut self.lasted_s,
            &mut self.seconds,
        ] {
            *fading *= keep;
        }
        self.seconds += length_s;
        let Some(risen) = &mut self.risen else {
            self.watch(now, length_s, rate);
            return;
        };
        let lasted = now.since(risen.since);
        if !risen.is_counted && lasted >= LASTS && rate >= BACK * self.usual {
            risen.is_counted = true;
            self.count += 1.0;
            self.targets += rate;
        }
        let is_over = rate < BACK * self.usual;
        if is_over || lasted > USUAL_AFTER {
            if risen.is_counted {
                self.ended += 1.0;
                self.lasted_s += lasted.as_secs_f64();
            }
            self.risen = None;
            if !is_over {
                self.usual = rate;
            }
        }
    }

    /// Waits for a jump.
    fn watch(&mut self, now: Time, length_s: f64, rate: f64) {
        if self.usual > 0.0 && rate > JUMP * self.usual {
            self.risen = Some(Risen {
                since: now,
                is_counted: false,
            });
            return;
        }
        let share = if self.usual > 0.0 {
            1.0 - (-length_s / FOLLOWS_S).exp()
        } else {
            1.0
        };
        self.usual += share * (rate - self.usual);
    }

    /// The jump to reckon with at `rate`, if any. One that is only believed in goes to `most`
    /// messages a second at most; those that were seen went where they went.
    pub(super) fn hazard(&self, rate: f64, most: f64, settings: &Settings) -> Option<Hazard> {
        let target = if self.count < LEAST_JUMPS {
            (settings.jump_factor * rate).min(most)
        } else {
            self.targets / self.count
        };
        let ended = self.ended + settings.prior_jumps;
        let stay_s = (self.lasted_s + settings.prior_jumps * settings.jump_stay_s) / ended;
        (target > JUMP * rate && settings.prior_jumps > 0.0).then(|| Hazard {
            per_s: (self.count + settings.prior_jumps) / (self.seconds + settings.prior_s),
            rate: target,
            ends_per_s: 1.0 / stay_s.max(1.0),
        })
    }

    /// Whether jumps have been seen.
    pub(super) fn are_known(&self) -> bool {
        self.count >= LEAST_JUMPS
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

    fn hazard(jumps: &Jumps, rate: f64) -> Option<Hazard> {
        jumps.hazard(rate, 1e4, &Settings::default())
    }

    #[test]
    fn bursts_become_a_habit() {
        let first = hazard(&bursts(0), 50.0).expect("what is believed beforehand");
        assert!((first.rate - 150.0).abs() < 1e-9 && first.per_s < 0.004);
        let habit = hazard(&bursts(10), 100.0).expect("ten bursts");
        assert!((habit.rate - 600.0).abs() < 1.0);
        assert!((0.008..0.017).contains(&habit.per_s), "{habit:?}");
        assert!((1.0 / habit.ends_per_s - 9.0).abs() < 2.0, "{habit:?}");
        // What was seen may be more than all workers carry: each second in which some are missing
        // makes all who come after later.
        let beyond = bursts(10).hazard(100.0, 200.0, &Settings::default());
        assert!((beyond.expect("ten bursts").rate - 600.0).abs() < 1.0);
        // In a burst no further jump is expected.
        assert_eq!(hazard(&bursts(10), 600.0), None);
    }

    #[test]
    fn a_steady_load_with_noise_makes_jumps_rare() {
        let mut jumps = Jumps::default();
        for second in 1..1_000 {
            let rate = if second % 7 == 0 { 145.0 } else { 100.0 };
            jumps.observe(Time::ZERO + Duration::from_secs(second), 1.0, rate);
        }
        let rare = hazard(&jumps, 100.0).expect("what is believed beforehand");
        assert!(rare.per_s < 0.001, "{rare:?}");
    }
}
