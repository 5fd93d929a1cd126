//! What a policy's largest pool delivers of a scenario's own mix of messages, found by a short run in
//! which there is always more to do.
//!
//! A run rather than a formula: limits, batches, failures and slowdown all count, as they will
//! in the run that is planned.

use std::time::Instant;

use ebbtide_core::BrokerConfig;
use ebbtide_measure::{Detail, Run};
use ebbtide_policies::units::Duration;
use ebbtide_sim::arrivals::Arrivals;
use ebbtide_sim::distribution::Distribution;
use ebbtide_sim::experiment::replicate;
use ebbtide_sim::files::Files;
use ebbtide_sim::scenario::{Run as RunLength, Scenario, WarmUp};
use ebbtide_sim::traffic::{Source, WhenFull};
use ebbtide_sim::{Monitor, Plan, Sinks};

use super::binding::Binding;
use super::load::mix;

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
#[derive(Clone, Debug)]
pub(crate) struct Capacity {
    /// Workers it had.
    pub(crate) workers: u32,
    /// Messages with an outcome, per second.
    pub(crate) messages_per_s: f64,
    /// Events that the simulator handled, per message.
    pub(crate) events_per_message: f64,
    /// Real seconds per event, on one thread.
    pub(crate) seconds_per_event: f64,
    /// The first limit of an agent that binds.
    pub(crate) binding: Option<Binding>,
}

/// The largest pool that a policy may have.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pool {
    /// Its broker: all its workers and the largest batches from the start, for good.
    pub(crate) broker: BrokerConfig,
    /// Whether the policy may choose a smaller one.
    pub(crate) is_elastic: bool,
}

impl Pool {
    /// Under `config`.
    pub(crate) fn largest(config: &BrokerConfig) -> Self {
        Self {
            is_elastic: !is_fixed(config),
            broker: BrokerConfig {
                num_workers: most_workers(config),
                batch_size: if is_fixed(config) {
                    config.batch_size
                } else {
                    config.max_batch_size
                },
                policy: "fixed".to_owned(),
                worker_start_ms: 0,
                ..config.clone()
            },
        }
    }

    /// Smaller ones that the policy may choose, each half as large as the one before.
    pub(crate) fn smaller(&self) -> impl Iterator<Item = Self> {
        let least = self.broker.min_workers;
        let half = move |pool: &Self| {
            let workers = pool.broker.num_workers / 2;
            (pool.is_elastic && workers >= least).then(|| {
                let mut pool = pool.clone();
                pool.broker.num_workers = workers;
                pool
            })
        };
        std::iter::successors(half(self), half)
    }

    /// Runs `scenario`'s mix saturated in this pool; `None` if nothing came of it.
    pub(crate) fn measure(
        &self,
        scenario: &Scenario,
        plan: &Plan,
        files: &Files,
    ) -> Option<Capacity> {
        let enough = ENOUGH.max(GENERATIONS * u64::from(crowd(scenario, &self.broker)));
        let lengths = LENGTHS_MS.map(Duration::from_millis);
        let last = lengths[lengths.len() - 1];
        for length in lengths {
            let saturated = saturated(scenario, plan, self.broker.clone(), length);
            let plan = Plan::new(&saturated.to_ron(), files.clone()).ok()?;
            let (sinks, monitor) = (Sinks::default(), Monitor::default());
            let began = Instant::now();
            let warm_up = warm_up(length);
            let run = replicate(&plan, 0, 0, warm_up, Detail::Summary, &sinks, &monitor)?;
            let took = began.elapsed().as_secs_f64();
            let outcomes = &run.books.total.counts.outcomes;
            let finished = outcomes.total() - outcomes.unfinished;
            if finished >= enough || length == last {
                return self.capacity(scenario, &run, window(length), took);
            }
        }
        None
    }

    /// What `run` tells, whose window was so long, and which took so many real seconds.
    fn capacity(
        &self,
        scenario: &Scenario,
        run: &Run,
        window: Duration,
        took: f64,
    ) -> Option<Capacity> {
        let outcomes = &run.books.total.counts.outcomes;
        let finished = (outcomes.total() - outcomes.unfinished) as f64;
        let figures = &run.books.total.figures;
        let delivered_per_s = figures.throughput_per_s.value.filter(|rate| *rate > 0.0)?;
        let events = figures.events_simulated.as_ref()?.value?;
        Some(Capacity {
            workers: self.broker.num_workers,
            messages_per_s: delivered_per_s * finished / outcomes.delivered as f64,
            events_per_message: events / finished,
            seconds_per_event: took / events,
            binding: Binding::of(scenario, &self.broker, run, window),
        })
    }
}

/// Workers of a fixed policy (a plan's configuration has what it names), and the bound of any other.
fn most_workers(config: &BrokerConfig) -> u32 {
    if is_fixed(config) {
        config.num_workers
    } else {
        config.max_workers
    }
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
    let run = RunLength {
        warm_up: WarmUp::Fixed(warm_up(length)),
        replications: 1,
        seed: scenario.run.seed,
        tail: Duration::ZERO,
        ..RunLength::of_length(length)
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

fn window(length: Duration) -> Duration {
    length - warm_up(length)
}
