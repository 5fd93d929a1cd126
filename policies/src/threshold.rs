//! `threshold`: backlog per worker, as KEDA's queue scalers and the Kubernetes horizontal pod
//! autoscaler (HPA) do together.
//!
//! Formulas and constants are theirs: `replica_calculator.go` and `horizontal.go` of
//! kubernetes/kubernetes, `pkg/apis/autoscaling/v2/defaults.go` for the defaults,
//! `rabbitmq_scaler.go` of kedacore/keda for the target. A replica is a worker. Unless `sync` is
//! set the control interval plays the part of HPA's sync period of 15 s, which is kinder to it.
//! Without a `behavior` block HPA follows older rules; `legacy` has them. Deliberately absent:
//! scaling to zero, since a pool has at least one worker, unready replicas, which an external
//! metric does not know, and any steering of batches, which KEDA does not know.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

use crate::decision::{Decision, Reason};
use crate::observation::Observation;
use crate::policy::Policy;
use crate::settings::{Configured, SettingError, within};
use crate::units::{Duration, Time};
use crate::window::WindowMax;

/// Messages, waiting or in a call, that each worker should have: KEDA's default for RabbitMQ.
const TARGET_PER_WORKER: u32 = 20;
/// Within 10 % of the target nothing changes (`--horizontal-pod-autoscaler-tolerance`).
const TOLERANCE: f64 = 0.1;
/// Shrinks only to the largest recommendation of five minutes
/// (`--horizontal-pod-autoscaler-downscale-stabilization`).
const SHRINK_WINDOW: Duration = Duration::from_secs(300);
/// Growth is limited over this period (`scaleUp.policies[].periodSeconds`) …
const GROWTH_PERIOD: Duration = Duration::from_secs(15);
/// … to four workers or as many as there are, whichever is more (`selectPolicy: Max`).
/// The default for shrinking, 100 % a period, limits nothing.
const GROWTH_WORKERS: u32 = 4;

/// What can be set.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Messages, waiting or in a call, that each worker should have, at least 1.
    pub target: u32,
    /// Whether the target is for each slot of a worker.
    pub per_slot: bool,
    /// Share by which the ratio may miss 1 without a change, 0–0.9.
    pub tolerance: f64,
    /// How often it looks; zero: at each tick.
    pub sync: Duration,
    /// Shrinks only to the largest recommendation of this long.
    pub shrink_window: Duration,
    /// Growth is limited over this period …
    pub growth_period: Duration,
    /// … to this many workers or as many as there are, whichever is more.
    pub growth_workers: u32,
    /// Whether there is no `behavior` block: growth to twice the present or to four at a look,
    /// and a recommendation exactly as old as the window still counts.
    pub legacy: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            target: TARGET_PER_WORKER,
            per_slot: false,
            tolerance: TOLERANCE,
            sync: Duration::ZERO,
            shrink_window: SHRINK_WINDOW,
            growth_period: GROWTH_PERIOD,
            growth_workers: GROWTH_WORKERS,
            legacy: false,
        }
    }
}

impl crate::settings::Settings for Settings {
    const BARE: Option<&'static str> = Some("target");

    fn check(&self) -> Result<(), SettingError> {
        let day = Duration::from_secs(86_400);
        within("target", self.target, 1..=u32::MAX)?;
        within("tolerance", self.tolerance, 0.0..=0.9)?;
        within("sync", self.sync, Duration::ZERO..=day)?;
        within("shrink_window", self.shrink_window, Duration::ZERO..=day)?;
        within("growth_period", self.growth_period, Duration::ZERO..=day)?;
        within("growth_workers", self.growth_workers, 0..=1_000_000)
    }
}

/// Keeps the backlog per worker near a target.
#[derive(Clone, Debug)]
pub struct Threshold {
    name: Cow<'static, str>,
    settings: Settings,
    /// Recommendations of the shrink window.
    recommended: WindowMax,
    /// Growth that was applied within the last period: when, and by how many workers.
    grown: VecDeque<(Time, u32)>,
    /// Workers at the last look, when that was, and what was wanted.
    last: Option<(Time, u32, u32)>,
    /// Messages a call of each batch agent, as last seen.
    batches: BTreeMap<String, f64>,
}

impl Default for Threshold {
    fn default() -> Self {
        Self::of(Cow::Borrowed("threshold"), Settings::default())
    }
}

impl Configured for Threshold {
    type Settings = Settings;

    fn new(settings: Settings) -> Self {
        Self::of(Cow::Borrowed("threshold"), settings)
    }
}

impl Threshold {
    /// Keeps `target` messages, waiting or in a call, per worker; at least 1.
    #[must_use]
    pub fn with_target(target: u32) -> Self {
        let settings = Settings {
            target: target.max(1),
            ..Settings::default()
        };
        Self::of(Cow::Owned(format!("threshold({target})")), settings)
    }

    fn of(name: Cow<'static, str>, settings: Settings) -> Self {
        let inclusive = Duration::from_nanos(settings.legacy.into());
        Self {
            name,
            settings,
            recommended: WindowMax::new(settings.shrink_window + inclusive),
            grown: VecDeque::new(),
            last: None,
            batches: BTreeMap::new(),
        }
    }

    /// HPA's AverageValue formula: the total over the target, rounded up, or the present if the
    /// ratio lies within the tolerance, both ends included.
    fn recommend(&self, total: u64, present: u32, target: f64) -> u32 {
        let ratio = total as f64 / (target * f64::from(present.max(1)));
        let tolerance = self.settings.tolerance;
        if (1.0 - tolerance..=1.0 + tolerance).contains(&ratio) {
            present
        } else {
            // The cast saturates; bounds and the growth limit cut it further.
            (total as f64 / target).ceil() as u32
        }
    }

    /// The most workers that may run now: what ran a period ago, plus four or doubled.
    fn growth_limit(&self, present: u32) -> u32 {
        if self.settings.legacy {
            return present.saturating_mul(2).max(4);
        }
        let grown = (self.grown.iter()).fold(0, |sum: u32, &(_, by)| sum.saturating_add(by));
        let start = present.saturating_sub(grown);
        let by = self.settings.growth_workers.max(start);
        start.saturating_add(by).max(present)
    }

    /// Notes the growth that followed the last look, whoever caused it.
    fn note_growth(&mut self, now: Time, present: u32) {
        if let Some((at, before, _)) = self.last
            && present > before
        {
            self.grown.push_back((at, present - before));
        }
        let period = self.settings.growth_period;
        while (self.grown.front()).is_some_and(|&(at, _)| now.since(at) >= period) {
            self.grown.pop_front();
        }
    }

    /// Waiting messages and those in calls: what KEDA counts for RabbitMQ over HTTP (ready and
    /// unacknowledged). A scaler that sees only what waits shrinks busy workers away.
    fn total(&mut self, observation: &Observation) -> u64 {
        let mut total = observation.queue.waiting;
        for agent in &observation.agents {
            if agent.is_batch && agent.calls.succeeded > 0 {
                let each = agent.calls.messages as f64 / agent.calls.succeeded as f64;
                self.batches.insert(agent.name.clone(), each);
            }
            let each = self.batches.get(&agent.name).copied().unwrap_or(1.0);
            // The cast saturates.
            total = total.saturating_add((f64::from(agent.in_flight) * each).round() as u64);
        }
        total
    }

    fn reason(&self, total: u64, present: u32, wanted: u32, target: f64) -> Reason {
        let each = total as f64 / f64::from(present.max(1));
        if wanted > present {
            let text = format!("{each:.1} messages a worker exceed the target of {target}");
            Reason::new("backlog-above-target", text)
        } else if wanted < present {
            let window = self.settings.shrink_window;
            let text = format!("fewer than {target} messages a worker for {window}");
            Reason::new("backlog-below-target", text)
        } else {
            let text = "the backlog asks for no change, or not for long enough";
            Reason::new("steady", text)
        }
    }
}

impl Policy for Threshold {
    fn name(&self) -> &str {
        &self.name
    }

    fn rests(&self, seen: &Observation) -> bool {
        seen.has_fewest_workers()
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        let (now, present) = (observation.at, observation.setting.workers);
        let total = self.total(observation);
        if let Some((at, _, wanted)) = self.last
            && now.since(at) < self.settings.sync
        {
            let reason = Reason::new("between-looks", "the next look is not due yet");
            return Decision::of_workers(f64::from(wanted), observation, reason);
        }
        if self.last.is_none() {
            // HPA's first entry: what runs counts as recommended.
            self.recommended.push(now, present);
        }
        self.note_growth(now, present);
        let slots = if self.settings.per_slot {
            observation.parallelism.max(1)
        } else {
            1
        };
        let target = f64::from(self.settings.target) * f64::from(slots);
        let raw = self.recommend(total, present, target);
        let largest = self.recommended.push(now, raw);
        let wanted = if raw > present {
            raw.min(self.growth_limit(present))
        } else {
            largest.min(present)
        };
        self.last = Some((now, present, wanted));
        let reason = self.reason(total, present, wanted, target);
        Decision::of_workers(f64::from(wanted), observation, reason)
    }
}

#[cfg(test)]
mod tests;
