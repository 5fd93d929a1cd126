//! Whether more workers still help, found out by experiment.
//!
//! An agent may slow down as its calls grow in number, or have a limit that nobody declared.
//! From its call times alone that cannot be told from an agent that is slow for its own
//! reasons, since slow calls pile up in flight. So each growth out of saturation is an
//! experiment: if the pool then delivers hardly more work, it goes back, for a while.
//! Beliefs of this kind are dear when wrong: they lapse, later each time, and growth is then
//! tried one worker at a time.

use crate::observation::Observation;
use crate::units::{Duration, Time};

/// A pool is saturated when this share of its slot-time has a call, and more messages wait
/// than its slots could take at once.
const SATURATED_SHARE: f64 = 0.85;
/// Work is compared over at least this long, in seconds.
const LEAST_SECONDS: f64 = 2.0;
/// Before comparing, calls that started in the smaller pool may end: so many call times.
const SETTLING_CALLS: f64 = 1.5;
/// Less than this part of the gain that the added slots promise, and growth did not help.
const LEAST_GAIN: f64 = 0.3;
/// A gain of less than this many workers' work is noise.
const ROUNDING: f64 = 0.25;
/// The first ceiling lasts this long, each further one twice as long …
const FIRST_CEILING: Duration = Duration::from_secs(60);
/// … up to eight times.
const MOST_DOUBLINGS: u32 = 3;

/// Watches growth.
#[derive(Clone, Debug, Default)]
pub(super) struct Ceiling {
    ready: u32,
    /// Seconds of saturation with this many workers ready, and the work done in them.
    saturated_s: f64,
    work: f64,
    /// What a message of each agent costs, in slot-seconds: as believed before the experiment.
    message_s: Vec<f64>,
    experiment: Option<Experiment>,
    limit: Option<(u32, Time)>,
    failures: u32,
}

/// A growth whose effect is not yet known.
#[derive(Clone, Copy, Debug)]
struct Experiment {
    workers_before: u32,
    /// Slots' worth of work that the smaller pool did.
    work_rate_before: f64,
    settled_at: Time,
}

impl Ceiling {
    /// Takes an interval. `message_s` is what a message of each agent costs now, in
    /// slot-seconds, in the observation's order.
    pub(super) fn observe(&mut self, seen: &Observation, message_s: &[f64]) {
        if seen.workers.ready != self.ready {
            self.note_resize(seen);
            return;
        }
        if !is_saturated(seen) {
            // The pool carries its load: whatever was believed is settled.
            (self.saturated_s, self.work) = (0.0, 0.0);
            let has_lapsed = self.limit.is_none_or(|(_, until)| seen.at >= until);
            if self.experiment.take().is_some() || has_lapsed {
                (self.failures, self.limit) = (0, None);
            }
            return;
        }
        match self.experiment {
            None => {
                self.message_s.clear();
                self.message_s.extend_from_slice(message_s);
            }
            Some(experiment) if seen.at < experiment.settled_at => return,
            Some(_) => {}
        }
        let done = seen.agents.iter().zip(&self.message_s);
        self.work += done
            .map(|(agent, s)| agent.delivered as f64 * s)
            .sum::<f64>();
        self.saturated_s += seen.interval.as_secs_f64();
        if let Some(experiment) = self.experiment
            && self.saturated_s >= LEAST_SECONDS
        {
            self.conclude(seen, experiment);
        }
    }

    /// Most workers that may be asked for; `None`: no ceiling.
    pub(super) fn most_workers(&self, now: Time) -> Option<u32> {
        match self.limit {
            Some((workers, until)) if now < until => Some(workers),
            // Lapsed, but not disproved: one worker more at a time.
            Some(_) if self.experiment.is_some() => Some(self.ready.max(1)),
            Some(_) => Some(self.ready.max(1).saturating_add(1)),
            _ => None,
        }
    }

    /// Growth starts an experiment, or goes on with the one under way; shrinking ends it.
    fn note_resize(&mut self, seen: &Observation) {
        let before = self.ready;
        let settled_at = seen.at + Duration::from_secs_f64(SETTLING_CALLS * call_s(seen));
        if seen.workers.ready < before {
            self.experiment = None;
        } else if let Some(experiment) = &mut self.experiment {
            experiment.settled_at = settled_at;
        } else if self.saturated_s > 0.0 {
            self.experiment = Some(Experiment {
                workers_before: before,
                work_rate_before: self.work / self.saturated_s,
                settled_at,
            });
        }
        self.ready = seen.workers.ready;
        (self.saturated_s, self.work) = (0.0, 0.0);
    }

    fn conclude(&mut self, seen: &Observation, experiment: Experiment) {
        self.experiment = None;
        let before = experiment.work_rate_before.max(1e-9);
        let gain = self.work / self.saturated_s / before - 1.0;
        let added = self.ready.saturating_sub(experiment.workers_before);
        let promised = f64::from(added) / f64::from(experiment.workers_before.max(1));
        if gain >= LEAST_GAIN * promised {
            self.failures = 0;
            self.limit = None;
            return;
        }
        let length = FIRST_CEILING * (1 << self.failures.min(MOST_DOUBLINGS));
        // As many as would deliver, each as well as before, what all now deliver.
        let workers = f64::from(experiment.workers_before) * (1.0 + gain.max(0.0));
        let workers = (workers - ROUNDING).ceil().max(1.0) as u32;
        self.limit = Some((workers, seen.at + length));
        self.failures += 1;
    }
}

/// Mean time of the calls that ended, in seconds.
fn call_s(seen: &Observation) -> f64 {
    let calls = seen.agents.iter().map(|agent| agent.calls);
    let (time_s, count) = calls.fold((0.0, 0.0), |(time_s, count), calls| {
        (
            time_s + calls.time.as_secs_f64(),
            count + calls.succeeded as f64,
        )
    });
    if count > 0.0 { time_s / count } else { 0.0 }
}

fn is_saturated(seen: &Observation) -> bool {
    let slots = f64::from(seen.workers.ready) * f64::from(seen.parallelism);
    let calls: f64 = seen.agents.iter().map(|a| a.calls.succeeded as f64).sum();
    let messages: f64 = seen.agents.iter().map(|a| a.calls.messages as f64).sum();
    let carried = if calls > 0.0 { messages / calls } else { 1.0 };
    let busy_s = seen.slots.with_call.as_secs_f64();
    busy_s > SATURATED_SHARE * slots * seen.interval.as_secs_f64()
        && seen.queue.waiting as f64 > slots * carried
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{agent, observation};

    /// A saturated second with this many workers of ten slots, which delivered so much.
    fn saturated(second: u64, ready: u32, delivered: u64) -> Observation {
        let mut seen = observation(Time::ZERO + Duration::from_secs(second));
        seen.workers.ready = ready;
        seen.slots.idle = Duration::ZERO;
        seen.slots.with_call = Duration::from_secs(10 * u64::from(ready));
        seen.queue.waiting = 1_000;
        seen.agents = vec![agent("a")];
        seen.agents[0].delivered = delivered;
        seen
    }

    /// Four workers deliver 400 a second, eight then deliver `after`.
    fn grown(after: u64) -> Ceiling {
        let mut ceiling = Ceiling::default();
        for second in 0..5 {
            ceiling.observe(&saturated(second, 4, 400), &[0.1]);
        }
        for second in 5..10 {
            ceiling.observe(&saturated(second, 8, after), &[0.2]);
        }
        ceiling
    }

    #[test]
    fn growth_that_helps_leaves_no_ceiling() {
        let now = Time::ZERO + Duration::from_secs(10);
        assert_eq!(grown(780).most_workers(now), None);
        assert_eq!(grown(600).most_workers(now), None);
    }

    #[test]
    fn growth_that_does_not_help_is_taken_back_for_a_minute() {
        let ceiling = grown(390);
        let second = |s| Time::ZERO + Duration::from_secs(s);
        assert_eq!(ceiling.most_workers(second(10)), Some(4));
        assert_eq!(ceiling.most_workers(second(60)), Some(4));
        // Then one more is tried, from what is ready then.
        assert_eq!(ceiling.most_workers(second(70)), Some(9));
    }

    #[test]
    fn the_ceiling_leaves_the_workers_that_did_help() {
        let now = Time::ZERO + Duration::from_secs(10);
        assert_eq!(grown(500).most_workers(now), Some(5));
    }

    #[test]
    fn a_load_that_is_carried_settles_the_experiment() {
        let mut ceiling = Ceiling::default();
        ceiling.observe(&saturated(0, 4, 400), &[0.1]);
        ceiling.observe(&saturated(1, 4, 400), &[0.1]);
        ceiling.observe(&saturated(2, 8, 500), &[0.1]);
        let mut carried = saturated(3, 8, 500);
        carried.queue.waiting = 0;
        ceiling.observe(&carried, &[0.1]);
        assert_eq!(ceiling.most_workers(carried.at), None);
    }
}
