//! `ds2`: the rates of workers that are always busy, and as many of them as the arrivals need.
//!
//! After Kalavri et al. (OSDI 2018) in the authors' code, strymon-system/ds2 (commit e3decca),
//! `controller/src/policy/scaling.rs`, `controller/src/bin/manager.rs` and `controller/config/ds2.toml`,
//! read in the source; the definition of useful time is from memory of the paper. The whole step is
//! taken at once, then intervals are ignored while the pool settles. The rule of the Flink
//! operator (`flink`) is this one with a target utilisation, catching up and slower clocks.
//!
//! Mapping: an instance is a worker, its records the messages of the calls that ended, its
//! useful time its slot-time with a call, the source's rate the first arrivals. There is one stage,
//! so the rates of sources do not need the final correction (which is off by default). Interval
//! and warm-up have no defaults there: they are those of the sample configuration. Known traps,
//! kept: a utilisation up to 100 %; what waits does not count; an idle window says nothing, so that
//! a pool stays as it is without load; the rate of a batch size is wrong after it changed.

use serde::Deserialize;

use super::pool::{slot_seconds, wish};
use crate::decision::Decision;
use crate::observation::Observation;
use crate::policy::Policy;
use crate::settings::{Configured, SettingError, within};
use crate::units::Duration;

/// What can be set.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Length of a window.
    pub interval: Duration,
    /// Windows that are decided on before the latest decision is carried out.
    pub activation: u32,
    /// Windows that are ignored after a change.
    pub warm_up: u32,
    /// Share of workers beyond the need.
    pub scaling_factor: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(10),
            activation: 1,
            warm_up: 2,
            scaling_factor: 0.0,
        }
    }
}

impl crate::settings::Settings for Settings {
    const BARE: Option<&'static str> = Some("scaling_factor");

    fn check(&self) -> Result<(), SettingError> {
        let day = Duration::from_secs(86_400);
        within("interval", self.interval, Duration::ZERO..=day)?;
        within("activation", self.activation, 1..=10_000)?;
        within("warm_up", self.warm_up, 0..=10_000)?;
        within("scaling_factor", self.scaling_factor, 0.0..=1e3)
    }
}

/// Instances for `target` records a second where `present` would do `capacity` if they were
/// always busy; `None` if that is not known.
fn instances(target: f64, capacity: f64, present: f64, factor: f64) -> Option<f64> {
    let needed = target / (capacity / present) * (1.0 + factor);
    // What is whole but for rounding is whole.
    needed.is_finite().then(|| (needed - 1e-9).ceil().max(0.0))
}

/// The window that fills.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    length_s: f64,
    arrivals: f64,
    messages: f64,
    busy_s: f64,
    slots_s: f64,
}

/// Workers by their true rate.
#[derive(Clone, Debug)]
pub struct Ds2 {
    settings: Settings,
    window: Window,
    /// Windows still to be ignored, and windows decided on.
    ignored: u32,
    decided: u32,
}

impl Configured for Ds2 {
    type Settings = Settings;

    fn new(settings: Settings) -> Self {
        Self {
            settings,
            window: Window::default(),
            ignored: 0,
            decided: 0,
        }
    }
}

impl Ds2 {
    /// Takes an interval in; the window, if it is over and counts.
    fn fill(&mut self, seen: &Observation) -> Option<Window> {
        let (busy_s, slots_s) = slot_seconds(seen);
        let messages = seen.agents.iter().map(|it| it.calls.messages as f64);
        let it = &mut self.window;
        it.length_s += seen.interval.as_secs_f64();
        it.arrivals += seen.flow.arrivals as f64;
        it.messages += messages.sum::<f64>();
        it.busy_s += busy_s;
        it.slots_s += slots_s;
        if it.length_s <= 0.0 || it.length_s < self.settings.interval.as_secs_f64() - 1e-9 {
            return None;
        }
        let window = std::mem::take(it);
        if self.ignored > 0 {
            self.ignored -= 1;
            return None;
        }
        Some(window)
    }

    /// What a window asks for, if it is time to carry it out.
    fn decide_on(&mut self, window: Window, present: f64) -> Option<f64> {
        let target = window.arrivals / window.length_s;
        // What all slots did in their time with a call, had they had one all the time.
        let capacity = window.messages / window.length_s * (window.slots_s / window.busy_s);
        let wanted = instances(target, capacity, present, self.settings.scaling_factor)?;
        self.decided += 1;
        if self.decided < self.settings.activation {
            return None;
        }
        self.decided = 0;
        Some(wanted)
    }
}

impl Policy for Ds2 {
    fn name(&self) -> &str {
        "ds2"
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        let present = f64::from(observation.setting.workers);
        let window = self.fill(observation);
        let wanted = window.and_then(|it| self.decide_on(it, present));
        let Some(wanted) = wanted else {
            return wish(present, observation, "no window is over that says anything");
        };
        if wanted != present {
            self.ignored = self.settings.warm_up;
        }
        let why = format!("{wanted} busy workers do what arrives");
        wish(wanted, observation, why)
    }
}

#[cfg(test)]
mod tests;
