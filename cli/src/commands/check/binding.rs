//! Which limit of an agent holds a saturated pool back: more workers are no help against it.

use ebbtide_core::BrokerConfig;
use ebbtide_core::config::RateLimit;
use ebbtide_measure::Run;
use ebbtide_policies::units::Duration;
use ebbtide_sim::Scenario;
use ebbtide_sim::agents::Agent;
use ebbtide_sim::traffic::Class;

use super::too_short::hears;

/// An agent whose calls average this share of a limit is at it; what is missing are the moments between two calls.
const AT_LIMIT: f64 = 0.9;

/// A limit that held calls back.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    /// Where it stands in the scenario.
    pub(crate) path: String,
    /// What it is there.
    pub(crate) limit: String,
    /// Messages delivered by its agent, per second.
    pub(crate) messages_per_s: f64,
}

impl Binding {
    /// The first one in `run`, which was saturated and whose window was so long.
    pub(crate) fn of(
        scenario: &Scenario,
        broker: &BrokerConfig,
        run: &Run,
        window: Duration,
    ) -> Option<Self> {
        let of = |agent| Self::of_agent(scenario, agent, broker, run, window);
        scenario.agents.iter().find_map(of)
    }

    fn of_agent(
        scenario: &Scenario,
        agent: &Agent,
        broker: &BrokerConfig,
        run: &Run,
        window: Duration,
    ) -> Option<Self> {
        let figures = &run.books.by_agent.get(&agent.name)?.figures;
        let messages_per_s = figures.throughput_per_s.value?;
        let slots = f64::from(broker.num_workers) * f64::from(broker.delivery_parallelism);
        let in_flight = figures.utilisation.as_ref()?.value? * slots;
        let calls_per_s = figures.calls.as_ref()?.value? / window.as_secs_f64();
        let units_per_s = messages_per_s * mean_units(scenario, agent);
        limits(agent).find_map(|limit| {
            let found = match limit.on {
                On::InFlight => in_flight,
                On::Calls => calls_per_s,
                On::Units => units_per_s,
            };
            (found >= AT_LIMIT * limit.most).then_some(Self {
                path: limit.path,
                limit: limit.shown,
                messages_per_s,
            })
        })
    }

    /// The one of `agent` that lets fewest messages through, by the agent's own times: what else there is in the
    /// scenario does not matter.
    pub(crate) fn tightest(
        scenario: &Scenario,
        agent: &Agent,
        broker: &BrokerConfig,
    ) -> Option<Self> {
        let size = match agent.is_batch() {
            true => (agent.protect.max_batch)
                .map_or(broker.batch_size, |cap| cap.min(broker.batch_size)),
            false => 1,
        };
        let size = f64::from(size);
        let call_s = agent.mean_call_time(size).as_secs_f64();
        let binding = |limit: Limit| {
            let messages_per_s = match limit.on {
                On::InFlight => limit.most * size / call_s,
                On::Calls => limit.most * size,
                On::Units => limit.most / mean_units(scenario, agent),
            };
            Self {
                path: limit.path,
                limit: limit.shown,
                messages_per_s,
            }
        };
        let rate = |binding: &Self| binding.messages_per_s;
        limits(agent)
            .map(binding)
            .min_by(|a, b| rate(a).total_cmp(&rate(b)))
    }
}

/// What a limit is on.
#[derive(Clone, Copy)]
enum On {
    InFlight,
    Calls,
    Units,
}

/// A limit of an agent.
struct Limit {
    path: String,
    on: On,
    most: f64,
    shown: String,
}

fn limits(agent: &Agent) -> impl Iterator<Item = Limit> {
    let protect = &agent.protect;
    let replicas = protect.replicas.unwrap_or(1);
    let in_flight_limit = protect
        .in_flight_limit
        .map(|limit| limit.saturating_mul(replicas));
    let remote = agent.rate_limit;
    let (remote_calls, remote_units) = remote.map_or((None, None), |it| (it.calls, it.units));
    let count = |limit: Option<u32>| limit.map(|limit| (f64::from(limit), limit.to_string()));
    let rate = |limit: Option<RateLimit>| {
        limit.map(|limit| (limit.rate.as_per_second(), limit.rate.to_string()))
    };
    let all = [
        (
            "protect.in_flight_limit",
            On::InFlight,
            count(in_flight_limit),
        ),
        ("servers", On::InFlight, count(agent.servers)),
        ("protect.call_rate", On::Calls, rate(protect.call_rate)),
        ("protect.unit_rate", On::Units, rate(protect.unit_rate)),
        ("rate_limit.calls", On::Calls, rate(remote_calls)),
        ("rate_limit.units", On::Units, rate(remote_units)),
    ];
    let name = agent.name.clone();
    all.into_iter().filter_map(move |(field, on, limit)| {
        let (most, shown) = limit?;
        let path = format!("agents.{name}.{field}");
        Some(Limit {
            path,
            on,
            most,
            shown,
        })
    })
}

/// Units of a message to `agent`, on average.
fn mean_units(scenario: &Scenario, agent: &Agent) -> f64 {
    let classes = scenario.traffic.iter().flat_map(|source| &source.classes);
    let heard = || classes.clone().filter(|class| hears(class, agent));
    let share = |class: &Class| class.share;
    let units: f64 = heard().map(|class| share(class) * class.units.mean()).sum();
    let shares: f64 = heard().map(share).sum();
    if shares > 0.0 { units / shares } else { 1.0 }
}
