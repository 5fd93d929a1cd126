//! How fast it may shrink: `TargetSmoother`, the cool-down between directions and
//! `ConservativeScaleDownPolicy`.

use std::collections::VecDeque;

use crate::units::{Duration, Time};

/// Looks whose throughput is remembered, and how many it takes.
const LOOKS: std::ops::RangeInclusive<usize> = 3..=10;
/// Variation of throughput below which it counts as steady.
const STEADY: f64 = 0.05;
/// Share of the workers that may go at a time.
const LARGEST_STEP: f64 = 0.25;

/// What changes were made and what for.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    throughput: VecDeque<f64>,
    /// The last smoothed target.
    target: Option<u32>,
    /// The last change: when, and whether it was growth.
    changed: Option<(Time, bool)>,
}

impl Pace {
    /// What of the wish is let through, with `active` workers.
    pub(super) fn apply(
        &mut self,
        now: Time,
        active: u32,
        wanted: u32,
        throughput_per_s: f64,
        is_breached: bool,
        cool_down: Duration,
    ) -> u32 {
        let wanted = self.smooth(wanted, throughput_per_s);
        if wanted == active {
            return active;
        }
        let grows = wanted > active;
        let turned =
            (self.changed).is_some_and(|(at, grew)| grew != grows && now.since(at) < cool_down);
        if turned && !(grows && is_breached) {
            return active;
        }
        self.changed = Some((now, grows));
        if grows {
            return wanted;
        }
        let most = (f64::from(active) * LARGEST_STEP).ceil().max(1.0);
        wanted.max(active.saturating_sub(most as u32))
    }

    fn smooth(&mut self, wanted: u32, throughput_per_s: f64) -> u32 {
        self.throughput.push_back(throughput_per_s);
        while self.throughput.len() > *LOOKS.end() {
            self.throughput.pop_front();
        }
        let smoothed = match self.target {
            Some(target) if wanted < target && self.is_steady() => wanted.max(target - 1),
            _ => wanted,
        };
        self.target = Some(smoothed);
        smoothed
    }

    fn is_steady(&self) -> bool {
        let count = self.throughput.len() as f64;
        let mean = self.throughput.iter().sum::<f64>() / count;
        let squares = self.throughput.iter().map(|rate| (rate - mean).powi(2));
        let deviation = (squares.sum::<f64>() / count).sqrt();
        LOOKS.contains(&self.throughput.len()) && mean > 0.0 && deviation / mean < STEADY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Workers after looks five seconds apart with these wishes and throughputs.
    fn run(mut active: u32, looks: &[(u32, f64)]) -> Vec<u32> {
        let (mut pace, mut workers) = (Pace::default(), Vec::new());
        for (look, &(wanted, throughput)) in (0..).zip(looks) {
            let now = Time::ZERO + Duration::from_secs(5 * look);
            let cool_down = Duration::from_secs(60);
            active = pace.apply(now, active, wanted, throughput, false, cool_down);
            workers.push(active);
        }
        workers
    }

    #[test]
    fn at_most_a_quarter_goes_at_a_time() {
        let looks = [(1, 1.0), (1, 9.0), (1, 3.0), (1, 9.0), (1, 2.0), (1, 7.0)];
        assert_eq!(run(10, &looks), [7, 5, 3, 2, 1, 1]);
    }

    #[test]
    fn one_goes_at_a_time_while_throughput_is_steady() {
        let looks = [(10, 10.0), (10, 10.0), (10, 10.0), (5, 10.0), (5, 10.0)];
        assert_eq!(run(10, &looks), [10, 10, 10, 9, 8]);
    }

    #[test]
    fn a_change_of_direction_waits_a_minute_but_for_a_breach() {
        let mut looks = vec![(4, 1.0)];
        looks.extend((0..12).map(|look| (2, f64::from(look % 2))));
        let workers = run(2, &looks);
        assert_eq!(workers[..12], [4; 12]);
        assert_eq!(workers[12], 3);
        let (mut pace, minute) = (Pace::default(), Duration::from_secs(60));
        assert_eq!(pace.apply(Time::ZERO, 4, 3, 1.0, false, minute), 3);
        let soon = Time::ZERO + Duration::from_secs(5);
        assert_eq!(pace.apply(soon, 3, 9, 1.0, false, minute), 3);
        assert_eq!(pace.apply(soon, 3, 9, 1.0, true, minute), 9);
    }
}
