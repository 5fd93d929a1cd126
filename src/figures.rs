//! Counts and latencies as they are kept while the broker runs. What a snapshot of them looks
//! like is in `stats.rs`.

use ebbtide_core::Lane;
use ebbtide_core::event::{Account, CallEnd, DecisionRecord, Whereabouts, WorkerChange};
use ebbtide_core::message::{AgentId, Outcome, WorkerId};
use ebbtide_policies::observation::BreakerState;
use ebbtide_policies::units::{Duration, Time};
use hdrhistogram::Histogram;

/// A window of recent latencies is at least this long, and at most twice that.
const WINDOW: Duration = Duration::from_secs(10);

/// Longer times count as this long: an hour, in microseconds.
const LONGEST_US: u64 = 3_600_000_000;

/// Everything that is counted.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) agents: Vec<AgentFigures>,
    pub(crate) lanes: [LaneFigures; 5],
    /// Those that are not gone, lowest name first.
    pub(crate) workers: Vec<WorkerFigures>,
    /// Workers lost, ever.
    pub(crate) workers_lost: u64,
    pub(crate) decision: Option<DecisionRecord>,
    pub(crate) window: Window,
}

/// What is counted by agent.
#[derive(Debug, Default)]
pub(crate) struct AgentFigures {
    pub(crate) flow: FlowFigures,
    pub(crate) waiting: u64,
    pub(crate) in_flight: u32,
    pub(crate) retries: u64,
    pub(crate) calls: u64,
    pub(crate) failed_calls: u64,
    pub(crate) breaker: BreakerState,
    pub(crate) wait: Latencies,
    pub(crate) sojourn: Latencies,
    pub(crate) call: Latencies,
}

/// What is counted by lane.
#[derive(Debug, Default)]
pub(crate) struct LaneFigures {
    pub(crate) flow: FlowFigures,
    pub(crate) waiting: u64,
    pub(crate) wait: Latencies,
}

/// Messages that came and went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FlowFigures {
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    /// By kind, in the order of [`Outcome`].
    pub(crate) outcomes: [u64; 7],
}

/// What is counted by worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WorkerFigures {
    pub(crate) worker: WorkerId,
    pub(crate) state: WorkerChange,
    pub(crate) since: Time,
    pub(crate) in_flight: u32,
    pub(crate) calls: u64,
}

/// What the last ten to twenty seconds delivered.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Window {
    /// When the window before the present one began, and when the present one did.
    pub(crate) before: Time,
    now: Time,
    pub(crate) delivered_before: u64,
    pub(crate) delivered: u64,
}

/// Latencies since the start, and those of the last ten to twenty seconds.
#[derive(Debug)]
pub(crate) struct Latencies {
    now: Histogram<u64>,
    before: Histogram<u64>,
    earlier: Histogram<u64>,
}

impl Default for Latencies {
    fn default() -> Self {
        Self {
            now: empty(),
            before: empty(),
            earlier: empty(),
        }
    }
}

impl Latencies {
    #[inline]
    fn record(&mut self, time: Duration) {
        self.now.saturating_record((time.as_nanos() / 1000).max(1));
    }

    fn rotate(&mut self) {
        add(&mut self.earlier, &self.before);
        std::mem::swap(&mut self.before, &mut self.now);
        self.now.reset();
    }

    /// Adds those of the last ten to twenty seconds to `recent`, and all to `ever`.
    pub(crate) fn add_to(&self, recent: &mut Histogram<u64>, ever: &mut Histogram<u64>) {
        add(recent, &self.before);
        add(recent, &self.now);
        for part in [&self.earlier, &self.before, &self.now] {
            add(ever, part);
        }
    }
}

/// A histogram of microseconds with two significant digits.
pub(crate) fn empty() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_US, 2).expect("its bounds are in order")
}

fn add(to: &mut Histogram<u64>, from: &Histogram<u64>) {
    to.add(from).expect("all have the same bounds");
}

impl Figures {
    #[inline]
    pub(crate) fn agent(&mut self, agent: AgentId) -> &mut AgentFigures {
        let at = agent.0 as usize;
        if at >= self.agents.len() {
            self.agents.resize_with(at + 1, AgentFigures::default);
        }
        &mut self.agents[at]
    }

    #[inline]
    fn lane(&mut self, lane: Lane) -> &mut LaneFigures {
        &mut self.lanes[lane.index()]
    }

    #[inline]
    pub(crate) fn accepted(&mut self, account: Account) {
        let agent = self.agent(account.agent);
        agent.flow.accepted += 1;
        agent.waiting += 1;
        let lane = self.lane(account.lane);
        lane.flow.accepted += 1;
        lane.waiting += 1;
    }

    pub(crate) fn refused(&mut self, account: Account) {
        self.agent(account.agent).flow.refused += 1;
        self.lane(account.lane).flow.refused += 1;
    }

    /// A message left the queue; at its first call with its wait.
    #[inline]
    pub(crate) fn taken(&mut self, account: Account, wait: Option<Duration>) {
        let agent = self.agent(account.agent);
        agent.waiting -= 1;
        if let Some(wait) = wait {
            agent.wait.record(wait);
        }
        let lane = self.lane(account.lane);
        lane.waiting -= 1;
        if let Some(wait) = wait {
            lane.wait.record(wait);
        }
    }

    #[inline]
    pub(crate) fn started(&mut self, agent: AgentId, worker: WorkerId) {
        let agent = self.agent(agent);
        agent.calls += 1;
        agent.in_flight += 1;
        if let Some(worker) = self.find_worker(worker) {
            worker.calls += 1;
            worker.in_flight += 1;
        }
    }

    #[inline]
    pub(crate) fn ended(&mut self, agent: AgentId, how: CallEnd, time: Duration) {
        let agent = self.agent(agent);
        agent.call.record(time);
        match how {
            CallEnd::Failed | CallEnd::TimedOut | CallEnd::WorkerLost | CallEnd::Expired => {
                agent.failed_calls += 1;
            }
            CallEnd::Succeeded | CallEnd::Declined | CallEnd::Abandoned => {}
        }
    }

    #[inline]
    pub(crate) fn slot_freed(&mut self, worker: WorkerId, agent: AgentId) {
        self.agent(agent).in_flight -= 1;
        if let Some(worker) = self.find_worker(worker) {
            worker.in_flight -= 1;
        }
    }

    pub(crate) fn requeued(&mut self, account: Account) {
        let agent = self.agent(account.agent);
        agent.retries += 1;
        agent.waiting += 1;
        self.lane(account.lane).waiting += 1;
    }

    #[inline]
    pub(crate) fn finished(
        &mut self,
        account: Account,
        outcome: Outcome,
        was: Whereabouts,
        sojourn: Duration,
    ) {
        let queued = u64::from(was != Whereabouts::Leased);
        let agent = self.agent(account.agent);
        agent.flow.outcomes[outcome.index()] += 1;
        agent.waiting -= queued;
        if outcome == Outcome::Delivered {
            agent.sojourn.record(sojourn);
            self.window.delivered += 1;
        }
        let lane = self.lane(account.lane);
        lane.flow.outcomes[outcome.index()] += 1;
        lane.waiting -= queued;
    }

    pub(crate) fn worker(&mut self, at: Time, worker: WorkerId, state: WorkerChange) {
        let place = self.workers.binary_search_by_key(&worker, |it| it.worker);
        match (place, state) {
            (Ok(place), WorkerChange::Gone) => {
                self.workers.remove(place);
            }
            (Ok(place), _) => self.workers[place].state = state,
            (Err(_), WorkerChange::Gone) => {}
            (Err(place), _) => self.workers.insert(
                place,
                WorkerFigures {
                    worker,
                    state,
                    since: at,
                    in_flight: 0,
                    calls: 0,
                },
            ),
        }
    }

    #[inline]
    fn find_worker(&mut self, worker: WorkerId) -> Option<&mut WorkerFigures> {
        let place = self.workers.binary_search_by_key(&worker, |it| it.worker);
        place.ok().map(|place| &mut self.workers[place])
    }

    pub(crate) fn decided(&mut self, at: Time, record: &DecisionRecord) {
        // What it saw is in the log; here it would be a histogram a second.
        self.decision = Some(DecisionRecord {
            observation: None,
            ..record.clone()
        });
        if at.since(self.window.now) < WINDOW {
            return;
        }
        self.window = Window {
            before: self.window.now,
            now: at,
            delivered_before: self.window.delivered,
            delivered: 0,
        };
        for agent in &mut self.agents {
            agent.wait.rotate();
            agent.sojourn.rotate();
            agent.call.rotate();
        }
        for lane in &mut self.lanes {
            lane.wait.rotate();
        }
    }
}
