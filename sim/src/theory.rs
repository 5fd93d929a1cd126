//! Cases of queueing theory: rows of a CSV file, each an experiment and what it should give.
//!
//! A case becomes an ordinary scenario, so that theory is checked through the very broker and
//! simulator that everything else runs on. The formulas behind the values are nowhere in this
//! project. The grammar of the columns is in `theory/term.rs`, their meaning here.

mod term;
mod trial;

pub use trial::{Judgement, Trial};

use ebbtide_core::config::{BrokerConfig, Discipline};
use ebbtide_core::message::Lane;
use ebbtide_core::text::closest;
use ebbtide_measure::{Metric, Scope, Selector, Stat};
use ebbtide_policies::units::{Bytes, Duration, Rate};

use crate::agents::{Agent, Failures, Noise};
use crate::arrivals::{ArrivalRate, Arrivals, BatchSize};
use crate::distribution::{Distribution, Quantity, Weight};
use crate::scenario::{Run, Scenario, WarmUp};
use crate::table::{Column, Fields, Table, TableError};
use crate::traffic::{Class, Source, To, WhenFull};

use term::{Term, parts};

/// Messages of one replication: long against the relaxation time of a queue at 97 % load (some
/// 4,000 arrivals), short enough for twenty replications in a few seconds.
const MESSAGES: f64 = 200_000.0;
/// The first part of each replication, which does not count: that queue's bias is below
/// 0.03 % of its mean after it.
const WARM_UP: f64 = 0.1;
/// Replications to begin with: enough for Student's t at 99.99 % to be near the normal.
const REPLICATIONS: u32 = 20;
/// A year: for times that must never come.
const NEVER_MS: u64 = 365 * 86_400_000;
/// Places that no case fills.
const UNBOUNDED: u64 = 1_000_000_000;

/// Figures that theory speaks of.
const FIGURES: [&str; 17] = [
    "wait_mean",
    "wait_p50",
    "wait_p90",
    "wait_p95",
    "wait_p99",
    "waiting_share",
    "sojourn_mean",
    "sojourn_p50",
    "sojourn_p90",
    "sojourn_p95",
    "sojourn_p99",
    "queue_mean",
    "utilisation",
    "throughput",
    "loss_share",
    "batch_mean",
    "dead_share",
];
const PROCESSES: [&str; 5] = ["poisson", "renewal", "batch_poisson", "mmpp", "closed"];
const DISTRIBUTIONS: [&str; 9] = [
    "det",
    "exp",
    "erlang",
    "uniform",
    "lognormal",
    "gamma",
    "hyperexp",
    "weibull",
    "pareto",
];

/// An experiment, with all rows that read a figure of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// The experiment, or why it cannot be expressed. Its replications are those to begin with.
    pub scenario: Result<Scenario, String>,
    /// What it should give.
    pub rows: Vec<Row>,
}

/// One figure of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its line in the file.
    pub line: u64,
    /// The figure as the file names it.
    pub metric: String,
    /// Which figure that is, or why there is none.
    pub selector: Result<Selector, String>,
    /// What it should be, in SI units.
    pub value: f64,
    /// The precision to reach, relative to the value.
    pub rel_tol: f64,
    /// The result of theory that the value is.
    pub source: String,
}

/// The columns that say what the experiment is.
struct Columns {
    case: Column,
    arrivals: Column,
    call: Column,
    workers: Column,
    batch: Option<Column>,
    parallelism: Option<Column>,
    max_waiting: Option<Column>,
    lanes: Option<Column>,
    agent_limit: Option<Column>,
    attempts: Option<Column>,
    batch_timeout: Option<Column>,
}

/// The columns without which there is no case.
const NEEDED: [&str; 7] = [
    "case", "arrivals", "call", "workers", "metric", "value", "rel_tol",
];

/// Reads cases from a file's content.
///
/// # Errors
///
/// [`TableError`] where the table itself is wrong; a case that cannot be expressed is none, it
/// says so itself.
pub fn cases(csv: &[u8]) -> Result<Vec<Case>, TableError> {
    let mut table = Table::new(csv)?;
    table.needs(&NEEDED)?;
    let columns = Columns {
        case: table.needed("case")?,
        arrivals: table.needed("arrivals")?,
        call: table.needed("call")?,
        workers: table.needed("workers")?,
        batch: table.column("batch"),
        parallelism: table.column("parallelism"),
        max_waiting: table.column("max_waiting"),
        lanes: table.column("lanes"),
        agent_limit: table.column("agent_limit"),
        attempts: table.column("attempts"),
        batch_timeout: table.column("batch_timeout"),
    };
    let metric = table.needed("metric")?;
    let value = table.needed("value")?;
    let rel_tol = table.needed("rel_tol")?;
    let source = table.column("source");
    let mut cases: Vec<Case> = Vec::new();
    while let Some(fields) = table.row()? {
        let number = |column, allowed: &str, sound: fn(&f64) -> bool| {
            let number = fields.number(Some(column), allowed, sound)?;
            number.ok_or_else(|| fields.fault(column, allowed))
        };
        let name = fields.text(Some(columns.case)).unwrap_or_default();
        let named = fields.text(Some(metric)).unwrap_or_default();
        let row = Row {
            line: fields.line(),
            metric: named.to_owned(),
            selector: selector(named),
            value: number(value, "finite numbers", |value| value.is_finite())?,
            rel_tol: number(rel_tol, "numbers above 0, up to 1", |tol| {
                *tol > 0.0 && *tol <= 1.0
            })?,
            source: fields.text(source).unwrap_or_default().to_owned(),
        };
        match cases.iter_mut().find(|case| case.name == name) {
            Some(case) => case.rows.push(row),
            None => cases.push(Case {
                name: name.to_owned(),
                scenario: scenario(&columns, &fields),
                rows: vec![row],
            }),
        }
    }
    if cases.is_empty() {
        return Err(TableError::Empty);
    }
    Ok(cases)
}

/// `wait_mean@high`.
fn selector(text: &str) -> Result<Selector, String> {
    let (name, scope) = match text.split_once('@') {
        Some((name, lane)) => (name, Scope::Lane(lane_named(lane)?.name().to_owned())),
        None => (text, Scope::Total),
    };
    let metric = match name {
        "wait_mean" => Metric::Wait(Stat::Mean),
        "wait_p50" => Metric::Wait(Stat::P50),
        "wait_p90" => Metric::Wait(Stat::P90),
        "wait_p95" => Metric::Wait(Stat::P95),
        "wait_p99" => Metric::Wait(Stat::P99),
        "waiting_share" => Metric::WaitingShare,
        "sojourn_mean" => Metric::Sojourn(Stat::Mean),
        "sojourn_p50" => Metric::Sojourn(Stat::P50),
        "sojourn_p90" => Metric::Sojourn(Stat::P90),
        "sojourn_p95" => Metric::Sojourn(Stat::P95),
        "sojourn_p99" => Metric::Sojourn(Stat::P99),
        "queue_mean" => Metric::QueueMean,
        "utilisation" => Metric::Utilisation,
        "throughput" => Metric::ThroughputPerS,
        "loss_share" => Metric::LossShare,
        "batch_mean" => Metric::BatchMean,
        "dead_share" => Metric::DeadShare,
        _ => return Err(unknown("figure", name, &FIGURES)),
    };
    Ok(Selector { metric, scope })
}

fn lane_named(name: &str) -> Result<Lane, String> {
    let lane = Lane::ALL.into_iter().find(|lane| lane.name() == name);
    lane.ok_or_else(|| format!("{name:?} is no lane"))
}

/// The experiment that a row describes.
fn scenario(columns: &Columns, fields: &Fields) -> Result<Scenario, String> {
    let text = |column| fields.text(Some(column)).unwrap_or_default();
    let optional = |column: Option<Column>| fields.text(column);
    let limit = optional(columns.agent_limit).map(whole).transpose()?;
    let timeout = optional(columns.batch_timeout).map(seconds).transpose()?;
    let timeout = timeout.unwrap_or(Duration::ZERO);
    let calls = parts(text(columns.call));
    let agents = calls.iter().map(|(lane, call)| {
        let mut agent = agent(call, agent_name(*lane))?;
        agent.protect.in_flight_limit = limit;
        if agent.call.is_none() {
            // The broker's setting is in whole milliseconds; the agent's is exact.
            agent.protect.max_batch_timeout = Some(timeout);
        }
        Ok(agent)
    });
    let agents: Vec<Agent> = agents.collect::<Result<_, String>>()?;
    let traffic = parts(text(columns.arrivals))
        .into_iter()
        .map(|(lane, process)| {
            let own = calls.iter().any(|(of, _)| *of == lane);
            source(process, lane, agent_name(lane.filter(|_| own)))
        });
    let traffic: Vec<Source> = traffic.collect::<Result<_, String>>()?;
    let length = length(&traffic, &agents);
    let run = Run {
        warm_up: WarmUp::Fixed(length.mul_f64(WARM_UP)),
        replications: REPLICATIONS,
        ..Run::of_length(length)
    };
    Ok(Scenario {
        note: format!(
            "theory: {}",
            fields.text(Some(columns.case)).unwrap_or_default()
        ),
        broker: BrokerConfig {
            num_workers: whole(text(columns.workers)).map_err(|why| format!("workers: {why}"))?,
            batch_size: optional(columns.batch).map_or(Ok(1), whole)?,
            delivery_parallelism: optional(columns.parallelism).map_or(Ok(1), whole)?,
            max_queue_size: match optional(columns.max_waiting) {
                Some(places) => whole(places)?.into(),
                None => UNBOUNDED,
            },
            discipline: match optional(columns.lanes) {
                None => Discipline::Weighted,
                Some("strict") => Discipline::Strict,
                Some(other) => return Err(unknown("lanes", other, &["strict"])),
            },
            // One lane, by whatever names its messages are told apart: what waits is overdue at
            // once, and what is overdue goes oldest first, whatever its lane.
            lane_max_wait_ms: [optional(columns.lanes).is_none().then_some(0); 5],
            retry_max_attempts: match optional(columns.attempts) {
                None => Some(1),
                Some("unlimited") => None,
                Some(attempts) => Some(whole(attempts)?),
            },
            ..environment(timeout)
        },
        ..Scenario::new(run, traffic, agents)
    }
    .with_bounds())
}

/// What holds in every case unless a column says otherwise: nothing that protects, retries at
/// once, and no tick, since a fixed policy decides nothing.
fn environment(batch_timeout: Duration) -> BrokerConfig {
    let batch_timeout_ms = batch_timeout.as_nanos().div_ceil(1_000_000);
    let defaults = BrokerConfig::default();
    BrokerConfig {
        policy: "fixed".to_owned(),
        batch_timeout_ms,
        max_batch_timeout_ms: defaults.max_batch_timeout_ms.max(batch_timeout_ms),
        max_queue_bytes: Bytes(1 << 50),
        reserve: 0,
        retry_backoff_ms: 0,
        retry_budget: None,
        bulkhead: None,
        breaker: None,
        lane_max_wait_ms: [None; 5],
        call_timeout_ms: NEVER_MS,
        control_interval_ms: NEVER_MS,
        ..defaults
    }
}

impl Scenario {
    /// Bounds wide enough for the setting, which a case may choose beyond the defaults.
    fn with_bounds(mut self) -> Self {
        let broker = &mut self.broker;
        broker.max_workers = broker.max_workers.max(broker.num_workers);
        broker.max_batch_size = broker.max_batch_size.max(broker.batch_size);
        self
    }
}

/// How long [`MESSAGES`] take to come.
fn length(traffic: &[Source], agents: &[Agent]) -> Duration {
    let call = agents
        .first()
        .map_or(0.0, |agent| agent.mean_call_time(1.0).to_f64());
    let per_ns = traffic.iter().map(|source| match &source.arrivals {
        Arrivals::Closed { callers, think } => f64::from(*callers) / (think.mean() + call),
        open => open.mean_rate() / 1e9,
    });
    Duration::from_nanos((MESSAGES / per_ns.sum::<f64>()).ceil() as u64)
}

fn agent_name(lane: Option<Lane>) -> String {
    lane.map_or("agent".to_owned(), |lane| format!("agent-{}", lane.name()))
}

/// `exp(mean=0.06) fail=0.2`, `det(value=per_call 0.05 + per_item 0.005)`.
fn agent(call: &str, name: String) -> Result<Agent, String> {
    let (time, fails) = match call.split_once(" fail=") {
        Some((time, share)) => (time, Some(number(share)?)),
        None => (call, None),
    };
    let term = Term::read(time)?;
    let mut agent = Agent::new(name);
    agent.failures = fails.map(|share| Failures { share, time: None });
    let batch = match term.name {
        "det" | "exp" => term.argument(0, if term.name == "det" { "value" } else { "mean" })?,
        _ => "",
    };
    let Some(batch) = batch.strip_prefix("per_call ") else {
        agent.call = Some(distribution(&term)?);
        return Ok(agent);
    };
    let (per_call, per_item) = batch
        .split_once(" + per_item ")
        .ok_or_else(|| format!("{batch:?} has no per_item"))?;
    agent.per_call = Some(seconds(per_call)?);
    agent.per_item = Some(Distribution::Constant(seconds(per_item)?));
    agent.noise = (term.name == "exp").then_some(Noise::Exponential);
    Ok(agent)
}

/// `poisson(rate=6)`, in a lane.
fn source(process: &str, lane: Option<Lane>, agent: String) -> Result<Source, String> {
    let term = Term::read(process)?;
    let rate = |place, name| rate(term.argument(place, name)?);
    let arrivals = match term.name {
        "poisson" => Arrivals::Poisson(rate(0, "rate")?),
        "renewal" => Arrivals::Renewal(distribution(&Term::read(term.argument(0, "gap")?)?)?),
        "batch_poisson" => {
            let size = Term::read(term.argument(1, "size")?)?;
            Arrivals::BatchPoisson {
                rate: rate(0, "rate")?,
                size: match size.name {
                    "const" => BatchSize::Constant(whole(size.argument(0, "k")?)?),
                    "geometric" => BatchSize::Geometric(number(size.argument(0, "mean")?)?),
                    other => return Err(unknown("batch size", other, &["const", "geometric"])),
                },
            }
        }
        "mmpp" => Arrivals::Mmpp(vec![
            (rate(0, "rate1")?, seconds(term.argument(2, "hold1")?)?),
            (rate(1, "rate2")?, seconds(term.argument(3, "hold2")?)?),
        ]),
        "closed" => Arrivals::Closed {
            callers: whole(term.argument(0, "n")?)?,
            think: distribution(&Term::read(term.argument(1, "think")?)?)?,
        },
        other => return Err(unknown("arrival process", other, &PROCESSES)),
    };
    let class = Class {
        lane: lane.unwrap_or_default(),
        ..Class::new(lane.unwrap_or_default().name(), To::Agent(agent))
    };
    Ok(Source {
        arrivals,
        when_full: WhenFull::Refuse,
        classes: vec![class],
    })
}

/// `lognormal(mean=0.05,cv2=2)`.
fn distribution(term: &Term<'_>) -> Result<Distribution, String> {
    let time = |place, name| seconds(term.argument(place, name)?);
    let bare = |place, name| number(term.argument(place, name)?);
    Ok(match term.name {
        "det" => Distribution::Constant(time(0, "value")?),
        "exp" => Distribution::Exponential(time(0, "mean")?),
        "erlang" => Distribution::Erlang {
            k: whole(term.argument(0, "k")?)?,
            mean: time(1, "mean")?,
        },
        "uniform" => Distribution::Uniform {
            low: time(0, "low")?,
            high: time(1, "high")?,
        },
        "lognormal" => Distribution::LogNormalMean {
            mean: time(0, "mean")?,
            cv2: bare(1, "cv2")?,
        },
        "gamma" => Distribution::Gamma {
            mean: time(0, "mean")?,
            cv2: bare(1, "cv2")?,
        },
        "hyperexp" => {
            let p = bare(0, "p")?;
            Distribution::HyperExponential(vec![
                (Weight(p), time(1, "mean1")?),
                (Weight(1.0 - p), time(2, "mean2")?),
            ])
        }
        "weibull" => Distribution::Weibull {
            shape: bare(0, "shape")?,
            mean: time(1, "mean")?,
        },
        "pareto" => Distribution::Pareto {
            shape: bare(0, "shape")?,
            low: time(1, "low")?,
            high: time(2, "high")?,
        },
        other => return Err(unknown("distribution", other, &DISTRIBUTIONS)),
    })
}

/// A word that is none of those allowed.
fn unknown(what: &str, found: &str, allowed: &[&str]) -> String {
    let hint = match closest(found, allowed.iter().copied()) {
        Some(meant) => format!("did you mean {meant}?"),
        None => format!("allowed are {}", allowed.join(", ")),
    };
    format!("{what} {found:?} is not known, {hint}")
}

fn number(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| format!("{text:?} is not a finite number"))
}

fn whole(text: &str) -> Result<u32, String> {
    text.parse()
        .map_err(|_| format!("{text:?} is not a whole number"))
}

fn seconds(text: &str) -> Result<Duration, String> {
    number(text)?;
    format!("{text}s")
        .parse()
        .map_err(|_| format!("{text:?} is not a number of seconds"))
}

fn rate(text: &str) -> Result<ArrivalRate, String> {
    let rate = Rate::per_second(number(text)?);
    rate.map(ArrivalRate)
        .ok_or_else(|| format!("{text:?} is not a rate"))
}

#[cfg(test)]
mod tests;
