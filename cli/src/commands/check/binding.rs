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
        let limits = [
            ("protect.in_flight_limit", count(in_flight_limit), in_flight),
            ("servers", count(agent.servers), in_flight),
            ("protect.call_rate", rate(protect.call_rate), calls_per_s),
            ("protect.unit_rate", rate(protect.unit_rate), units_per_s),
            ("rate_limit.calls", rate(remote_calls), calls_per_s),
            ("rate_limit.units", rate(remote_units), units_per_s),
        ];
        limits.into_iter().find_map(|(field, limit, found)| {
            let (most, limit) = limit?;
            (found >= AT_LIMIT * most).then(|| Self {
                path: format!("agents.{}.{field}", agent.name),
                limit,
                messages_per_s,
            })
        })
    }
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
