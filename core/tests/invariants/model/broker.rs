//! The broker under test: takes the steps that the reference takes, and says what happened in
//! the same words.

use std::collections::{BTreeMap, BTreeSet};

use ebbtide_core::event::WorkerChange;
use ebbtide_core::message::{AgentId, LeaseId, MessageId, WorkerId};
use ebbtide_core::units::Time;
use ebbtide_core::{
    AgentConfig, BrokerState, Checked, Settlement, Submission, SubmitError, Verdict, What,
};
use ebbtide_policies::observation::AgentObservation;

use super::reference::{Reference, submission};
use super::setup::{Scripted, Setup, TOPIC};
use super::step::{Act, Step, Word, ms};

/// A broker and the names that the reference has for what is in it.
pub(crate) struct Broker {
    pub(crate) state: BrokerState<u32>,
    pub(crate) log: Vec<String>,
    /// Everything that came out, in order and in full.
    pub(crate) trace: Vec<String>,
    /// When each message had its outcome, by name.
    pub(crate) outcomes: BTreeMap<String, Vec<u64>>,
    agents: Vec<AgentConfig>,
    workers: BTreeSet<WorkerId>,
    registered: usize,
    /// Messages that came to stand behind another of their key and that moved up, by agent.
    behind: BTreeMap<String, (u64, u64)>,
    tells_order: bool,
    letters: u32,
    messages: Vec<MessageId>,
    names: BTreeMap<MessageId, String>,
    calls: Vec<LeaseId>,
    replicas: BTreeMap<LeaseId, u32>,
    /// Messages taken for the call that is to start next.
    taken: Vec<String>,
}

impl Broker {
    pub(crate) fn new(setup: &Setup) -> Self {
        let config = Checked::new(setup.broker.clone()).expect("setups are sound");
        let mut new = Self {
            state: BrokerState::new(config, Scripted::boxed(&setup.wishes)),
            log: Vec::new(),
            trace: Vec::new(),
            outcomes: BTreeMap::new(),
            agents: setup.agents.clone(),
            workers: BTreeSet::new(),
            registered: 0,
            behind: BTreeMap::new(),
            tells_order: setup.tells_order(),
            letters: 0,
            messages: Vec::new(),
            names: BTreeMap::new(),
            calls: Vec::new(),
            replicas: BTreeMap::new(),
            taken: Vec::new(),
        };
        new.state.keep_observations(true);
        for agent in setup.agents.clone() {
            new.add_agent(Time::ZERO, agent);
        }
        new.tell();
        new
    }

    fn add_agent(&mut self, now: Time, config: AgentConfig) {
        self.state
            .add_agent(now, config)
            .expect("sound and of a new name");
        self.registered += 1;
    }

    /// Workers that are not gone.
    pub(crate) fn workers(&self) -> usize {
        self.workers.len()
    }

    /// The leases of all calls so far, in order.
    pub(crate) fn leases(&self) -> impl Iterator<Item = LeaseId> + '_ {
        self.calls.iter().copied()
    }

    /// Takes the step after which the reference is `seen`.
    pub(crate) fn step(&mut self, step: &Step, seen: &Reference) {
        self.log.clear();
        let now = self.state.now() + ms(step.after);
        let nanos = now.as_nanos();
        match &step.act {
            Act::Submit(_, letter) => {
                let agent = seen.subject.expect("there is an agent") as u32;
                let submission = submission(nanos, agent, self.letters, letter);
                self.letters += 1;
                let result = self.state.submit(now, submission);
                check_whole(submission, result.err());
            }
            Act::Broadcast(letter) => {
                let submission = submission(nanos, 0, self.letters, letter);
                self.letters += 1;
                let result = self.state.broadcast(now, TOPIC, submission);
                check_whole(submission, result.err());
            }
            Act::TakeAll => {
                self.state.advance(now);
                self.take_all(now);
            }
            Act::Advance => self.state.advance(now),
            Act::PauseLane(lane, length) => {
                let until = length.map_or(Time::MAX, |length| now + ms(length));
                self.state.pause_lane(now, *lane, until);
            }
            Act::ResumeLane(lane) => self.state.resume_lane(now, *lane),
            Act::Pin(workers) => {
                // What the bounds do not allow changes nothing, as in the reference.
                let _ = self.state.pin_workers(now, *workers);
            }
            Act::DryRun(dry_run) => self.state.set_dry_run(now, *dry_run),
            Act::Run(length) => self.run(now, now + ms(*length)),
            act => match seen.subject {
                Some(subject) => self.report(now, act, subject),
                // Only the clock moves.
                None => self.state.resume_agent(now, AgentId(u32::MAX)),
            },
        }
        self.tell();
        self.state.check();
    }

    /// What concerns one call, message, worker or agent.
    fn report(&mut self, now: Time, act: &Act, subject: usize) {
        let state = &mut self.state;
        let worker = WorkerId(subject as u32);
        let agent = AgentId(subject as u32);
        match act {
            Act::Settle(_, words) => {
                let said: Vec<Verdict> = words.iter().map(|word| verdict(now, *word)).collect();
                let size = state.messages_of(self.calls[subject]).len();
                let each: Vec<Verdict> = said.iter().copied().cycle().take(size).collect();
                let settlement = match said.as_slice() {
                    &[verdict] => Settlement::All(verdict),
                    _ => Settlement::Each(&each),
                };
                let settled = state.settle(now, self.calls[subject], settlement);
                settled.expect("open calls may settle");
            }
            Act::Panic(_) => {
                let settled = state.settle(now, self.calls[subject], Settlement::Panicked);
                settled.expect("open calls may settle");
            }
            Act::SettleAny(_) => {
                let all = Settlement::All(Verdict::Delivered);
                let _ = state.settle(now, self.calls[subject], all);
            }
            Act::Extend(_) | Act::ExtendAny(_) => {
                let _ = state.extend(now, self.calls[subject]);
            }
            Act::Cancel(_) => {
                state.cancel(now, self.messages[subject]);
            }
            Act::Take(_, most) => self.take(now, worker, *most),
            Act::WorkerReady(_) => state.worker_ready(now, worker),
            Act::WorkerLost(_) => {
                state.worker_lost(now, worker);
            }
            Act::Pause(_, length) => {
                let until = length.map_or(Time::MAX, |length| now + ms(length));
                state.pause_agent(now, agent, until);
            }
            Act::Resume(_) => state.resume_agent(now, agent),
            Act::AddAgent(_) => {
                let config = AgentConfig {
                    name: format!("a{}", self.registered),
                    ..self.agents[subject].clone()
                };
                self.add_agent(now, config);
            }
            Act::RemoveAgent(_) => {
                state.remove_agent(now, agent);
            }
            Act::Shutdown(within) => state.shutdown(now, ms(*within)),
            other => unreachable!("{other:?} concerns nobody"),
        }
    }

    fn take(&mut self, now: Time, worker: WorkerId, most: u32) {
        let mut calls = Vec::new();
        self.state.take(now, worker, most, &mut calls);
        self.trace.push(format!("{calls:?}"));
        self.replicas
            .extend(calls.iter().map(|call| (call.lease, call.replica)));
    }

    /// Every free slot takes, one call after another, as the simulator does it.
    fn take_all(&mut self, now: Time) {
        while let Some(worker) = self.state.least_busy_worker() {
            let calls = self.state.books().calls;
            self.take(now, worker, 1);
            if self.state.books().calls == calls {
                break;
            }
        }
    }

    /// The shell's loop: back whenever the broker says so.
    fn run(&mut self, mut now: Time, until: Time) {
        for wakes in 0.. {
            assert!(wakes < 10_000, "it is awake all the time");
            self.state.advance(now);
            self.take_all(now);
            let wake = self.state.next_wake();
            self.trace.push(format!("{wake:?}"));
            match wake {
                Some((at, _)) if at <= until => now = now.max(at),
                _ => break,
            }
        }
        self.state.advance(until);
        self.take_all(until);
    }

    // What happened.

    fn tell(&mut self) {
        while let Some(event) = self.state.poll_event() {
            self.trace.push(format!("{event:?}"));
            let at = event.at.as_nanos();
            if let What::Finished { message, .. } = &event.what {
                let name = &self.names[message];
                self.outcomes.entry(name.clone()).or_default().push(at);
            }
            if let Some(line) = self.line(event.what) {
                self.log.push(format!("{at:>12} {line}"));
            }
        }
    }

    /// As the reference has it.
    fn behind(&mut self, seen: &AgentObservation) -> (u64, u64, u64, Option<u64>) {
        let ever = self.behind.entry(seen.name.clone()).or_default();
        ever.0 += seen.came_behind;
        ever.1 += seen.moved_up;
        let moved_up = self.tells_order.then_some(ever.1);
        (seen.behind, seen.contended_keys, ever.0, moved_up)
    }

    fn call(&self, lease: LeaseId) -> usize {
        let call = self.calls.iter().rposition(|&call| call == lease);
        call.expect("only calls that started are spoken of")
    }

    #[expect(clippy::too_many_lines, reason = "a line for each kind of event")]
    fn line(&mut self, what: What<u32>) -> Option<String> {
        let name = |it: &Self, message: &MessageId| it.names[message].clone();
        Some(match what {
            What::Refused { account, .. } => {
                format!("refused {}@{}", self.letters - 1, account.agent.0)
            }
            What::Accepted {
                message,
                account,
                due,
                ..
            } => {
                let name = format!("{}@{}", self.letters - 1, account.agent.0);
                self.outcomes.insert(name.clone(), Vec::new());
                self.messages.push(message);
                self.names.insert(message, name.clone());
                format!("accepted {name} due {}", due.as_nanos())
            }
            What::Due { message, .. } => format!("due {}", name(self, &message)),
            What::Started {
                lease,
                agent,
                worker,
                size,
            } => {
                self.calls.push(lease);
                let (call, replica) = (self.calls.len() - 1, self.replicas[&lease]);
                let taken = std::mem::take(&mut self.taken);
                assert_eq!(taken.len(), size as usize, "a call carries what was taken");
                format!(
                    "call {call} agent {} replica {replica} worker {}: {}",
                    agent.0,
                    worker.0,
                    taken.join(" ")
                )
            }
            What::Taken { message, .. } => {
                self.taken.push(name(self, &message));
                return None;
            }
            What::Ended { lease, how, .. } => format!("end call {} {how:?}", self.call(lease)),
            What::SlotFreed { worker, agent } => {
                format!("free worker {} agent {}", worker.0, agent.0)
            }
            What::Requeued {
                message,
                due,
                why,
                attempts,
                ..
            } => {
                let name = name(self, &message);
                format!(
                    "back {name} due {} {why:?} attempts {attempts}",
                    due.as_nanos()
                )
            }
            What::Finished {
                message,
                outcome,
                was,
                attempts,
                ..
            } => {
                format!(
                    "done {} {outcome:?} was {was:?} attempts {attempts}",
                    name(self, &message)
                )
            }
            What::LateSettle { lease } => format!("late call {}", self.call(lease)),
            What::Abandoned { lease, .. } => format!("told call {}", self.call(lease)),
            What::Worker { worker, state } => {
                if state == WorkerChange::Gone {
                    self.workers.remove(&worker);
                } else {
                    self.workers.insert(worker);
                }
                format!("worker {} {state:?}", worker.0)
            }
            What::Breaker { agent, state } => format!("breaker {} {state:?}", agent.0),
            What::Paused { agent, until } => {
                format!("paused {} until {}", agent.0, until.as_nanos())
            }
            What::Resumed { agent } => format!("resumed {}", agent.0),
            What::LanePaused { lane, until } => {
                format!("paused {lane:?} until {}", until.as_nanos())
            }
            What::LaneResumed { lane } => format!("resumed {lane:?}"),
            What::Decided(record) => {
                let to = record.applied;
                let timeout = to.batch_timeout.as_nanos();
                let seen = record.observation.expect("it is kept");
                let behind: Vec<_> = seen.agents.iter().map(|it| self.behind(it)).collect();
                format!(
                    "decided {} {} {timeout} behind {behind:?}",
                    to.workers, to.batch_size
                )
            }
            _ => return None,
        })
    }
}

/// What is refused comes back whole.
#[track_caller]
fn check_whole(sent: Submission<u32>, refused: Option<SubmitError<u32>>) {
    if let Some(refused) = refused {
        assert_eq!(sent, refused.submission, "invariant 5: back whole");
    }
}

fn verdict(now: Time, word: Word) -> Verdict {
    match word {
        Word::Delivered => Verdict::Delivered,
        Word::Rejected => Verdict::Rejected,
        Word::Discarded => Verdict::Discarded,
        Word::Failed => Verdict::Failed,
        Word::Snoozed(wait) => Verdict::Snoozed(now + ms(wait)),
        Word::RateLimited(wait) => Verdict::RateLimited(wait.map(ms)),
    }
}
