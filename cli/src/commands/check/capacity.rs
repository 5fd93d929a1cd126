//! What the largest pool delivers of a scenario's own mix of messages, found by a short run in
//! which there is always more to do.
//!
//! A run rather than a formula: limits, batches, failures and slowdown all count, as they will
//! in the run that is planned.

use std::time::Instant;

use ebbtide_core::BrokerConfig;
use ebbtide_measure::Detail;
use ebbtide_policies::registry;
use ebbtide_policies::units::Duration;
use ebbtide_sim::arrivals::Arrivals;
use ebbtide_sim::distribution::Distribution;
use ebbtide_sim::experiment::replicate;
use ebbtide_sim::files::Files;
use ebbtide_sim::scenario::{Run, Scenario, WarmUp};
use ebbtide_sim::traffic::{Class, Source, To, WhenFull};
use ebbtide_sim::{Monitor, Plan, Sinks};

/// Lengths that are tried, shortest first, until enough messages went through.
const LENGTHS_MS: [u64; 7] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];
/// Enough: the rate is then known to about 1 %.
const ENOUGH: u64 = 20_000;
/// And every caller must have had some turns, or the run shows how it filled up.
const GENERATIONS: u64 = 3;
/// Messages that wait for each slot and each place in a batch.
const CROWD: u32 = 4;
/// Callers at most: memory is not endless, and so many keep any real pool busy.
const LARGEST_CROWD: u32 = 100_000;
/// Callers pause for a moment: with calls that take no time the clock would stand still, and
/// they must not all begin at one instant.
const PAUSE: Duration = Duration::from_nanos(100_000);

/// What a saturated run did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Capacity {
    /// Workers it had.
    pub(crate) workers: u32,
    /// The setting that would give it more.
    pub(crate) bound: &'static str,
    /// Messages with an outcome, per second.
    pub(crate) messages_per_s: f64,
    /// Events that the simulator handled, per message.
    pub(crate) events_per_message: f64,
    /// Real seconds per event, on one thread.
    pub(crate) seconds_per_event: f64,
}

/// Runs `scenario` saturated; `None` if nothing came of it.
pub(crate) fn measure(scenario: &Scenario, plan: &Plan, files: &Files) -> Option<Capacity> {
    let config = largest_config(plan);
    let broker = largest_pool(config);
    let workers = broker.num_workers;
    let bound = if is_fixed(config) {
        "broker.num_workers"
    } else {
        "broker.max_workers"
    };
    for millis in LENGTHS_MS {
        let length = Duration::from_millis(millis);
        let saturated = saturated(scenario, plan, broker.clone(), length);
        let plan = Plan::new(&saturated.to_ron(), files.clone()).ok()?;
        let warm_up = warm_up(length);
        let began = Instant::now();
        let (sinks, monitor) = (Sinks::default(), Monitor::default());
        let run = replicate(&plan, 0, 0, warm_up, Detail::Summary, &sinks, &monitor)?;
        let took = began.elapsed().as_secs_f64();
        let outcomes = &run.books.total.counts.outcomes;
        let finished = outcomes.total() - outcomes.unfinished;
        let enough = ENOUGH.max(GENERATIONS * u64::from(crowd(scenario, &broker)));
        if finished < enough && LENGTHS_MS.last() != Some(&millis) {
            continue;
        }
        let figures = &run.books.total.figures;
        let delivered_per_s = figures.throughput_per_s.value.filter(|rate| *rate > 0.0)?;
        let events = figures.events_simulated.as_ref()?.value?;
        return Some(Capacity {
            workers,
            bound,
            messages_per_s: delivered_per_s * finished as f64 / outcomes.delivered as f64,
            events_per_message: events / finished as f64,
            seconds_per_event: took / events,
        });
    }
    None
}

/// The broker of the policy that may have the largest pool.
fn largest_config(plan: &Plan) -> &BrokerConfig {
    let contenders = plan.contenders.iter();
    let largest = contenders.max_by_key(|contender| most_workers(&contender.config));
    &largest.expect("a plan has a contender").config
}

/// The same with all its workers and the largest batches from the start, for good.
fn largest_pool(config: &BrokerConfig) -> BrokerConfig {
    BrokerConfig {
        num_workers: most_workers(config),
        batch_size: if is_fixed(config) {
            config.batch_size
        } else {
            config.max_batch_size
        },
        policy: "fixed".to_owned(),
        worker_start_ms: 0,
        ..config.clone()
    }
}

/// Workers of a fixed policy, and the bound of any other.
fn most_workers(config: &BrokerConfig) -> u32 {
    if !is_fixed(config) {
        return config.max_workers;
    }
    let policy = registry::build(&config.policy).ok();
    let own = policy.and_then(|policy| policy.start_workers());
    own.unwrap_or(config.num_workers).min(config.max_workers)
}

/// Whether the policy keeps the setting that it starts with: `fixed`, `fixed(7)`.
fn is_fixed(config: &BrokerConfig) -> bool {
    config.policy.split('(').next() == Some("fixed")
}

/// The same agents and the same mix of messages, sent by callers who hardly pause.
fn saturated(scenario: &Scenario, plan: &Plan, broker: BrokerConfig, length: Duration) -> Scenario {
    let crowd = crowd(scenario, &broker);
    let traffic = Source {
        arrivals: Arrivals::Closed {
            callers: crowd,
            think: Distribution::Exponential(PAUSE),
        },
        when_full: WhenFull::Block,
        classes: mix(scenario, plan),
    };
    let run = Run {
        warm_up: WarmUp::Fixed(warm_up(length)),
        replications: 1,
        seed: scenario.run.seed,
        tail: Duration::ZERO,
        ..Run::of_length(length)
    };
    let broker = BrokerConfig {
        max_queue_size: broker.max_queue_size.max(u64::from(crowd)),
        ..broker
    };
    Scenario {
        broker,
        time_grain: scenario.time_grain,
        ..Scenario::new(run, vec![traffic], scenario.agents.clone())
    }
}

/// Callers enough for all slots and batches.
fn crowd(scenario: &Scenario, broker: &BrokerConfig) -> u32 {
    let slots = broker
        .num_workers
        .saturating_mul(broker.delivery_parallelism);
    let batches = broker
        .batch_size
        .saturating_mul(scenario.agents.len() as u32);
    let places = slots.saturating_add(batches);
    places.saturating_mul(CROWD).min(LARGEST_CROWD)
}

fn warm_up(length: Duration) -> Duration {
    length.mul_f64(0.3)
}

/// All classes of all sources, each by its part of the whole load.
fn mix(scenario: &Scenario, plan: &Plan) -> Vec<Class> {
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
pub(crate) fn fan_out(scenario: &Scenario, plan: &Plan) -> f64 {
    let copies = |class: &Class| match &class.to {
        To::Topic(topic) => {
            let subscribes =
                |agent: &&ebbtide_sim::agents::Agent| agent.protect.topics.contains(topic);
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
