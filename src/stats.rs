//! A snapshot of a broker: everything at one instant, from one hold of the lock.

use std::sync::Arc;

use ebbtide_core::event::{DecisionRecord, WorkerChange};
use ebbtide_core::message::{AgentId, Outcome, WorkerId};
use ebbtide_core::{Books, Lane};
use ebbtide_policies::observation::{BreakerState, Setting};
use ebbtide_policies::units::{Duration, Time};
use hdrhistogram::Histogram;

use crate::broker::Broker;
use crate::figures::{AgentFigures, Figures, FlowFigures, LaneFigures};
use crate::floor::{Floor, Phase};
use crate::latencies::{Latencies, empty};
use crate::metrics::{Monitors, RuntimeFigures, TaskFigures};

/// A broker at one instant. *Recent* figures are of the last ten to twenty seconds.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// When, since the broker started.
    pub at: Time,
    /// Where every message is that it ever accepted.
    pub books: Books,
    /// Senders that wait for room.
    pub waiting_senders: usize,
    /// The setting in force.
    pub setting: Setting,
    /// The latest decision and its reason; what it saw is in the decision log.
    pub decision: Option<DecisionRecord>,
    /// Messages delivered per second, recently.
    pub delivered_per_s: f64,
    /// Sent until the first call starts.
    pub wait: Times,
    /// Sent until delivered.
    pub sojourn: Times,
    /// The agents, in the order of their registration; removed ones as long as messages or calls
    /// of theirs are in the broker.
    pub agents: Vec<AgentStats>,
    /// Those that were removed and are no longer among the agents, in one sum.
    pub removed: RemovedAgents,
    /// The lanes, highest first.
    pub lanes: Vec<LaneStats>,
    /// The workers that are not gone; none once the broker is closed.
    pub workers: Vec<WorkerStats>,
    /// Workers lost, ever: their thread was blocked or their task ended.
    pub workers_lost: u64,
    /// Dead letters kept.
    pub dead_letters: usize,
    /// Dead letters dropped since too many were kept.
    pub dead_letters_dropped: u64,
    /// Decisions that the log lost.
    pub decisions_lost: u64,
    /// The workers' tasks.
    pub tasks: TaskFigures,
    /// The runtime.
    pub runtime: RuntimeFigures,
}

/// One agent.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AgentStats {
    /// Which.
    pub agent: AgentId,
    /// Its name.
    pub name: Arc<str>,
    /// Messages waiting or delayed for it.
    pub queued: u64,
    /// Its calls in flight.
    pub in_flight: u32,
    /// Its breaker.
    pub breaker: BreakerState,
    /// What became of its messages and calls.
    pub work: AgentWork,
}

/// What removed agents leave in the statistics.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RemovedAgents {
    /// How many they are.
    pub agents: u64,
    /// What became of their messages and calls; refused are also those that came when they were gone.
    pub work: AgentWork,
}

/// The messages and calls of one agent, or of several, ever.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AgentWork {
    /// Messages.
    pub flow: Flow,
    /// Messages that went back for another call.
    pub requeued: u64,
    /// Calls started.
    pub calls: u64,
    /// Calls that failed.
    pub failed_calls: u64,
    /// Sent until the first call starts.
    pub wait: Times,
    /// Sent until delivered.
    pub sojourn: Times,
    /// Lengths of calls.
    pub call: Times,
}

/// One lane.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LaneStats {
    /// Which.
    pub lane: Lane,
    /// Messages waiting or delayed in it.
    pub queued: u64,
    /// Its messages, ever.
    pub flow: Flow,
    /// Sent until the first call starts.
    pub wait: Times,
}

/// One worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerStats {
    /// Which.
    pub worker: WorkerId,
    /// Its state.
    pub state: WorkerState,
    /// When it was ordered.
    pub since: Time,
    /// Its calls in flight.
    pub in_flight: u32,
    /// Calls it has started.
    pub calls: u64,
    /// Since when it has been seen at one and the same handler, which blocks its thread, if that
    /// is a tenth of a second or longer. It is looked at with each control tick, each snapshot, and before
    /// leases run out.
    pub blocked_since: Option<Time>,
}

/// What a worker can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerState {
    /// Ordered, not yet able to take.
    Starting,
    /// Able to take.
    Ready,
    /// Finishing what it holds.
    Draining,
}

/// Messages that came and went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Flow {
    /// Accepted.
    pub accepted: u64,
    /// Refused.
    pub refused: u64,
    outcomes: [u64; 7],
}

impl Flow {
    /// How many ended like this; all dead letters count as one kind.
    #[must_use]
    pub fn ended(&self, outcome: Outcome) -> u64 {
        self.outcomes[outcome.index()]
    }
}

/// Times of one kind: of late, and since the broker started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Of the last ten to twenty seconds.
    pub recent: Quantiles,
    /// Of all.
    pub ever: Quantiles,
}

/// A distribution of times, to within one percent. Without any times all are zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quantiles {
    /// How many times there are.
    pub count: u64,
    /// Their mean.
    pub mean: Duration,
    /// Half are shorter.
    pub p50: Duration,
    /// 95 of 100 are shorter.
    pub p95: Duration,
    /// 99 of 100 are shorter.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}

impl Broker {
    /// A consistent snapshot: all figures are of one instant.
    ///
    /// ```
    /// use ebbtide::{Broker, Outcome};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = Broker::builder().start().await?;
    /// let echo = broker.add_agent("echo", async |text: &String| Ok(text.clone()))?;
    /// echo.request("hello".to_owned()).await?;
    ///
    /// let stats = broker.stats();
    /// assert_eq!(stats.agents[0].work.flow.ended(Outcome::Delivered), 1);
    /// assert_eq!(stats.sojourn.ever.count, 1);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn stats(&self) -> Stats {
        let monitors = &self.shared().monitors;
        self.shared().on_floor(|floor| floor.stats(monitors))
    }
}

impl Floor {
    fn stats(&mut self, monitors: &Monitors) -> Stats {
        // At rest there are ticks to be made up for, by which recent figures forget; otherwise they are the alarm's,
        // after all that its instant has.
        if self.driver.rests() {
            self.driver.advance();
        }
        self.let_go_of_agents();
        let now = self.driver.now();
        self.health.see(now, self.crew.turns());
        let ear = self.driver.ear();
        let figures = &ear.figures;
        let agents = (0..).zip(&ear.notices.names).zip(&figures.agents);
        let agents = agents.filter_map(|((id, name), agent)| {
            Some(agent_stats(AgentId(id), name.clone(), agent.as_ref()?))
        });
        let delivered = figures.window.delivered_before + figures.window.delivered;
        let span = now.since(figures.window.before).as_secs_f64();
        let (dead_letters, dead_letters_dropped) = ear.dead.counts();
        Stats {
            at: now,
            books: *self.driver.books(),
            waiting_senders: self.room.len(),
            setting: self.driver.setting(),
            decision: figures.decision.clone(),
            delivered_per_s: if span > 0.0 {
                delivered as f64 / span
            } else {
                0.0
            },
            wait: times(
                Lane::ALL
                    .iter()
                    .flat_map(|lane| waits(figures.lanes(*lane))),
            ),
            sojourn: times(figures.all_agents().map(|agent| &agent.sojourn)),
            agents: agents.collect(),
            removed: RemovedAgents {
                agents: figures.removed_agents,
                work: agent_work(&figures.removed),
            },
            lanes: Lane::ALL.map(|lane| lane_stats(lane, figures)).into(),
            workers: self.worker_stats(now),
            workers_lost: figures.workers_lost,
            dead_letters,
            dead_letters_dropped,
            decisions_lost: ear.log.as_ref().map_or(0, |log| log.lost_ever),
            tasks: monitors.tasks(),
            runtime: monitors.runtime(),
        }
    }

    /// Core keeps a pool in a closed broker too, of workers that nobody hired.
    fn worker_stats(&self, now: Time) -> Vec<WorkerStats> {
        if self.phase == Phase::Closed {
            return Vec::new();
        }
        let workers = self.driver.ear().figures.workers.iter();
        workers
            .map(|worker| WorkerStats {
                worker: worker.worker,
                state: match worker.state {
                    WorkerChange::Starting => WorkerState::Starting,
                    WorkerChange::Ready => WorkerState::Ready,
                    WorkerChange::Draining | WorkerChange::Gone => WorkerState::Draining,
                },
                since: worker.since,
                in_flight: worker.in_flight,
                calls: worker.calls,
                blocked_since: self.health.blocked_since(now, worker.worker),
            })
            .collect()
    }
}

fn agent_stats(agent: AgentId, name: Arc<str>, it: &AgentFigures) -> AgentStats {
    AgentStats {
        agent,
        name,
        queued: it.waiting(),
        in_flight: it.in_flight,
        breaker: it.breaker,
        work: agent_work(it),
    }
}

fn agent_work(it: &AgentFigures) -> AgentWork {
    AgentWork {
        flow: FlowFigures::of(&it.lanes).into(),
        requeued: it.retries,
        calls: it.calls,
        failed_calls: it.failed_calls,
        wait: times(waits(&it.lanes)),
        sojourn: times([&it.sojourn]),
        call: times([&it.call]),
    }
}

fn lane_stats(lane: Lane, figures: &Figures) -> LaneStats {
    LaneStats {
        lane,
        queued: figures.lanes(lane).map(|it| it.waiting).sum(),
        flow: FlowFigures::of(figures.lanes(lane)).into(),
        wait: times(waits(figures.lanes(lane))),
    }
}

fn waits<'a>(
    lanes: impl IntoIterator<Item = &'a LaneFigures>,
) -> impl Iterator<Item = &'a Latencies> {
    lanes.into_iter().map(|lane| &lane.wait)
}

impl From<FlowFigures> for Flow {
    fn from(it: FlowFigures) -> Self {
        Self {
            accepted: it.accepted,
            refused: it.refused,
            outcomes: it.outcomes,
        }
    }
}

fn times<'a>(parts: impl IntoIterator<Item = &'a Latencies>) -> Times {
    let mut parts = parts.into_iter().filter(|part| !part.are_none()).peekable();
    if parts.peek().is_none() {
        return Times::default();
    }
    let (mut recent, mut ever) = (empty(), empty());
    for part in parts {
        part.add_to(&mut recent, &mut ever);
    }
    Times {
        recent: quantiles(&recent),
        ever: quantiles(&ever),
    }
}

fn quantiles(times: &Histogram<u64>) -> Quantiles {
    let at = |micros: u64| Duration::from_nanos(micros.saturating_mul(1000));
    if times.is_empty() {
        return Quantiles::default();
    }
    Quantiles {
        count: times.len(),
        mean: Duration::from_secs_f64(times.mean() / 1e6),
        p50: at(times.value_at_quantile(0.5)),
        p95: at(times.value_at_quantile(0.95)),
        p99: at(times.value_at_quantile(0.99)),
        max: at(times.max()),
    }
}
