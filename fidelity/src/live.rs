//! One replication of one contender of a plan on the live broker.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;

use ebbtide::{AgentId, Broker, BrokerConfig, Duration, Time};
use ebbtide_measure::{Detail, Recorder, Run};
use ebbtide_sim::Plan;
use ebbtide_sim::experiment::record_plan;
use ebbtide_sim::streams::Streams;
use ebbtide_sim::traffic::{Address, ClassPlan, Traffic, WhenFull};
use serde::Serialize;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use crate::job::Job;
use crate::pairs::Endings;
use crate::remote::{Batched, Ordinary, Remote};
use crate::sender::{Blocked, Collector, Sender};
use crate::timer::{Lateness, Timer};
use crate::twist::{Twist, Waves};
use crate::witness::{Strains, Witness};

/// Between two looks whether a run is over.
const GLANCE: std::time::Duration = std::time::Duration::from_millis(100);

/// What makes time pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// Nothing but the runtime's timers: a current-thread runtime whose clock is paused.
    Paused,
    /// The clock on the wall: a multi-thread runtime.
    Wall,
}

/// What a live run was.
#[derive(Clone, Debug)]
pub struct LiveRun {
    /// Its figures, as the simulator's are.
    pub run: Run,
    /// How each message ended.
    pub endings: Endings,
    /// What the broker had to cope with.
    pub strains: Strains,
    /// How late whoever sleeps was woken.
    pub lateness: Lateness,
}

/// Why a scenario cannot be run live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotLive {
    /// Its workers die by a timetable.
    #[error("its workers die by a timetable: a live worker dies of its handlers alone")]
    WorkerDeaths,
    /// What its policy sees goes wrong on a timetable.
    #[error("its observations go wrong by a timetable: a live policy sees what is true")]
    ObservationFaults,
    /// It draws how long workers take to start.
    #[error("it draws how long a worker takes to start: a live one takes `worker_start_ms`")]
    WorkerStart,
    /// Senders of broadcasts give up.
    #[error("senders of broadcasts lose patience: a live broadcast cannot be taken back")]
    ImpatientBroadcast,
    /// Senders give up while they wait for room.
    #[error("senders that wait for room lose patience: nobody could say whether they were let in")]
    ImpatientLine,
    /// Callers wait for broadcasts.
    #[error("callers wait for all copies of a broadcast: nobody tells a live sender of those")]
    AwaitedBroadcast,
}

impl NotLive {
    /// Why `plan` cannot be run live; `None`: it can.
    #[must_use]
    pub fn of(plan: &Plan) -> Option<Self> {
        let is_topic = |class: &&ClassPlan| matches!(class.to, Address::Topic(_));
        let any_topic = plan.classes.iter().any(|class| is_topic(&class));
        let impatient = |class: &ClassPlan| class.has_patience();
        let blocks = |source: &ebbtide_sim::plan::SourcePlan| source.when_full == WhenFull::Block;
        if !plan.worker_deaths.is_empty() {
            Some(Self::WorkerDeaths)
        } else if !plan.observation_faults.is_empty() {
            Some(Self::ObservationFaults)
        } else if plan.draws_worker_start() {
            Some(Self::WorkerStart)
        } else if plan.classes.iter().filter(is_topic).any(impatient) {
            Some(Self::ImpatientBroadcast)
        } else if plan.sources.iter().any(blocks) && plan.classes.iter().any(impatient) {
            Some(Self::ImpatientLine)
        } else if plan.has_callers() && any_topic {
            Some(Self::AwaitedBroadcast)
        } else {
            None
        }
    }
}

/// Runs replication `number` of a contender, by its place in the plan, on the live broker. All of
/// the run counts; a live side with a `twist` is not what was simulated.
///
/// # Errors
/// [`NotLive`], if the plan asks for what a live broker cannot be made to do.
///
/// # Panics
/// If the system has no threads for a runtime.
pub fn replicate(
    plan: &Plan,
    contender: usize,
    number: u32,
    pace: Pace,
    twist: Option<Twist>,
) -> Result<LiveRun, NotLive> {
    if let Some(reason) = NotLive::of(plan) {
        return Err(reason);
    }
    let side = Live {
        plan,
        contender,
        number,
        timer: Timer::of(pace),
        twist,
        watched: None,
    };
    Ok(runtime(pace).block_on(side.run()))
}

/// Who changes the setting of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steering {
    /// Its policy.
    Policy,
    /// Its user too, who sets other bounds all the time: most policies must go along.
    Bounds,
}

/// Runs a contender by the clock on the wall, on several threads, and keeps a journal of it there. How often
/// its setting was another one, looked at once a control interval.
///
/// # Errors
/// [`NotLive`], if the plan asks for what a live broker cannot be made to do.
///
/// # Panics
/// If the journal cannot be written, the bounds cannot be changed, or the system has no threads for a runtime.
pub fn journalled(
    plan: &Plan,
    contender: usize,
    steering: Steering,
    journal: &Path,
) -> Result<u64, NotLive> {
    if let Some(reason) = NotLive::of(plan) {
        return Err(reason);
    }
    let changes = Cell::new(0);
    let side = Live {
        plan,
        contender,
        number: 0,
        timer: Timer::of(Pace::Wall),
        twist: None,
        watched: Some(Watched {
            journal,
            steering,
            changes: &changes,
        }),
    };
    runtime(Pace::Wall).block_on(side.run());
    Ok(changes.get())
}

fn runtime(pace: Pace) -> Runtime {
    let built = match pace {
        Pace::Paused => Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build(),
        Pace::Wall => Builder::new_multi_thread().enable_time().build(),
    };
    built.expect("a runtime with timers needs nothing but threads")
}

/// A live side.
struct Live<'a> {
    plan: &'a Plan,
    contender: usize,
    number: u32,
    timer: Timer,
    twist: Option<Twist>,
    watched: Option<Watched<'a>>,
}

impl Live<'_> {
    async fn run(self) -> LiveRun {
        let Self {
            plan,
            number,
            timer,
            twist,
            watched,
            ..
        } = self;
        let contender = &plan.contenders[self.contender];
        let streams = Streams::new(plan.run.seed, number);
        let plain = record_plan(plan, contender, Duration::ZERO, Detail::Summary);
        let recorder = Recorder::new(plain);
        let (tell, outcomes) = mpsc::unbounded_channel();
        let witness = Witness::new(recorder, plan.has_callers().then(|| tell.clone()));
        let mut config = contender.config.clone().into_inner();
        let collector = (twist == Some(Twist::TimerFromCollection)).then(|| collect(&mut config));
        let start = Instant::now();
        let mut broker = Broker::builder()
            .config(config.clone())
            .request_deadline(None::<Duration>)
            .observer(witness.clone());
        if let Some(watched) = &watched {
            broker = broker.journal(watched.journal);
        }
        let broker = broker.start().await;
        let broker = broker.expect("a plan's configuration and policy are checked");
        let blocked = Blocked::default();
        let sender = Sender {
            plan,
            traffic: Traffic::new(plan, streams),
            agents: add_agents(plan, &broker, (start, timer.clone()), streams, twist),
            broker: broker.clone(),
            witness: witness.clone(),
            start,
            timer: timer.clone(),
            outcomes,
            tell,
            blocked: blocked.clone(),
            collector,
        };
        tokio::select! {
            () = sender.send_all() => unreachable!("it does not end by itself"),
            () = watch(watched, &broker, &config) => unreachable!("nor does it"),
            () = until_over(plan, start, &witness, &blocked) => {}
        }
        let passed = Duration::from(Instant::now().saturating_duration_since(start));
        let blocked = std::mem::take(&mut *blocked.lock()).into_values();
        let blocked =
            blocked.flat_map(|(accounts, sent)| accounts.into_iter().map(move |a| (a, sent)));
        let mut live = witness.finish(Time::ZERO + passed, blocked.collect());
        live.lateness = timer.lateness();
        broker.shutdown(Duration::ZERO).await;
        assert!(
            broker.journal_error().is_none(),
            "the journal can be written"
        );
        live
    }
}

/// A run whose setting is watched.
struct Watched<'a> {
    journal: &'a Path,
    steering: Steering,
    /// Changes of the setting so far.
    changes: &'a Cell<u64>,
}

/// Bounds of the pool, one after another.
const BOUNDS: [(u32, u32); 6] = [(1, 2), (4, 8), (2, 3), (6, 9), (1, 1), (5, 10)];

/// Looks how the setting changes, and changes the bounds every third interval if it is to; does not end by
/// itself.
async fn watch(watched: Option<Watched<'_>>, broker: &Broker, config: &BrokerConfig) {
    let Some(watched) = watched else {
        return std::future::pending().await;
    };
    let Watched {
        steering, changes, ..
    } = watched;
    let interval = std::time::Duration::from_millis(config.control_interval_ms);
    let mut last = broker.setting();
    for (min_workers, max_workers) in BOUNDS.into_iter().cycle() {
        if steering == Steering::Bounds {
            let config = BrokerConfig {
                min_workers,
                max_workers,
                num_workers: config.num_workers.clamp(min_workers, max_workers),
                ..config.clone()
            };
            // A policy that names its workers has the bounds make room for it.
            let changed = broker.reconfigure(config);
            changed.expect("bounds of a running broker can be changed");
        }
        for _ in 0..3 {
            let before = std::mem::replace(&mut last, broker.setting());
            changes.set(changes.get() + u64::from(last != before));
            sleep(interval).await;
        }
    }
}

/// Batches are collected before the broker, which waits for no more.
fn collect(config: &mut BrokerConfig) -> Collector {
    let turn = Duration::from_millis(config.batch_timeout_ms.max(1));
    (config.batch_timeout_ms, config.max_batch_timeout_ms) = (0, 0);
    Collector {
        turn,
        full: config.batch_size as usize,
        over: Time::ZERO + turn,
        held: std::collections::BTreeMap::new(),
    }
}

fn add_agents(
    plan: &Plan,
    broker: &Broker,
    (start, timer): (Instant, Timer),
    streams: Streams,
    twist: Option<Twist>,
) -> Vec<ebbtide::AgentRef<Job, ()>> {
    let waves = (twist == Some(Twist::Waves)).then(|| Arc::new(Waves::default()));
    let stretch = match twist {
        Some(Twist::Slower(times)) => times,
        _ => 1.0,
    };
    let models = plan.agent_models(streams);
    let agents = plan.agents.iter().zip(models).zip((0..).map(AgentId));
    let add = |((agent, model), id): ((&ebbtide_sim::agents::Agent, _), AgentId)| {
        let remote = Remote::new(id, start, timer.clone(), model).stretched(stretch);
        let remote = Arc::new(remote.in_waves(waves.clone()));
        let added = if agent.is_batch() {
            broker.add_agent(agent.config(), Batched(remote))
        } else {
            broker.add_agent(agent.config(), Ordinary(remote))
        };
        added.expect("a plan's agents are checked")
    };
    agents.map(add).collect()
}

/// Until arrivals have stopped and every message has its outcome, or the tail is over.
async fn until_over(plan: &Plan, start: Instant, witness: &Witness, blocked: &Blocked) {
    sleep_until(start + plan.run.length.into()).await;
    let tail = start + (plan.run.length + plan.run.tail).into();
    while Instant::now() < tail && (witness.open() > 0 || !blocked.lock().is_empty()) {
        sleep(GLANCE).await;
    }
}
