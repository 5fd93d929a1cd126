//! What a run of the machine starts from: a broker's configuration, its agents, and what the
//! scripted policy will ask for.

use ebbtide_core::config::BreakerConfig;
use ebbtide_core::{AgentConfig, BrokerConfig, RateLimit};
use ebbtide_policies::decision::{EarlyTick, Reason};
use ebbtide_policies::observation::Observation;
use ebbtide_policies::units::{Bytes, Duration, Rate};
use ebbtide_policies::{Decision, Policy};
use proptest::prelude::*;

/// The topic to which the generated agents subscribe.
pub(crate) const TOPIC: &str = "news";

/// A configuration and its agents. Rates are whole numbers a second, shares whole hundredths,
/// so that the reference can calculate with whole numbers.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// The broker's.
    pub(crate) broker: BrokerConfig,
    /// Share of the ready slots in hundredths that stands in `broker.bulkhead`.
    pub(crate) bulkhead_percent: Option<u64>,
    /// Registered at time zero; agents that come later are taken from here too.
    pub(crate) agents: Vec<AgentConfig>,
    /// What the policy asks for, tick after tick, over and over.
    pub(crate) wishes: Vec<Wish>,
}

impl Setup {
    /// Whether messages of one agent end one after another, and not all at once.
    pub(crate) fn tells_order(&self) -> bool {
        !self.broker.breaker.is_some_and(|breaker| breaker.fail_fast)
    }
}

/// What the scripted policy asks for at one tick; it may be absurd.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    /// Workers.
    pub(crate) workers: f64,
    /// Batch size.
    pub(crate) batch_size: f64,
    /// Batch timeout.
    pub(crate) batch_timeout: Option<Duration>,
    /// Arrivals beyond which it wants an early tick.
    pub(crate) early_arrivals: Option<u64>,
}

/// A policy that reads out its wishes.
pub(crate) struct Scripted {
    wishes: Vec<Wish>,
    next: usize,
}

impl Scripted {
    /// Boxed, as the broker wants it.
    pub(crate) fn boxed(wishes: &[Wish]) -> Box<dyn Policy> {
        let wishes = wishes.to_vec();
        Box::new(Self { wishes, next: 0 })
    }
}

impl Policy for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }

    fn decide(&mut self, _: &Observation) -> Decision {
        let wish = &self.wishes[self.next % self.wishes.len()];
        self.next += 1;
        Decision {
            workers: wish.workers,
            batch_size: wish.batch_size,
            batch_timeout: wish.batch_timeout,
            reason: Reason {
                code: "scripted".into(),
                text: "the test says so".into(),
            },
            prediction: None,
            rejected: Vec::new(),
            early_tick: wish.early_arrivals.map(|arrivals| EarlyTick {
                oldest_wait: None,
                arrivals: Some(arrivals),
            }),
        }
    }
}

/// Which parts of the broker a property stresses; what is off is generated rarely or not at all.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stress {
    /// Bounds of a few messages and bytes.
    pub(crate) tight_queue: bool,
    /// Breakers that open after a failure or two.
    pub(crate) breaker: bool,
    /// Limits in flight and bulkheads.
    pub(crate) limits: bool,
    /// Rate limits on calls and units.
    pub(crate) rates: bool,
    /// Short maximum waits.
    pub(crate) max_wait: bool,
    /// Many messages with few ordering keys.
    pub(crate) keys: bool,
    /// Wishes far out of bounds.
    pub(crate) wild_policy: bool,
    /// Deadlines on most messages, and graces for their handlers.
    pub(crate) deadlines: bool,
}

/// Setups under `stress`.
pub(crate) fn setups(stress: Stress) -> BoxedStrategy<Setup> {
    let parts = (
        pool(stress),
        queue(stress),
        calls(stress),
        lanes(stress),
        prop::collection::vec(agent(stress), 1..4),
        prop::collection::vec(wish(stress), 1..5),
        bulkhead(stress),
    );
    parts
        .prop_map(
            |(pool, queue, calls, lanes, mut agents, wishes, bulkhead)| {
                for (index, agent) in agents.iter_mut().enumerate() {
                    agent.name = format!("a{index}");
                }
                let broker = BrokerConfig {
                    bulkhead: bulkhead.map(|percent| percent as f64 / 100.0),
                    ..(lanes.0)((calls.0)((queue.0)(pool)))
                };
                Setup {
                    broker,
                    bulkhead_percent: bulkhead,
                    agents,
                    wishes,
                }
            },
        )
        .boxed()
}

fn pool(stress: Stress) -> impl Strategy<Value = BrokerConfig> {
    let (most_more, longest) = if stress.wild_policy {
        (1_u32..3, 2_u64)
    } else {
        (0..3, 3)
    };
    let workers = (1_u32..3, most_more, 0_u32..3, 1_u32..4);
    let batches = (any::<bool>(), 1_u32..5, 0_u64..3);
    let pace = (0..longest, 0..longest, any::<bool>(), 1..longest + 1);
    (workers, batches, pace).prop_map(
        |((min, more, start, slots), (batching, size, timeout), pace)| BrokerConfig {
            num_workers: min + start.min(more),
            min_workers: min,
            max_workers: min + more,
            enable_batching: batching || size > 1,
            batch_size: size,
            max_batch_size: 5,
            batch_timeout_ms: timeout * 20,
            max_batch_timeout_ms: 100,
            delivery_parallelism: slots,
            cool_down_ms: pace.0 * 150,
            shrink_window_ms: pace.1 * 150,
            worker_restart_on_failure: pace.2,
            control_interval_ms: pace.3 * 100,
            policy: "scripted".to_owned(),
            retry_jitter: 0.0,
            ..BrokerConfig::default()
        },
    )
}

/// A change to a configuration, drawn beforehand.
struct Change(Box<dyn Fn(BrokerConfig) -> BrokerConfig>);

impl Change {
    fn new(change: impl Fn(BrokerConfig) -> BrokerConfig + 'static) -> Self {
        Self(Box::new(change))
    }
}

impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a change")
    }
}

fn queue(stress: Stress) -> impl Strategy<Value = Change> {
    // Which calls free slots would start matters to the bytes that they carry: so no batches
    // where bytes are scarce.
    let bounds = if stress.tight_queue {
        let by_count = (0_u64..5, Just(1_000_000_u64), 0_u64..3, Just(true));
        let by_bytes = (0_u64..8, 0_u64..40, 0_u64..3, Just(false));
        prop_oneof![by_count, by_bytes].boxed()
    } else {
        Just((1_000, 1_000_000, 10, true)).boxed()
    };
    bounds.prop_map(|(size, bytes, reserve, batches)| {
        Change::new(move |config| BrokerConfig {
            max_queue_size: size,
            max_queue_bytes: Bytes(bytes),
            reserve,
            enable_batching: batches && config.enable_batching,
            ..config
        })
    })
}

fn calls(stress: Stress) -> impl Strategy<Value = Change> {
    let attempts = prop_oneof![Just(None), (1_u32..4).prop_map(Some)];
    let budget = prop_oneof![Just(None), (0_u64..100).prop_map(Some)];
    let grace = if stress.deadlines || stress.keys {
        0_u64..4
    } else {
        0..2
    };
    // Calls must outlast a tick for workers to drain.
    let timeout = if stress.wild_policy { 3_u64..20 } else { 1..6 };
    let breaker = if stress.breaker { 0.9 } else { 0.1 };
    let breaker = prop::option::weighted(breaker, (1_u32..4, 1_u32..4, 1_u64..4, any::<bool>()));
    (attempts, 0_u64..3, budget, timeout, grace, breaker).prop_map(
        |(attempts, backoff, budget, timeout, grace, breaker)| {
            Change::new(move |config| BrokerConfig {
                retry_max_attempts: attempts,
                retry_backoff_ms: backoff * 10,
                retry_backoff_max_ms: 30,
                retry_budget: budget.map(|percent| percent as f64 / 100.0),
                retry_budget_reserve: 1,
                call_timeout_ms: timeout * 30,
                cancel_grace_ms: grace * 20,
                breaker: breaker.map(|(min_calls, run, open, fail_fast)| BreakerConfig {
                    failure_share: 0.5,
                    window_ms: 100,
                    min_calls: 2 * min_calls,
                    failures_in_a_row: run,
                    open_ms: open * 25,
                    fail_fast,
                }),
                ..config
            })
        },
    )
}

fn lanes(stress: Stress) -> impl Strategy<Value = Change> {
    let wait = prop::option::weighted(if stress.max_wait { 0.8 } else { 0.2 }, 0_u64..6);
    let strict = if stress.max_wait { 0.0 } else { 0.2 };
    let weights = prop::array::uniform5(prop::sample::select(vec![1_u32, 2, 3, 4, 8, 16]));
    (
        weights,
        prop::array::uniform5(wait),
        prop::bool::weighted(strict),
    )
        .prop_map(|(weights, waits, strict)| {
            Change::new(move |config| BrokerConfig {
                lane_weights: weights,
                lane_max_wait_ms: waits.map(|wait| wait.map(|tens| tens * 10)),
                discipline: if strict {
                    ebbtide_core::config::Discipline::Strict
                } else {
                    ebbtide_core::config::Discipline::Weighted
                },
                ..config
            })
        })
}

fn bulkhead(stress: Stress) -> impl Strategy<Value = Option<u64>> {
    let likely = if stress.limits { 0.9 } else { 0.3 };
    prop::option::weighted(
        likely,
        prop::sample::select(vec![10_u64, 29, 50, 58, 90, 100]),
    )
}

fn agent(stress: Stress) -> impl Strategy<Value = AgentConfig> {
    let limit = prop::option::weighted(if stress.limits { 0.7 } else { 0.1 }, 1_u32..3);
    let rated = match stress {
        Stress { rates: true, .. } => 0.7,
        // What units allow of several calls is not tried out when the queue is full.
        Stress {
            tight_queue: true, ..
        } => 0.0,
        _ => 0.05,
    };
    let rate = move || match rated {
        0.0 => Just(None).boxed(),
        _ => prop::option::weighted(rated, (prop::sample::select(vec![3_u32, 20, 70]), 1_u32..6))
            .boxed(),
    };
    let batch = (
        any::<bool>(),
        prop::option::weighted(0.2, 1_u32..4),
        prop::option::weighted(0.2, 0_u64..30),
    );
    let timeout = prop::option::weighted(0.2, 1_u64..100);
    let retry = (
        prop::option::weighted(0.2, 1_u32..4),
        prop::option::weighted(0.2, 0_u64..30),
        prop::option::weighted(0.2, 0_u64..50),
    );
    (
        batch,
        1_u32..3,
        limit,
        rate(),
        rate(),
        (timeout, retry),
        any::<bool>(),
    )
        .prop_map(
            |(
                (batch, max_batch, max_timeout),
                replicas,
                limit,
                calls,
                units,
                (timeout, (attempts, backoff, longest)),
                subscribed,
            )| {
                let rate = |(per_s, burst): (u32, u32)| RateLimit {
                    rate: Rate::per_second(f64::from(per_s)).expect("a whole number is a rate"),
                    burst,
                };
                AgentConfig {
                    batch,
                    max_batch,
                    max_batch_timeout: max_timeout.map(Duration::from_millis),
                    replicas,
                    in_flight_limit: limit,
                    call_rate: calls.map(rate),
                    unit_rate: units.map(rate),
                    call_timeout: timeout.map(Duration::from_millis),
                    retry_max_attempts: attempts,
                    retry_backoff: backoff.map(Duration::from_millis),
                    retry_backoff_max: longest.map(Duration::from_millis),
                    topics: subscribed.then(|| TOPIC.to_owned()).into_iter().collect(),
                    ..AgentConfig::new("later")
                }
            },
        )
}

fn wish(stress: Stress) -> impl Strategy<Value = Wish> {
    let tame = (1.0..5.0_f64).prop_map(f64::ceil);
    let wild = prop::sample::select(vec![
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        -3.0,
        0.0,
        0.4,
        2.5,
        1e30,
    ]);
    let number = move || {
        let weight = if stress.wild_policy { 4 } else { 1 };
        prop_oneof![2 => tame.clone(), weight => wild.clone()]
    };
    let timeout = prop::option::of(prop::sample::select(vec![0_u64, 10, 50, 100, 1 << 50]));
    let early = prop::option::weighted(0.3, 0_u64..4);
    (number(), number(), timeout, early).prop_map(
        |(workers, batch_size, timeout, early_arrivals)| Wish {
            workers,
            batch_size,
            batch_timeout: timeout
                .map(Duration::from_nanos)
                .map(|nanos| nanos * 1_000_000),
            early_arrivals,
        },
    )
}
