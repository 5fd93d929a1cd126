//! Core with what stands on its desk, whatever the shape: parcels in, calls out, replies.

use std::sync::Arc;

use ebbtide_core::config::Checked;
use ebbtide_core::event::{Event, Listener, What};
use ebbtide_core::message::{AgentId, Call, LeaseId, WorkerId};
use ebbtide_core::{AgentConfig, BrokerConfig, BrokerState, Settlement, Submission, Verdict};
use ebbtide_policies::fixed::Fixed;
use ebbtide_policies::units::Time;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::cases::{BOUND, Payload};
use crate::tally::Tally;

/// A message, and where its reply goes.
pub(super) type Parcel = Arc<Note>;

pub(super) struct Note {
    message: Payload,
    is_asked: bool,
    reply: Mutex<Option<oneshot::Sender<u64>>>,
}

impl Note {
    pub(super) fn tell(message: Payload) -> Parcel {
        Arc::new(Self {
            message,
            is_asked: false,
            reply: Mutex::new(None),
        })
    }

    pub(super) fn ask(message: Payload) -> (Parcel, oneshot::Receiver<u64>) {
        let (reply, answer) = oneshot::channel();
        let note = Self {
            message,
            is_asked: true,
            reply: Mutex::new(Some(reply)),
        };
        (Arc::new(note), answer)
    }

    /// What a consumer does with it: the sum of what is asked is the callers'.
    pub(super) fn consume(&self, tally: &Tally) {
        if !self.is_asked {
            tally.add(&self.message);
        }
    }

    /// It has its outcome.
    pub(super) fn finish(&self) {
        if let Some(reply) = self.reply.lock().take() {
            // A caller that has gone wants none.
            let _ = reply.send(self.message[7]);
        }
    }
}

/// Core, and the time.
pub(super) struct Desk {
    state: BrokerState<Parcel, Finished>,
    clock: quanta::Clock,
    start: u64,
    calls: Vec<Call>,
}

/// Messages that have their outcome.
#[derive(Default)]
struct Finished(Vec<Parcel>);

impl Listener<Parcel> for Finished {
    #[inline(always)]
    fn hear(&mut self, event: Event<Parcel>) {
        if let What::Finished { payload, .. } = event.what {
            self.0.push(payload);
        }
    }
}

/// What a worker carries to the desk and away from it.
#[derive(Default)]
pub(super) struct Hands {
    pub(super) ended: Vec<LeaseId>,
    pub(super) taken: Vec<(LeaseId, Parcel)>,
    pub(super) finished: Vec<Parcel>,
}

impl Hands {
    /// Calls what was taken and tells what has finished, away from the desk.
    pub(super) fn work(&mut self, tally: &Tally) {
        for parcel in self.finished.drain(..) {
            parcel.finish();
        }
        for (lease, parcel) in self.taken.drain(..) {
            parcel.consume(tally);
            self.ended.push(lease);
        }
    }
}

impl Desk {
    /// With so many workers, named from 0, and one agent.
    pub(super) fn new(workers: u32) -> Self {
        let config = BrokerConfig {
            num_workers: workers,
            max_queue_size: BOUND as u64,
            ..BrokerConfig::default()
        };
        let config = Checked::new(config).expect("it is within its ranges");
        let policy = Box::new(Fixed::at_start_setting());
        let mut state = BrokerState::with_listener(config, policy, Finished::default());
        let added = state.add_agent(Time::ZERO, AgentConfig::new("sum"));
        added.expect("it is the first");
        let clock = quanta::Clock::new();
        let start = clock.raw();
        Self {
            state,
            clock,
            start,
            calls: Vec::new(),
        }
    }

    fn now(&self) -> Time {
        Time::from_nanos(self.clock.delta_as_nanos(self.start, self.clock.raw()))
    }

    /// Hands a message in; there is room for it.
    pub(super) fn submit(&mut self, parcel: Parcel) {
        let now = self.now();
        let submitted = self
            .state
            .submit(now, Submission::new(AgentId(0), now, parcel));
        assert!(submitted.is_ok(), "room was counted");
    }

    /// Settles what has ended and takes what may be taken.
    pub(super) fn visit(&mut self, worker: WorkerId, hands: &mut Hands) {
        let now = self.now();
        for lease in hands.ended.drain(..) {
            let settlement = Settlement::All(Verdict::Delivered);
            let settled = self.state.settle(now, lease, settlement);
            settled.expect("no lease is lost here");
        }
        self.state.take(now, worker, u32::MAX, &mut self.calls);
        for call in self.calls.drain(..) {
            let mut members = self.state.members_of(call.lease);
            let member = members.next().expect("a call has a message");
            hands.taken.push((call.lease, member.payload.clone()));
        }
        std::mem::swap(&mut hands.finished, &mut self.state.listener_mut().0);
    }

    /// Whether a free slot may find something.
    pub(super) fn may_take(&self) -> bool {
        self.state.may_take()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.state.is_idle()
    }
}
