//! Counts and latencies as they are kept while the broker runs. What a snapshot of them looks
//! like is in `stats.rs`.

use ebbtide_core::Lane;
use ebbtide_core::event::{Account, CallEnd, DecisionRecord, Whereabouts, WorkerChange};
use ebbtide_core::message::{AgentId, Outcome, WorkerId};
use ebbtide_policies::observation::BreakerState;
use ebbtide_policies::units::{Duration, Time};

use crate::latencies::Latencies;

/// A window of recent latencies is at least this long, and at most twice that.
const WINDOW: Duration = Duration::from_secs(10);

/// Everything that is counted.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// By [`AgentId`]; `None`: it is removed, and one of the sum.
    pub(crate) agents: Vec<Option<Box<AgentFigures>>>,
    /// Of all agents that are no more.
    pub(crate) removed: AgentFigures,
    /// How many those are.
    pub(crate) removed_agents: u64,
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
    /// By lane, of which lanes have their own from all agents: a message is counted once.
    pub(crate) lanes: [LaneFigures; 5],
    pub(crate) in_flight: u32,
    pub(crate) retries: u64,
    pub(crate) calls: u64,
    pub(crate) failed_calls: u64,
    pub(crate) breaker: BreakerState,
    pub(crate) sojourn: Latencies,
    pub(crate) call: Latencies,
}

/// What is counted by lane of an agent.
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

impl Figures {
    /// An agent's own; of one that is no more the sum's.
    #[inline(always)]
    pub(crate) fn agent(&mut self, agent: AgentId) -> &mut AgentFigures {
        let at = agent.0 as usize;
        if at >= self.agents.len() {
            self.make_room_for(at);
        }
        match &mut self.agents[at] {
            Some(figures) => figures,
            None => &mut self.removed,
        }
    }

    #[cold]
    fn make_room_for(&mut self, at: usize) {
        self.agents.resize_with(at + 1, || Some(Box::default()));
    }

    /// Those of each agent, and last the sum of those that are no more.
    pub(crate) fn all_agents(&self) -> impl Iterator<Item = &AgentFigures> {
        let agents = self.agents.iter().flatten().map(|agent| &**agent);
        agents.chain([&self.removed])
    }

    /// A removed agent of which nothing is in the broker becomes part of the sum. Whether it is.
    pub(crate) fn let_go(&mut self, agent: AgentId) -> bool {
        let place = &mut self.agents[agent.0 as usize];
        let Some(gone) = place.take_if(|it| it.waiting() == 0 && it.in_flight == 0) else {
            return place.is_none();
        };
        self.removed.absorb(*gone);
        self.removed_agents += 1;
        true
    }

    #[inline(always)]
    fn lane(&mut self, account: Account) -> &mut LaneFigures {
        &mut self.agent(account.agent).lanes[account.lane.index()]
    }

    /// Those of a lane, an agent each.
    pub(crate) fn lanes(&self, lane: Lane) -> impl Iterator<Item = &LaneFigures> {
        self.all_agents()
            .map(move |agent| &agent.lanes[lane.index()])
    }

    #[inline(always)]
    pub(crate) fn accepted(&mut self, account: Account) {
        let lane = self.lane(account);
        lane.flow.accepted += 1;
        lane.waiting += 1;
    }

    pub(crate) fn refused(&mut self, account: Account) {
        self.lane(account).flow.refused += 1;
    }

    /// A message left the queue; at its first call with its wait.
    #[inline(always)]
    pub(crate) fn taken(&mut self, account: Account, wait: Option<Duration>) {
        let lane = self.lane(account);
        lane.waiting -= 1;
        if let Some(wait) = wait {
            lane.wait.record(wait);
        }
    }

    #[inline(always)]
    pub(crate) fn started(&mut self, agent: AgentId, worker: WorkerId) {
        let agent = self.agent(agent);
        agent.calls += 1;
        agent.in_flight += 1;
        if let Some(worker) = self.find_worker(worker) {
            worker.calls += 1;
            worker.in_flight += 1;
        }
    }

    #[inline(always)]
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

    #[inline(always)]
    pub(crate) fn slot_freed(&mut self, worker: WorkerId, agent: AgentId) {
        self.agent(agent).in_flight -= 1;
        if let Some(worker) = self.find_worker(worker) {
            worker.in_flight -= 1;
        }
    }

    pub(crate) fn requeued(&mut self, account: Account) {
        let agent = self.agent(account.agent);
        agent.retries += 1;
        agent.lanes[account.lane.index()].waiting += 1;
    }

    #[inline(always)]
    pub(crate) fn finished(
        &mut self,
        account: Account,
        outcome: Outcome,
        was: Whereabouts,
        sojourn: Duration,
    ) {
        let queued = u64::from(was != Whereabouts::Leased);
        let agent = self.agent(account.agent);
        let lane = &mut agent.lanes[account.lane.index()];
        lane.flow.outcomes[outcome.index()] += 1;
        lane.waiting -= queued;
        if outcome == Outcome::Delivered {
            agent.sojourn.record(sojourn);
            self.window.delivered += 1;
        }
    }

    pub(crate) fn worker(&mut self, at: Time, worker: WorkerId, state: WorkerChange) {
        match (self.place_of(worker), state) {
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

    /// Names follow each other but for the gaps that gone workers leave, as in core.
    #[inline]
    fn find_worker(&mut self, worker: WorkerId) -> Option<&mut WorkerFigures> {
        let first = self.workers.first()?.worker.0;
        let guess = worker.0.wrapping_sub(first) as usize;
        let there = |place: usize| {
            self.workers
                .get(place)
                .is_some_and(|it| it.worker == worker)
        };
        let place = match there(guess) {
            true => guess,
            false => self.place_of(worker).ok()?,
        };
        self.workers.get_mut(place)
    }

    #[cold]
    fn place_of(&self, worker: WorkerId) -> Result<usize, usize> {
        self.workers.binary_search_by_key(&worker, |it| it.worker)
    }

    pub(crate) fn decided(&mut self, at: Time, record: &DecisionRecord) {
        // What it saw is in the log; here it would be a histogram a second.
        self.decision = Some(DecisionRecord {
            observation: None,
            ..record.clone()
        });
        let passed = at.since(self.window.now);
        if passed >= WINDOW {
            self.end_window(at);
        }
        if passed >= WINDOW * 2 {
            self.end_window(at);
        }
    }

    fn end_window(&mut self, at: Time) {
        self.window = Window {
            before: self.window.now,
            now: at,
            delivered_before: self.window.delivered,
            delivered: 0,
        };
        let agents = self.agents.iter_mut().flatten().map(|agent| &mut **agent);
        for agent in agents.chain([&mut self.removed]) {
            agent.lanes.iter_mut().for_each(|lane| lane.wait.rotate());
            agent.sojourn.rotate();
            agent.call.rotate();
        }
    }
}

impl FlowFigures {
    fn add(&mut self, other: &Self) {
        self.accepted += other.accepted;
        self.refused += other.refused;
        for (all, ended) in self.outcomes.iter_mut().zip(other.outcomes) {
            *all += ended;
        }
    }

    /// Those of several together.
    pub(crate) fn of<'a>(lanes: impl IntoIterator<Item = &'a LaneFigures>) -> Self {
        let mut all = Self::default();
        lanes.into_iter().for_each(|lane| all.add(&lane.flow));
        all
    }
}

impl AgentFigures {
    /// Messages that wait for it, or are delayed.
    pub(crate) fn waiting(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.waiting).sum()
    }

    /// Adds those of one that is no more.
    fn absorb(&mut self, gone: Self) {
        for (all, lane) in self.lanes.iter_mut().zip(gone.lanes) {
            all.flow.add(&lane.flow);
            all.wait.absorb(lane.wait);
        }
        self.retries += gone.retries;
        self.calls += gone.calls;
        self.failed_calls += gone.failed_calls;
        self.sojourn.absorb(gone.sojourn);
        self.call.absorb(gone.call);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_without_messages_has_no_histograms() {
        let mut figures = Figures::default();
        figures.agent(AgentId(999));
        let none = Latencies::are_none;
        for agent in figures.all_agents() {
            assert!(agent.lanes.iter().all(|lane| none(&lane.wait)));
            assert!(none(&agent.sojourn) && none(&agent.call));
        }
    }
}
