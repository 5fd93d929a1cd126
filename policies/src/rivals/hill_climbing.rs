//! `hill-climbing`: the .NET thread pool, which finds its size by making waves.
//!
//! After dotnet/runtime, `PortableThreadPool.HillClimbing.cs` (commit 04326b6),
//! `PortableThreadPool.GateThread.cs` (03a2886) and `PortableThreadPool.cs` (046456b), all read
//! in the source. The pool's size is a control value plus a square wave; the share of the wave
//! that comes back in the throughput says whether to climb (`climber`). Beside it a gate adds a
//! thread whenever work waits and nothing was dequeued for half a second, and a thread that was
//! idle for 20 s exits.
//!
//! Mapping: a thread is a *worker*, since the wave moves single threads and would vanish where
//! slots are rounded up to workers; with one slot a worker it is the same. A completion is a
//! message with an outcome; the pool's bounds are its minimum and maximum; the CPU counts as
//! free, as it is where agents are remote. The original draws its sample interval at random,
//! 10–200 ms, redrawn with each change of size, so that pools in other processes do not fall
//! into step; here it is fixed to about the mean (`sample`), taken at early ticks. Threads start
//! at once there; here a sample begins only when no worker is starting any more. Known traps,
//! kept: five threads need 27 completions a sample, so slow agents leave growth to the gate;
//! backlog and latency do not count; a light load reads as "more do not help".

mod climber;
mod gate;

use climber::Climber;
use gate::Gate;
use serde::Deserialize;

use super::limiter::Release;
use super::pool::wish;
use crate::decision::{Decision, EarlyTick};
use crate::observation::Observation;
use crate::policy::Policy;
use crate::settings::{Configured, SettingError, within};
use crate::units::Duration;

/// What can be set.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Length of a sample.
    pub sample: Duration,
    /// Throughput that a thread must add, as a share of its own, for the climb to go on.
    pub bias: f64,
    /// Waves must be this many times the noise to be believed.
    pub signal_to_noise: f64,
    /// Power that turns the response to a wave into a move.
    pub gain_exponent: f64,
    /// Threads a second that a move may make.
    pub max_change_per_second: f64,
    /// Threads that one move may make.
    pub max_change_per_sample: f64,
    /// Threads that a wave may have.
    pub max_wave: f64,
    /// Share of the newest error in the noise.
    pub error_smoothing: f64,
    /// A sample is held until threads over completions are below this.
    pub max_sample_error: f64,
    /// The gate adds a thread when work has waited this long with nothing dequeued.
    pub starvation: Duration,
    /// Threads idle for this long exit.
    pub idle_exit: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sample: Duration::from_millis(100),
            bias: 0.15,
            signal_to_noise: 3.0,
            gain_exponent: 2.0,
            max_change_per_second: 4.0,
            max_change_per_sample: 20.0,
            max_wave: 20.0,
            error_smoothing: 0.01,
            max_sample_error: 0.15,
            starvation: Duration::from_millis(500),
            idle_exit: Duration::from_secs(20),
        }
    }
}

impl crate::settings::Settings for Settings {
    fn check(&self) -> Result<(), SettingError> {
        let hour = Duration::from_secs(3_600);
        within("sample", self.sample, Duration::from_millis(1)..=hour)?;
        within("bias", self.bias, 0.0..=1.0)?;
        within("signal_to_noise", self.signal_to_noise, 0.01..=1e3)?;
        within("gain_exponent", self.gain_exponent, 0.1..=10.0)?;
        within(
            "max_change_per_second",
            self.max_change_per_second,
            0.0..=1e3,
        )?;
        within(
            "max_change_per_sample",
            self.max_change_per_sample,
            0.0..=1e3,
        )?;
        within("max_wave", self.max_wave, 1.0..=1e3)?;
        within("error_smoothing", self.error_smoothing, 0.0..=1.0)?;
        within("max_sample_error", self.max_sample_error, 0.001..=1e3)?;
        within(
            "starvation",
            self.starvation,
            Duration::from_millis(1)..=hour,
        )?;
        within("idle_exit", self.idle_exit, Duration::from_millis(1)..=hour)
    }
}

/// Sizes the pool by its throughput.
#[derive(Clone, Debug)]
pub struct HillClimbing {
    settings: Settings,
    climber: Climber,
    /// Threads wanted; `None` before the first interval.
    goal: Option<u32>,
    /// The sample that fills: its length and completions, and how long it must be.
    sampled: (Duration, f64),
    due: Duration,
    /// At the end of the last interval.
    was_starting: bool,
    gate: Gate,
    exits: Release,
}

impl Configured for HillClimbing {
    type Settings = Settings;

    fn new(settings: Settings) -> Self {
        Self {
            settings,
            climber: Climber::default(),
            goal: None,
            sampled: (Duration::ZERO, 0.0),
            due: settings.sample,
            was_starting: false,
            gate: Gate::default(),
            exits: Release::after(Some(settings.idle_exit)),
        }
    }
}

impl HillClimbing {
    /// Fills the sample, and climbs once it is full.
    fn climb(&mut self, seen: &Observation, goal: u32) -> u32 {
        let is_settled = seen.workers.starting == 0 && !self.was_starting;
        self.was_starting = seen.workers.starting > 0;
        if !is_settled {
            self.sampled = (Duration::ZERO, 0.0);
            return goal;
        }
        self.sampled.0 += seen.interval;
        self.sampled.1 += seen.flow.completed as f64;
        // It runs where an item ends, and not while more threads are at work than wanted.
        let has_run = seen.flow.completed > 0 && seen.workers.busy <= goal;
        if !has_run || self.sampled.0 < self.due {
            return goal;
        }
        let (length, completed) = std::mem::take(&mut self.sampled);
        let range = seen.bounds.min_workers..=seen.bounds.max_workers;
        let sample_s = self.settings.sample.as_secs_f64();
        let next =
            (self.climber).update(&self.settings, goal, length.as_secs_f64(), completed, range);
        self.due = Duration::from_secs_f64(next.after_s.unwrap_or(sample_s));
        next.threads
    }
}

impl Policy for HillClimbing {
    fn name(&self) -> &str {
        "hill-climbing"
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        let bounds = &observation.bounds;
        let goal = self.goal.unwrap_or(observation.setting.workers);
        let goal = goal.min(bounds.max_workers).max(bounds.min_workers);
        let goal = (self.gate).pass(observation, goal, self.settings.starvation);
        let goal = self.climb(observation, goal);
        self.goal = Some(goal);
        let slots = f64::from(observation.parallelism.max(1));
        let limit = f64::from(goal) * slots;
        let kept = self.exits.cap(observation.at, observation, limit);
        let why = format!("the goal is {goal} threads");
        Decision {
            early_tick: Some(EarlyTick {
                oldest_wait: Some(Duration::ZERO),
                arrivals: Some(0),
            }),
            ..wish((kept / slots).ceil(), observation, why)
        }
    }
}

#[cfg(test)]
mod tests;
