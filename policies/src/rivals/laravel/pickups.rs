//! Times until messages were picked up, over a sliding window.

use std::collections::VecDeque;

use super::Settings;
use crate::latency::LatencyHistogram;
use crate::units::{Duration, Time};

/// Pick-up times, those of each look together.
#[derive(Clone, Debug, Default)]
pub(super) struct Pickups {
    looks: VecDeque<(Time, LatencyHistogram)>,
}

impl Pickups {
    /// Adds an interval's pick-up times to those of the present look, which began at `begun`.
    pub(super) fn note(
        &mut self,
        now: Time,
        begun: Time,
        waits: &LatencyHistogram,
        window: Duration,
    ) {
        while (self.looks.front()).is_some_and(|(at, _)| now.since(*at) >= window) {
            self.looks.pop_front();
        }
        match self.looks.back_mut() {
            Some((at, look)) if *at > begun => look.add(waits),
            _ => self.looks.push_back((now, waits.clone())),
        }
    }

    /// The quantile that the objective is compared with, in seconds; `None`: there are too few.
    pub(super) fn quantile_s(&self, settings: &Settings) -> Option<f64> {
        let mut all = LatencyHistogram::default();
        for (_, look) in &self.looks {
            all.add(look);
        }
        let quantile = all.quantile(settings.quantile)?;
        (all.count() >= settings.min_samples).then(|| quantile.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pick_up_times_count_once_there_are_enough_and_until_they_are_old() {
        let (mut pickups, settings) = (Pickups::default(), Settings::default());
        let mut waits = LatencyHistogram::default();
        (0..19).for_each(|_| waits.record(Duration::from_secs(24)));
        let at = |secs| Time::ZERO + Duration::from_secs(secs);
        pickups.note(at(1), Time::ZERO, &waits, settings.window);
        assert_eq!(pickups.quantile_s(&settings), None);
        waits.clear();
        waits.record(Duration::from_secs(24));
        pickups.note(at(2), Time::ZERO, &waits, settings.window);
        let quantile = pickups.quantile_s(&settings).expect("twenty are enough");
        assert!((quantile - 24.0).abs() < 1.6);
        pickups.note(at(302), at(301), &waits, settings.window);
        assert_eq!(pickups.quantile_s(&settings), None);
    }
}
