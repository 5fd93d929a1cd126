//! What the concurrency limiters share: the window of calls that they judge by, and slots that
//! are given back when nothing needs them.

use super::pool::{peak_in_flight, slots_needed};
use crate::observation::Observation;
use crate::units::{Duration, Time};
use crate::window::WindowMax;

/// Calls of one or more intervals.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallWindow {
    /// How long it has been filled.
    pub(crate) length: Duration,
    /// Calls that succeeded.
    pub(crate) calls: u64,
    /// Most calls in flight.
    pub(crate) peak: u64,
    /// Their times, or an even thinning.
    times: Vec<Duration>,
}

impl CallWindow {
    /// Takes an interval in; calls below `least` are no samples.
    pub(crate) fn fill(&mut self, observation: &Observation, least: Duration) {
        self.length += observation.interval;
        for agent in &observation.agents {
            let before = self.times.len();
            let times = agent.samples.iter().map(|sample| sample.time);
            self.times.extend(times.filter(|&time| time >= least));
            let kept = (self.times.len() - before) as f64 / agent.samples.len().max(1) as f64;
            // Thinned samples stand for all the calls. The cast saturates.
            let calls = agent.calls.succeeded as f64 * kept;
            self.calls = self.calls.saturating_add(calls.round() as u64);
        }
        self.peak = self.peak.max(peak_in_flight(observation));
    }

    /// The shortest call; `None` without one.
    pub(crate) fn shortest(&self) -> Option<Duration> {
        self.times.iter().copied().min()
    }

    /// Mean call time in seconds; `None` without a call.
    pub(crate) fn mean_s(&self) -> Option<f64> {
        let sum: f64 = self.times.iter().map(|time| time.as_secs_f64()).sum();
        (!self.times.is_empty()).then(|| sum / self.times.len() as f64)
    }

    /// The quantile `q` (0–1) of the call times in seconds; `None` without a call.
    pub(crate) fn quantile_s(&mut self, q: f64) -> Option<f64> {
        self.times.sort_unstable();
        let rank = (self.times.len() as f64 * q).ceil() as usize;
        let last = self.times.len().checked_sub(1)?;
        let time = self.times[rank.saturating_sub(1).min(last)];
        Some(time.as_secs_f64())
    }
}

/// Gives slots back that nothing has needed for a while, as elastic thread pools do: a limiter
/// alone says how many there may be, not how many there are.
#[derive(Clone, Debug)]
pub(crate) struct Release {
    needed: Option<WindowMax>,
}

impl Release {
    /// Gives back after `idle`; never, if that is `None`.
    pub(crate) fn after(idle: Option<Duration>) -> Self {
        Self {
            needed: idle.map(WindowMax::new),
        }
    }

    /// `limit` slots, or the most that were needed of late if that is less.
    pub(crate) fn cap(&mut self, now: Time, observation: &Observation, limit: f64) -> f64 {
        let Some(window) = &mut self.needed else {
            return limit;
        };
        let needed = slots_needed(observation).max(peak_in_flight(observation));
        let most = window.push(now, u32::try_from(needed).unwrap_or(u32::MAX));
        limit.min(f64::from(most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::CallSample;
    use crate::testing::{agent, observation};

    fn seen(millis: &[u64]) -> Observation {
        let mut seen = observation(Time::ZERO);
        let mut it = agent("a");
        it.calls.succeeded = 2 * millis.len() as u64;
        let sample = |&millis: &u64| CallSample {
            batch: 1,
            in_flight: 3,
            time: Duration::from_millis(millis),
        };
        it.samples = millis.iter().map(sample).collect();
        seen.agents = vec![it];
        seen
    }

    #[test]
    fn a_window_sums_intervals_without_calls_that_are_too_short() {
        let mut window = CallWindow::default();
        assert_eq!((window.mean_s(), window.quantile_s(0.9)), (None, None));
        window.fill(&seen(&[10, 0, 30, 20]), Duration::from_millis(1));
        window.fill(&seen(&[40]), Duration::from_millis(1));
        assert_eq!((window.calls, window.peak), (8, 3));
        assert_eq!(window.length, Duration::from_secs(2));
        assert_eq!(window.shortest(), Some(Duration::from_millis(10)));
        assert_eq!(window.mean_s(), Some(0.025));
        let quantiles = [0.0, 0.5, 0.51, 1.0].map(|q| window.quantile_s(q));
        assert_eq!(quantiles, [0.01, 0.02, 0.03, 0.04].map(Some));
    }
}
