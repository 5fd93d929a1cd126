//! `simple`: as many slots as the load needs at 85 % use, and enough beside them to clear the
//! backlog in time. Our own plain rule, not a published one.
//!
//! It stands beside the published policies because in a trial on simplified brokers none of
//! them beat it at the lower prices of lateness. Slots = λ·s / 0.85 + q·s / drain, where λ·s is
//! the load (arrivals a second times slot-time a message, by agent, batches counted in) and q
//! what waits. It grows at once and shrinks to the largest wish of a window. Deliberately
//! absent: a forecast, the objective, limits of the agents.

use serde::Deserialize;

use super::demand::{ServiceTimes, workers};
use crate::decision::{Decision, Reason};
use crate::observation::Observation;
use crate::policy::Policy;
use crate::settings::{Configured, SettingError, within};
use crate::units::Duration;
use crate::window::WindowMax;

/// Calls are averaged over this long: a batch size or an agent that changes shows within a
/// minute, single slow calls hardly.
const SERVICE_MEMORY: Duration = Duration::from_secs(20);

/// What can be set.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Share of the slots that the load may use, 0.05–1.
    pub load: f64,
    /// Within which the backlog should be gone, 10 ms – 1 h.
    pub drain: Duration,
    /// The load is an average over about this long, up to 1 h.
    pub memory: Duration,
    /// Shrinks only to the largest wish of this long, up to 1 h.
    pub shrink_window: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            load: 0.85,
            drain: Duration::from_secs(2),
            memory: Duration::from_secs(5),
            shrink_window: Duration::from_secs(15),
        }
    }
}

impl crate::settings::Settings for Settings {
    const BARE: Option<&'static str> = Some("load");

    fn check(&self) -> Result<(), SettingError> {
        let hour = Duration::from_secs(3_600);
        within("load", self.load, 0.05..=1.0)?;
        within("drain", self.drain, Duration::from_millis(10)..=hour)?;
        within("memory", self.memory, Duration::ZERO..=hour)?;
        within("shrink_window", self.shrink_window, Duration::ZERO..=hour)
    }
}

/// Load over a target, and the backlog.
#[derive(Clone, Debug)]
pub struct Simple {
    settings: Settings,
    service: ServiceTimes,
    /// Slots in use on average if no message ever waited.
    load: Option<f64>,
    wishes: WindowMax,
}

impl Configured for Simple {
    type Settings = Settings;

    fn new(settings: Settings) -> Self {
        Self {
            settings,
            service: ServiceTimes::new(SERVICE_MEMORY),
            load: None,
            wishes: WindowMax::new(settings.shrink_window),
        }
    }
}

impl Simple {
    /// Averages the load in; the first interval counts in full.
    fn note_load(&mut self, observation: &Observation) -> f64 {
        let interval_s = observation.interval.as_secs_f64();
        if interval_s <= 0.0 {
            return self.load.unwrap_or(0.0);
        }
        let now = self.service.work(observation, |agent| agent.arrivals) / interval_s;
        let memory_s = self.settings.memory.as_secs_f64().max(1e-9);
        let kept = (-interval_s / memory_s).exp();
        let load = self
            .load
            .map_or(now, |load| load * kept + now * (1.0 - kept));
        self.load = Some(load);
        load
    }
}

impl Policy for Simple {
    fn name(&self) -> &str {
        "simple"
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        self.service.observe(observation);
        let load = self.note_load(observation);
        let backlog = self.service.work(observation, |agent| agent.waiting);
        let slots = load / self.settings.load + backlog / self.settings.drain.as_secs_f64();
        let knows = self.service.mean().is_some();
        let present = observation.setting.workers;
        // Before the first call has ended nothing is known of the load. The cast saturates.
        let raw = if knows {
            workers(slots, observation) as u32
        } else {
            present
        };
        let wanted = self.wishes.push(observation.at, raw);
        let (code, text) = if wanted > raw {
            (
                "load-fell",
                format!(
                    "the largest wish of the last {} stands",
                    self.settings.shrink_window
                ),
            )
        } else {
            (
                "load-and-backlog",
                format!("a load of {load:.1} slots and a backlog of {backlog:.1} slot-seconds"),
            )
        };
        Decision::of_workers(f64::from(wanted), observation, Reason::new(code, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{agent, observation};
    use crate::units::Time;

    /// The wish at each second with these arrivals and this backlog, calls of 100 ms.
    fn run(seconds: &[(u64, u64)]) -> Vec<f64> {
        let mut policy = Simple::new(Settings::default());
        let mut wishes = Vec::new();
        for (second, &(arrivals, waiting)) in (1..).zip(seconds) {
            let mut seen = observation(Time::ZERO + Duration::from_secs(second));
            seen.agents = vec![agent("a")];
            seen.agents[0].arrivals = arrivals;
            seen.agents[0].waiting = waiting;
            seen.agents[0].calls.messages = 10;
            seen.agents[0].calls.time = Duration::from_secs(1);
            wishes.push(policy.decide(&seen).workers);
        }
        wishes
    }

    #[test]
    fn load_over_its_share_and_backlog_over_the_drain_time_become_workers() {
        // 170/s at 0.1 s are 17 slots, 20 at 85 %: two workers of ten.
        assert_eq!(run(&[(169, 0)]), [2.0]);
        // 400 waiting are 40 slot-seconds, to be gone in 2 s: 20 slots more.
        assert_eq!(run(&[(169, 400)]), [4.0]);
    }

    #[test]
    fn shrinks_only_when_the_window_holds_no_larger_wish() {
        let mut seconds = vec![(169, 0); 30];
        seconds[0] = (169, 400);
        let wishes = run(&seconds);
        assert_eq!(wishes.iter().position(|&w| w < 4.0), Some(15));
    }

    #[test]
    fn keeps_the_present_until_a_call_has_ended() {
        let mut seen = observation(Time::ZERO);
        seen.setting.workers = 5;
        seen.agents = vec![agent("a")];
        seen.agents[0].arrivals = 1_000;
        assert_eq!(Simple::new(Settings::default()).decide(&seen).workers, 5.0);
    }
}
