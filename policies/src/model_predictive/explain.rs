//! The words for a decision: a code for programs, a sentence for people, and why the other
//! settings were not chosen. Numbers are rounded as people say them.

use std::borrow::Cow;

use crate::counted::Counted;
use crate::decision::{Alternative, Prediction, Reason};
use crate::objective::{Measure, Objective};
use crate::observation::Setting;

use super::jumps::Hazard;
use super::pace::Pacing;
use super::weigh::Candidate;
use super::workload::Workload;

/// Settings reported as rejected, at most.
const MOST_REJECTED: usize = 8;
/// A difference in priced lateness that is worth words, in worker-seconds.
const LATE_MATTERS: f64 = 0.1;

/// What kept the policy from growing, if anything did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// Nothing did.
    None,
    /// Free slots wait for an agent that is at its limit, out or paused.
    AgentLimited,
    /// An agent's calls take the longer the more are under way.
    AgentCrowded,
    /// Free slots are of no use to messages that wait for others of their key.
    KeysTaken,
}

/// All that a reason speaks of.
pub(super) struct Story<'a> {
    pub(super) load: &'a Workload,
    /// Messages per second believed, before any caution.
    pub(super) arrivals_per_s: f64,
    pub(super) present: &'a Candidate,
    pub(super) chosen: &'a Candidate,
    pub(super) pacing: Pacing,
    pub(super) obstacle: Obstacle,
    /// Workers of the cheapest setting without patience.
    pub(super) best_workers: u32,
    pub(super) waiting: u64,
    pub(super) max_workers: u32,
    /// Whether it is tried out if an agent is crowded.
    pub(super) is_trial: bool,
    /// The jump that is reckoned with, if such jumps have been seen.
    pub(super) hazard: Option<Hazard>,
    /// What else was weighed.
    pub(super) tried: Vec<Candidate>,
}

impl Story<'_> {
    pub(super) fn reason(&self) -> Reason {
        let rate = self.rate_text();
        let setting = self.chosen.setting;
        let workers = people(setting.workers);
        let (code, text) = match self.pacing {
            _ if self.is_trial => (
                "trial",
                format!("{workers} for a while, to see if more gets done").into(),
            ),
            Pacing::Grow => return self.growth(&rate),
            _ if self.obstacle == Obstacle::AgentLimited => (
                "agent-limited",
                "slots are free while messages wait for an agent that takes no more".into(),
            ),
            _ if self.obstacle == Obstacle::AgentCrowded => (
                "agent-crowded",
                format!(
                    "calls take the longer the more are under way: more than {workers} would get no more done"
                )
                .into(),
            ),
            Pacing::Shrink if self.is_idle() => {
                ("idle", format!("nothing arrives, {workers} will do").into())
            }
            Pacing::Shrink => (
                "load-fell",
                fell(&rate, self.busy_slots(self.chosen), self.slots(self.chosen), workers).into(),
            ),
            Pacing::Barred => (
                "shrink-regretted",
                seemed_enough(people(self.best_workers)).into(),
            ),
            Pacing::KeepForNow => (
                "patience",
                format!(
                    "{} would do if the load stays low",
                    people(self.best_workers)
                )
                .into(),
            ),
            Pacing::Keep if self.chosen.standing.is_hopeless() && self.arrivals_per_s > 0.0 => (
                "agent-limited",
                format!("{rate} are more than the agents' own limits let through").into(),
            ),
            Pacing::Keep if self.obstacle == Obstacle::KeysTaken => (
                "keys-taken",
                "messages wait for others of their ordering key, more workers would not help"
                    .into(),
            ),
            Pacing::Keep => return self.steady(&rate),
        };
        reason(code, text)
    }

    fn growth(&self, rate: &str) -> Reason {
        let (from, to) = (
            people(self.present.setting.workers),
            people(self.chosen.setting.workers),
        );
        if !self.present.standing.is_stable() {
            let busy = rounded(self.busy_slots(self.present));
            let slots = self.slots(self.present);
            let text = format!("{rate} need {busy} slots, not the {slots} of {from}: {to}");
            return reason("load-rose", text.into());
        }
        let text = if self.waiting > 0 && self.present.late > self.chosen.late + LATE_MATTERS {
            format!(
                "{} waiting messages would be late with {from}: {to}",
                self.waiting
            )
        } else if let Some(hazard) = self.expected_jump(self.present) {
            let text = format!("{hazard}: {to}");
            return reason("jump-expected", text.into());
        } else if self.holds(self.present) && self.waiting > 0 {
            let waiting = self.waiting;
            format!(
                "{from} hold the objective at {rate}, but not for the {waiting} that wait: {to}"
            )
        } else {
            let late = self.latency_text(self.present);
            format!("{late} with {from} at {rate}: {to}")
        };
        reason("objective-at-stake", text.into())
    }

    fn is_idle(&self) -> bool {
        self.arrivals_per_s <= 0.0 && self.waiting == 0
    }

    fn steady(&self, rate: &str) -> Reason {
        let (chosen, present) = (self.chosen.setting, self.present.setting);
        if !self.holds(self.chosen) && self.arrivals_per_s > 0.0 {
            return self.miss();
        }
        if (chosen.batch_size, chosen.batch_timeout) != (present.batch_size, present.batch_timeout)
        {
            let text = format!(
                "batches of up to {} that wait at most {} are cheaper",
                chosen.batch_size,
                seconds(chosen.batch_timeout.as_secs_f64())
            );
            return reason("batch-retuned", text.into());
        }
        if self.is_idle() {
            return reason("idle", "nothing arrives".into());
        }
        let workers = people(chosen.workers);
        if let Some(hazard) = self.expected_jump(self.chosen) {
            let text = format!("{hazard}, {workers} at {rate}");
            return reason("jump-expected", text.into());
        }
        let latency = self.latency_text(self.chosen);
        let text = format!("{latency} with {workers} at {rate}");
        reason("steady", text.into())
    }

    /// Why a setting is kept that misses the objective.
    fn miss(&self) -> Reason {
        let (chosen, late) = (self.chosen.setting.workers, self.latency_text(self.chosen));
        let more = self.tried.iter().filter(|it| it.setting.workers > chosen);
        let holders = more.clone().filter(|it| self.holds(it));
        if let Some(fewest) = holders.map(|it| it.setting.workers).min() {
            let fewest = people(fewest);
            let text = format!("{late}; {fewest} would hold it, and cost more than the lateness");
            return reason("lateness-cheaper", text.into());
        }
        let text = match more.map(|it| it.setting.workers).max() {
            Some(most) => format!("{late}, and {} would not mend it", people(most)),
            None if chosen < self.max_workers => format!("{late}; no more are tried for now"),
            None => format!("{late}, and {} are all there may be", people(chosen)),
        };
        reason("out-of-reach", text.into())
    }

    /// Whether `candidate` holds the objective once the backlog is gone.
    fn holds(&self, candidate: &Candidate) -> bool {
        candidate.late_share <= 1.0 - self.load.objective.quantile
    }

    /// What [`jump`] says, if `candidate` would do without jumps.
    fn expected_jump(&self, candidate: &Candidate) -> Option<String> {
        let allowed = 1.0 - self.load.objective.quantile;
        let hazard = self
            .hazard
            .filter(|_| candidate.late_share < allowed / 2.0)?;
        Some(jump(hazard))
    }

    fn busy_slots(&self, candidate: &Candidate) -> f64 {
        candidate.standing.utilisation * self.slots(candidate)
    }

    fn slots(&self, candidate: &Candidate) -> f64 {
        f64::from(candidate.setting.workers) * self.load.parallelism
    }

    /// Such as "17 messages/s (soon 31, as every 45 s)".
    fn rate_text(&self) -> String {
        let present = rounded(self.arrivals_per_s);
        let agents = &self.load.agents;
        match agents.iter().find_map(|agent| agent.season_s) {
            Some(every_s) => {
                let soon = rounded(agents.iter().map(|agent| agent.rate).sum());
                let every = seconds(every_s);
                format!("{present} messages/s (soon {soon}, as every {every})")
            }
            None => format!("{present} messages/s"),
        }
    }

    /// Such as "p95 of sojourn 160 ms of 500 ms".
    fn latency_text(&self, candidate: &Candidate) -> String {
        let Objective {
            measure,
            quantile,
            limit,
        } = self.load.objective;
        let measure = match measure {
            Measure::Wait => "wait",
            Measure::Sojourn => "sojourn",
        };
        let latency = candidate.standing.latency_s(&self.load.objective);
        let latency = latency.map_or_else(|| "without bound".to_owned(), seconds);
        let limit = seconds(limit.as_secs_f64());
        format!(
            "p{} of {measure} {latency}, limit {limit}",
            rounded(quantile * 100.0)
        )
    }

    /// What is expected of `candidate`.
    pub(super) fn prediction(&self, candidate: &Candidate) -> Prediction {
        Prediction {
            arrivals_per_s: self.arrivals_per_s,
            utilisation: candidate.standing.utilisation.clamp(0.0, 1.0),
            latency_s: candidate.standing.latency_s(&self.load.objective),
            cost_per_s: candidate.cost_per_s,
        }
    }

    /// The best of the settings that were weighed and not chosen.
    pub(super) fn rejected(&self) -> Vec<Alternative> {
        let others = self.tried.iter();
        let mut tried: Vec<_> = others
            .filter(|candidate| candidate.setting != self.chosen.setting)
            .collect();
        tried.sort_by(|a, b| a.cost.total_cmp(&b.cost));
        tried.truncate(MOST_REJECTED);
        let alternative = |candidate: &Candidate| {
            let Setting {
                workers,
                batch_size,
                batch_timeout,
            } = candidate.setting;
            Alternative {
                workers,
                batch_size,
                batch_timeout,
                prediction: self.prediction(candidate),
                why_not: Cow::Borrowed(self.why_not(candidate)),
            }
        };
        tried.into_iter().map(alternative).collect()
    }

    fn why_not(&self, other: &Candidate) -> &'static str {
        let chosen = self.chosen;
        let fewer = other.setting.workers < chosen.setting.workers;
        if !other.standing.is_stable() {
            "too few slots for the load"
        } else if other.cost < chosen.cost && fewer {
            match self.pacing {
                Pacing::Barred => "seemed enough lately and was not",
                _ => "the load has not stayed low for long enough",
            }
        } else if other.cost < chosen.cost {
            match self.obstacle {
                Obstacle::AgentCrowded => "the agent is slower the more it gets at once",
                Obstacle::AgentLimited => "the agent takes no more, whatever the pool",
                Obstacle::KeysTaken | Obstacle::None => {
                    "not cheaper by enough to be worth a change"
                }
            }
        } else if other.late > chosen.late + LATE_MATTERS {
            "the backlog would be late for longer"
        } else if !fewer && !self.holds(chosen) && self.holds(other) {
            "dearer than the lateness that it would spare"
        } else if other.late_share > (1.0 - self.load.objective.quantile) / 2.0 {
            "too near the limit of the objective"
        } else if other.setting.workers > chosen.setting.workers {
            "more workers than the load needs"
        } else {
            "slower, or dearer by its calls"
        }
    }
}

/// A reason from its parts.
pub(super) fn reason(code: &'static str, text: Cow<'static, str>) -> Reason {
    Reason {
        code: Cow::Borrowed(code),
        text,
    }
}

/// Such as "a jump to 600 messages/s is expected within about 200 s". No word of a period: one jump has none, and of
/// several it is not known that they keep to one.
fn jump(hazard: Hazard) -> String {
    let within_s = 1.0 / hazard.per_s;
    let two_digits = 10_f64.powf(within_s.log10().floor() - 1.0);
    let within = seconds((within_s / two_digits).round() * two_digits);
    let rate = rounded(hazard.rate);
    format!("a jump to {rate} messages/s is expected within about {within}")
}

/// Why `workers` with so many `slots` are enough now, or why they are chosen though they are not.
fn fell(rate: &str, busy: f64, slots: f64, workers: Counted) -> String {
    let is_enough = busy <= slots;
    let (busy, slots) = (rounded(busy), rounded(slots));
    if is_enough {
        format!("{rate} keep {busy} slots busy, {workers} will do")
    } else {
        format!(
            "{rate} need {busy} slots, not the {slots} of {workers}: more would cost more than the lateness"
        )
    }
}

/// Such as "1 worker seemed enough lately and was not".
fn seemed_enough(workers: Counted) -> String {
    let were = if workers.0 == 1 { "was" } else { "were" };
    format!("{workers} seemed enough lately and {were} not")
}

fn people(workers: u32) -> Counted {
    Counted(workers.into(), "worker")
}

/// Three significant digits for small numbers, whole ones from 100 on.
fn rounded(number: f64) -> String {
    let decimals = match number.abs() {
        n if n >= 100.0 => 0,
        n if n >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{number:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// "160 ms", "2.3 s".
pub(super) fn seconds(length_s: f64) -> String {
    if length_s < 1.0 {
        format!("{} ms", rounded(length_s * 1e3))
    } else {
        format!("{} s", rounded(length_s))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "jumps come every 199 s", it said after one.
    #[test]
    fn a_jump_is_expected_and_not_said_to_come_again_and_again() {
        let told = |after_s: f64| {
            jump(Hazard {
                per_s: 1.0 / after_s,
                rate: 600.4,
                ends_per_s: 0.1,
            })
        };
        let expected = "a jump to 600 messages/s is expected within about";
        assert_eq!(told(198.7), format!("{expected} 200 s"));
        assert_eq!(told(72.3), format!("{expected} 72 s"));
    }

    /// "27 messages/s keep 10.9 slots busy, 1 worker will do", where one worker has 10.
    #[test]
    fn fewer_workers_than_the_load_needs_are_not_said_to_do() {
        let told = |busy, slots, workers| fell("27 messages/s", busy, slots, people(workers));
        assert_eq!(
            told(9.8, 10.0, 1),
            "27 messages/s keep 9.8 slots busy, 1 worker will do"
        );
        assert_eq!(
            told(10.9, 10.0, 1),
            "27 messages/s need 10.9 slots, not the 10 of 1 worker: more would cost more than the lateness"
        );
    }

    #[test]
    fn one_worker_was_and_several_were() {
        assert_eq!(
            seemed_enough(people(1)),
            "1 worker seemed enough lately and was not"
        );
        assert_eq!(
            seemed_enough(people(2)),
            "2 workers seemed enough lately and were not"
        );
    }

    #[test]
    fn numbers_are_rounded_as_people_say_them() {
        assert_eq!(rounded(512.3), "512");
        assert_eq!(rounded(24.04), "24");
        assert_eq!(rounded(2.345), "2.35");
        assert_eq!(seconds(0.1604), "160 ms");
        assert_eq!(seconds(2.3), "2.3 s");
        assert_eq!(people(1).to_string(), "1 worker");
    }
}
