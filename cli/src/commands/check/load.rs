//! What a scenario sends.

use ebbtide_sim::agents::Agent;
use ebbtide_sim::arrivals::Arrivals;
use ebbtide_sim::traffic::{Class, To};
use ebbtide_sim::{Plan, Scenario};

use super::capacity::Capacity;

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
}

impl Load {
    /// Of `scenario`.
    pub(crate) fn of(scenario: &Scenario, plan: &Plan) -> Self {
        let fan_out = fan_out(scenario, plan);
        let length = plan.run.length.as_secs_f64();
        let mut load = Self::default();
        for (source, part) in scenario.traffic.iter().zip(plan.loads()) {
            if let Arrivals::Closed { callers, think } = &source.arrivals {
                let nanos = think.mean() + quickest_call_nanos(scenario);
                load.callers_per_s += f64::from(*callers) * 1e9 / nanos.max(1.0) * fan_out;
            } else {
                load.mean_per_s += part.messages * fan_out / length;
                load.peak_per_s += part.peak_per_s * fan_out;
            }
        }
        load
    }

    /// Messages of one run, as far as the pool delivers them to callers.
    pub(crate) fn messages(&self, length_s: f64, capacity: &Capacity) -> f64 {
        let callers = self.callers_per_s.min(capacity.messages_per_s);
        (self.mean_per_s + callers) * length_s
    }

    /// Whether anything is sent by others than callers that wait.
    pub(crate) fn is_open(&self) -> bool {
        self.mean_per_s > 0.0
    }
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
    let sources = scenario.traffic.iter().zip(plan.loads());
    let classes = sources.flat_map(|(source, load)| {
        let shares: f64 = source.classes.iter().map(|class| class.share).sum();
        source.classes.iter().map(move |class| Class {
            share: (class.share / shares * load.messages).max(f64::MIN_POSITIVE),
            deadline: None,
            patience: None,
            ..class.clone()
        })
    });
    classes.collect()
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
