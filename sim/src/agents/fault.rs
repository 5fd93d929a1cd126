//! Faults on a timetable: what befalls an agent's calls that start within a stretch of time.

use serde::{Deserialize, Serialize};

use ebbtide_policies::units::Time;

use crate::numbers;

use super::remote_limit::{Gate, RemoteLimit};

/// Something that befalls one agent for a while. Calls already under way go on undisturbed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Whom.
    pub agent: String,
    /// From when.
    pub from: Time,
    /// Until when, this instant excluded.
    pub until: Time,
    /// What.
    pub effect: Effect,
}

/// What befalls an agent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Effect {
    /// Calls take this many times as long.
    Slow(#[serde(deserialize_with = "numbers::positive")] f64),
    /// This share of messages fails, besides those that fail anyway.
    Fail(#[serde(deserialize_with = "numbers::share")] f64),
    /// Every call fails, after the round trip, at least a millisecond.
    Outage,
    /// This share of calls never ends.
    Hang(#[serde(deserialize_with = "numbers::share")] f64),
    /// Calls and units beyond a rate are answered 429, besides the agent's own limit.
    RateLimit(RemoteLimit),
}

/// The faults of one agent.
#[derive(Clone, Debug, Default)]
pub(super) struct Timetable(Vec<Entry>);

#[derive(Clone, Debug)]
struct Entry {
    from: Time,
    until: Time,
    effect: Effect,
    gate: Option<Gate>,
}

/// What the faults in force do together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct InForce {
    pub(super) slow: f64,
    pub(super) fail: f64,
    pub(super) hang: f64,
    pub(super) outage: bool,
}

impl InForce {
    pub(super) const NOTHING: Self = Self {
        slow: 1.0,
        fail: 0.0,
        hang: 0.0,
        outage: false,
    };
}

impl Timetable {
    /// Those of `faults` that befall `agent`.
    pub(super) fn of(agent: &str, faults: &[Fault]) -> Self {
        let own = faults.iter().filter(|fault| fault.agent == agent);
        let entry = |fault: &Fault| Entry {
            from: fault.from,
            until: fault.until,
            effect: fault.effect,
            gate: match &fault.effect {
                Effect::RateLimit(limit) => Some(Gate::new(limit)),
                _ => None,
            },
        };
        Self(own.map(entry).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The rate limits in force.
    pub(super) fn gates(&mut self, now: Time) -> impl Iterator<Item = &mut Gate> {
        let in_force = self.0.iter_mut().filter(move |entry| entry.holds(now));
        in_force.filter_map(|entry| entry.gate.as_mut())
    }

    /// Everything else in force: factors multiply, independent chances add up as such.
    pub(super) fn in_force(&self, now: Time) -> InForce {
        let both = |one: f64, other: f64| 1.0 - (1.0 - one) * (1.0 - other);
        let mut sum = InForce::NOTHING;
        for entry in self.0.iter().filter(|entry| entry.holds(now)) {
            match entry.effect {
                Effect::Slow(factor) => sum.slow *= factor,
                Effect::Fail(share) => sum.fail = both(sum.fail, share),
                Effect::Hang(share) => sum.hang = both(sum.hang, share),
                Effect::Outage => sum.outage = true,
                Effect::RateLimit(_) => {}
            }
        }
        sum
    }
}

impl Entry {
    fn holds(&self, now: Time) -> bool {
        (self.from..self.until).contains(&now)
    }
}
