//! What a scenario sends.

use ebbtide_sim::agents::Agent;
use ebbtide_sim::arrivals::{Arrivals, Load as LoadOf};
use ebbtide_sim::trace::Trace;
use ebbtide_sim::traffic::{Class, Source, To};
use ebbtide_sim::{Plan, Scenario};

use super::capacity::Capacity;
use super::too_short::hears;

/// What a scenario sends, broadcasts counted once a subscriber.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Load {
    /// Messages a second on average, of sources that ask nobody.
    pub(crate) mean_per_s: f64,
    /// The most of them at once.
    pub(crate) peak_per_s: f64,
    /// Messages a second of callers that wait for their replies, if those came at once; they
    /// cannot overload anything.
    pub(crate) callers_per_s: f64,
    /// Whether a trace says how long calls take: no other run can then tell what a pool delivers.
    pub(crate) brings_call_times: bool,
}

impl Load {
    /// Of `scenario`.
    pub(crate) fn of(scenario: &Scenario, plan: &Plan) -> Self {
        let fan_out = fan_out(scenario, plan);
        let mut load = Self::default();
        let rates = rates(scenario, plan).into_iter().zip(plan.loads());
        for (source, (per_s, part)) in scenario.traffic.iter().zip(rates) {
            if matches!(source.arrivals, Arrivals::Closed { .. }) {
                load.callers_per_s += per_s * fan_out;
            } else {
                load.mean_per_s += per_s * fan_out;
                load.peak_per_s += part.peak_per_s * fan_out;
            }
        }
        let mut traces = (0..scenario.traffic.len()).filter_map(|index| plan.trace_of(index));
        load.brings_call_times =
            traces.any(|trace| trace.rows(0).iter().any(|row| row.service.is_some()));
        load
    }

    /// Messages of one run, as far as the pool delivers them to callers.
    pub(crate) fn messages(&self, length_s: f64, capacity: &Capacity) -> f64 {
        let callers = self.callers_per_s.min(capacity.messages_per_s);
        (self.mean_per_s + callers) * length_s
    }

    /// Whether a pool of this capacity keeps up with it, at its peak too.
    pub(crate) fn is_served_by(&self, capacity: &Capacity) -> bool {
        self.peak_per_s.max(self.mean_per_s) <= capacity.messages_per_s
    }

    /// Whether nothing is sent at all.
    pub(crate) fn is_nothing(&self) -> bool {
        !self.is_open() && self.callers_per_s <= 0.0
    }

    /// Whether anything is sent by others than callers that wait.
    pub(crate) fn is_open(&self) -> bool {
        self.mean_per_s > 0.0
    }
}

/// What senders that do not wait send to `agent`, a second: on average, and at its peak.
pub(crate) fn to_agent(scenario: &Scenario, plan: &Plan, agent: &Agent) -> (f64, f64) {
    let sources = scenario.traffic.iter().zip(plan.loads()).enumerate();
    let open =
        sources.filter(|(_, (source, _))| !matches!(source.arrivals, Arrivals::Closed { .. }));
    let length = plan.run.length.as_secs_f64();
    let of_source = |(index, (source, load)): (usize, (&Source, LoadOf))| {
        let weights = weights(source, plan.trace_of(index));
        let sum: f64 = weights.iter().sum();
        let classes = source.classes.iter().zip(weights);
        let share: f64 = classes
            .map(|(class, weight)| weight / sum * part(class, agent))
            .sum();
        (load.messages / length * share, load.peak_per_s * share)
    };
    let add = |(mean, peak), (more, higher)| (mean + more, peak + higher);
    open.map(of_source).fold((0.0, 0.0), add)
}

/// How much of `class` goes to `agent`.
fn part(class: &Class, agent: &Agent) -> f64 {
    match &class.to {
        To::Agents(weighed) => {
            let all: f64 = weighed.iter().map(|(weight, _)| weight.0).sum();
            let own = weighed.iter().filter(|(_, name)| *name == agent.name);
            own.map(|(weight, _)| weight.0).sum::<f64>() / all
        }
        To::Agent(_) | To::Topic(_) => f64::from(u8::from(hears(class, agent))),
    }
}

/// Messages a second of each source; of callers, if their replies came after the quickest call.
fn rates(scenario: &Scenario, plan: &Plan) -> Vec<f64> {
    let length = plan.run.length.as_secs_f64();
    let sources = scenario.traffic.iter().zip(plan.loads());
    let rate = |(source, load): (&Source, LoadOf)| match &source.arrivals {
        Arrivals::Closed { callers, think } => {
            let nanos = think.mean() + quickest_call_nanos(scenario);
            f64::from(*callers) * 1e9 / nanos.max(1.0)
        }
        _ => load.messages / length,
    };
    sources.map(rate).collect()
}

fn quickest_call_nanos(scenario: &Scenario) -> f64 {
    let calls = scenario
        .agents
        .iter()
        .map(|agent| agent.mean_call_time(1.0));
    calls.min().map_or(0.0, |call| call.as_secs_f64() * 1e9)
}

/// All classes of all sources, each by its part of the whole load.
pub(crate) fn mix(scenario: &Scenario, plan: &Plan) -> Vec<Class> {
    let sources = scenario.traffic.iter().zip(rates(scenario, plan));
    let classes = sources.enumerate().flat_map(|(index, (source, per_s))| {
        let weights = weights(source, plan.trace_of(index));
        let sum: f64 = weights.iter().sum();
        let classes = source.classes.iter().zip(weights);
        let weighed = classes.map(move |(class, weight)| Class {
            share: (weight / sum * per_s).max(f64::MIN_POSITIVE),
            deadline: None,
            patience: None,
            ..class.clone()
        });
        weighed.collect::<Vec<_>>()
    });
    classes.collect()
}

/// How often each class of a source comes: as its trace has it, if that names them.
fn weights(source: &Source, trace: Option<&Trace>) -> Vec<f64> {
    let shares = source.classes.iter().map(|class| class.share);
    let Some(trace) = trace else {
        return shares.collect();
    };
    let of = |class: &Class| {
        let place = trace
            .classes()
            .iter()
            .position(|name| *name == class.name)?;
        let rows = trace.rows(0).iter();
        let own = rows.filter(|row| row.class.is_some_and(|class| class as usize == place));
        Some(own.count() as f64)
    };
    let counts: Vec<Option<f64>> = source.classes.iter().map(of).collect();
    if counts.iter().flatten().sum::<f64>() > 0.0 {
        return counts.into_iter().map(Option::unwrap_or_default).collect();
    }
    shares.collect()
}

/// Messages that one sending of the whole mix makes: a broadcast is one for each subscriber.
fn fan_out(scenario: &Scenario, plan: &Plan) -> f64 {
    let copies = |class: &Class| match &class.to {
        To::Topic(topic) => {
            let subscribes = |agent: &&Agent| agent.protect.topics.contains(topic);
            scenario.agents.iter().filter(subscribes).count() as f64
        }
        To::Agent(_) | To::Agents(_) => 1.0,
    };
    let classes = mix(scenario, plan);
    let sent: f64 = classes.iter().map(|class| class.share).sum();
    let made: f64 = classes
        .iter()
        .map(|class| class.share * copies(class))
        .sum();
    made / sent
}
