//! Events written by hand, fed to a recorder as they are written.

use ebbtide_core::event::{Account, CallEnd, Event, Requeue, What, Whereabouts, WorkerChange};
use ebbtide_core::message::{
    AgentId, ClassId, Kind, Lane, LeaseId, MessageId, Outcome, Submission, WorkerId,
};
use ebbtide_core::units::Time;
use ebbtide_core::{AgentConfig, BrokerConfig, BrokerState, Checked};
use ebbtide_measure::{Recorder, Run, RunEnd, Unfinished};
use ebbtide_policies::registry;

/// `seconds` after the start.
pub(crate) fn at(seconds: f64) -> Time {
    Time::from_nanos((seconds * 1e9).round() as u64)
}

/// Books of agent and class by number.
pub(crate) fn account(agent: u32, lane: Lane, class: u16) -> Account {
    let (agent, class) = (AgentId(agent), ClassId(class));
    Account { agent, lane, class }
}

/// Events on their way into a recorder. Times are seconds; messages and calls have no names
/// here, since a recorder never reads them.
pub(crate) struct Stream {
    pub(crate) recorder: Recorder,
    message: MessageId,
    lease: LeaseId,
}

impl Stream {
    pub(crate) fn into(recorder: Recorder) -> Self {
        let (message, lease) = some_names();
        Self {
            recorder,
            message,
            lease,
        }
    }

    pub(crate) fn event(&mut self, seconds: f64, what: What<()>) {
        let event = Event {
            at: at(seconds),
            what,
        };
        self.recorder.record(&event);
    }

    pub(crate) fn worker(&mut self, seconds: f64, worker: u32, state: WorkerChange) {
        let worker = WorkerId(worker);
        self.event(seconds, What::Worker { worker, state });
    }

    pub(crate) fn accepted(&mut self, seconds: f64, account: Account, sent: f64, due: f64) {
        let (message, sent, due) = (self.message, at(sent), at(due));
        let accepted = What::Accepted {
            message,
            account,
            sent,
            due,
        };
        self.event(seconds, accepted);
    }

    pub(crate) fn refused(&mut self, seconds: f64, account: Account) {
        let sent = at(seconds);
        self.event(seconds, What::Refused { account, sent });
    }

    pub(crate) fn due(&mut self, seconds: f64, account: Account) {
        let message = self.message;
        self.event(seconds, What::Due { message, account });
    }

    pub(crate) fn started(&mut self, seconds: f64, agent: u32, worker: u32, size: u32) {
        let (agent, worker) = (AgentId(agent), WorkerId(worker));
        let lease = self.lease;
        let started = What::Started {
            lease,
            agent,
            worker,
            size,
        };
        self.event(seconds, started);
    }

    pub(crate) fn taken(&mut self, seconds: f64, account: Account, sent: f64, first: bool) {
        let (message, sent) = (self.message, at(sent));
        let taken = What::Taken {
            message,
            account,
            sent,
            first,
        };
        self.event(seconds, taken);
    }

    /// A call of one message ends, and its slot is free.
    pub(crate) fn ended(&mut self, seconds: f64, agent: u32, worker: u32, started: f64) {
        let (agent, worker) = (AgentId(agent), WorkerId(worker));
        let ended = What::Ended {
            lease: self.lease,
            agent,
            started: at(started),
            size: 1,
            how: CallEnd::Succeeded,
        };
        self.event(seconds, ended);
        self.event(seconds, What::SlotFreed { worker, agent });
    }

    pub(crate) fn requeued(&mut self, seconds: f64, account: Account, due: f64) {
        let requeued = What::Requeued {
            message: self.message,
            account,
            due: at(due),
            why: Requeue::Retry,
            attempts: 1,
        };
        self.event(seconds, requeued);
    }

    pub(crate) fn finished(
        &mut self,
        seconds: f64,
        account: Account,
        (sent, started): (f64, Option<f64>),
        outcome: Outcome,
        was: Whereabouts,
    ) {
        let finished = What::Finished {
            message: self.message,
            account,
            kind: Kind::Request,
            sent: at(sent),
            started: started.map(at),
            outcome,
            was,
            attempts: 0,
            payload: (),
        };
        self.event(seconds, finished);
    }

    pub(crate) fn finish(self, seconds: f64, unfinished: Vec<Unfinished>) -> Run {
        self.recorder.finish(RunEnd {
            at: at(seconds),
            events_simulated: Some(42),
            unfinished,
        })
    }
}

/// Only core can name a message and a lease, so one that lives for a moment is asked for some.
fn some_names() -> (MessageId, LeaseId) {
    let policy = registry::build("fixed").expect("the registry has it");
    let config = Checked::new(BrokerConfig::default()).expect("the default is sound");
    let mut broker = BrokerState::new(config, policy);
    let agent = broker
        .add_agent(Time::ZERO, AgentConfig::new("agent"))
        .expect("the only one");
    let submission = Submission::new(agent, Time::ZERO, ());
    let message = broker
        .submit(Time::ZERO, submission)
        .expect("there is room");
    let worker = broker.ready_workers().next().expect("workers are ready");
    let mut calls = Vec::new();
    broker.take(Time::ZERO, worker, 1, &mut calls);
    (message, calls[0].lease)
}
