//! Hears what happens in core, as it happens: what must be done about it, and what is counted.
//!
//! It is called in the midst of core's work and under the broker's lock, so it only writes
//! down: endings to be told, news for the floor, figures, dead letters, notices for whoever
//! listens.

use std::iter::once_with;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ebbtide_core::event::{CallEnd, DecisionRecord, Event, Listener, What, WorkerChange};
use ebbtide_core::history::History;
use ebbtide_core::message::{AgentId, LeaseId, Outcome, WorkerId};
use ebbtide_policies::units::Time;

use crate::contained::panic_text;
use crate::dead::{DeadLetters, Death, Weight};
use crate::decision_log::DecisionLog;
use crate::figures::Figures;
use crate::guard::Panicked;
use crate::keys::{RecentKeys, To};
use crate::notice::{Happening, Notices};
use crate::observer::Hears;
use crate::parcel::Parcel;
use crate::reply::Ending;

/// What core said that the floor has not heeded yet, and the figures.
pub(crate) struct Ear {
    pub(crate) endings: Vec<(Parcel, Ending)>,
    pub(crate) news: Vec<News>,
    /// To be dropped, which runs code of the user's.
    pub(crate) drops: Vec<Parcel>,
    /// An observer that panicked and what its panic carried, to be dropped so too.
    pub(crate) gone: Vec<Box<dyn Send>>,
    /// That of the message that is about to have its outcome, if it has one.
    history: Option<Box<History>>,
    /// That of the message that is about to be a dead letter.
    weight: Weight,
    /// The last call whose time ran out.
    timed_out: Option<LeaseId>,
    pub(crate) figures: Figures,
    pub(crate) dead: DeadLetters,
    pub(crate) keys: RecentKeys,
    pub(crate) notices: Notices,
    pub(crate) log: Option<DecisionLog>,
    /// What the policy in force said when it panicked.
    pub(crate) panicked: Panicked,
    pub(crate) observer: Option<Box<dyn Hears>>,
}

/// What the floor must do something about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// A handler works for nobody; whether since it took too long.
    Abandoned(WorkerId, LeaseId, TimedOut),
    Worker(WorkerId, WorkerChange),
    /// The policy is to be replaced.
    PolicyPanicked,
}

/// Whether a call's time ran out.
pub(crate) type TimedOut = bool;

impl Ear {
    pub(crate) fn new(
        dead_letters: usize,
        keys: RecentKeys,
        log: Option<DecisionLog>,
        observer: Option<Box<dyn Hears>>,
    ) -> Self {
        Self {
            endings: Vec::new(),
            news: Vec::new(),
            drops: Vec::new(),
            gone: Vec::new(),
            history: None,
            weight: Weight::default(),
            timed_out: None,
            figures: Figures::default(),
            dead: DeadLetters::new(dead_letters),
            keys,
            notices: Notices::default(),
            log,
            panicked: Panicked::default(),
            observer,
        }
    }

    #[cold]
    fn decided(&mut self, at: Time, record: Box<DecisionRecord>) {
        if let Some(text) = self.panicked.lock().take() {
            self.notices.tell(at, || Happening::PolicyPanicked { text });
            self.news.push(News::PolicyPanicked);
        }
        self.figures.decided(at, &record);
        if record.applied != record.before {
            self.notices.tell(at, || Happening::Steered {
                before: record.before,
                now: record.applied,
                reason: record.decision.reason.clone(),
            });
        }
        if let Some(log) = &mut self.log {
            log.write(record);
        }
    }

    /// What is rare.
    #[cold]
    fn tell(&mut self, at: Time, what: &What<Parcel>) {
        let happening = match *what {
            What::Breaker { agent, state } => {
                self.figures.agent(agent).breaker = state;
                Happening::Breaker { agent, state }
            }
            What::Paused { agent, until } => Happening::AgentPaused { agent, until },
            What::Resumed { agent } => Happening::AgentResumed { agent },
            What::LanePaused { lane, until } => Happening::LanePaused { lane, until },
            What::LaneResumed { lane } => Happening::LaneResumed { lane },
            What::GivenUp {
                size,
                units,
                ordering_key,
                ..
            } => {
                self.weight = Weight {
                    size,
                    units,
                    ordering_key,
                };
                return;
            }
            What::QueueWarning { above, queued } => Happening::QueueWarning { above, queued },
            _ => return,
        };
        self.notices.tell(at, || happening);
    }

    #[cold]
    fn timed_out(&mut self, at: Time, lease: LeaseId, agent: AgentId) {
        self.timed_out = Some(lease);
        self.notices.tell(at, || Happening::CallTimedOut { agent });
    }

    #[cold]
    fn bury(&mut self, death: Death) {
        let (agent, reason, attempts) = (death.account.agent, death.reason, death.attempts);
        self.notices.tell(death.at, || Happening::DeadLettered {
            agent,
            reason,
            attempts,
        });
        let oldest = self.dead.bury(death);
        self.drops.extend(oldest);
    }

    #[cold]
    fn worker(&mut self, at: Time, worker: WorkerId, state: WorkerChange) {
        self.figures.worker(at, worker, state);
        self.news.push(News::Worker(worker, state));
    }
}

impl Listener<Parcel> for Ear {
    #[inline(always)]
    fn hear(&mut self, event: Event<Parcel>) {
        if self.observer.is_some() {
            self.hear_observed(event);
        } else {
            self.note(event);
        }
    }
}

impl Ear {
    #[cold]
    #[inline(never)]
    fn hear_observed(&mut self, event: Event<Parcel>) {
        if let Some(mut observer) = self.observer.take() {
            let heard = catch_unwind(AssertUnwindSafe(|| observer.hear(&event)));
            if let Err(panic) = heard {
                let text = panic_text(&*panic);
                let what = || Happening::ObserverPanicked { text };
                self.notices.tell(event.at, what);
                self.gone.push(Box::new(panic));
                self.gone.push(Box::new(observer));
            } else {
                self.observer = Some(observer);
            }
        }
        self.note(event);
    }

    /// Where core says something it knows what it says: there only that arm is left of the match,
    /// and no event is made in memory.
    #[inline(always)]
    fn note(&mut self, event: Event<Parcel>) {
        let at = event.at;
        match event.what {
            What::Accepted { account, .. } => self.figures.accepted(account),
            What::Refused { account, .. } => self.figures.refused(account),
            What::Taken {
                account,
                sent,
                first,
                ..
            } => self.figures.taken(account, first.then(|| at.since(sent))),
            What::Started { agent, worker, .. } => self.figures.started(agent, worker),
            What::Ended {
                lease,
                agent,
                started,
                how,
                ..
            } => {
                self.figures.ended(agent, how, at.since(started));
                if how == CallEnd::TimedOut {
                    self.timed_out(at, lease, agent);
                }
            }
            What::SlotFreed { worker, agent } => self.figures.slot_freed(worker, agent),
            What::Requeued { account, .. } => self.figures.requeued(account),
            What::History { history, .. } => self.history = Some(history),
            What::Finished {
                message,
                kind,
                account,
                sent,
                outcome,
                was,
                attempts,
                payload,
                ..
            } => {
                self.figures.finished(account, outcome, was, at.since(sent));
                let key = self.keys.ended(message, outcome == Outcome::Delivered);
                let history = self.history.take();
                if let Outcome::DeadLettered(reason) = outcome {
                    self.bury(Death {
                        at,
                        sent,
                        account,
                        kind,
                        reason,
                        attempts,
                        weight: self.weight,
                        history: history.map(|history| *history).unwrap_or_default(),
                        key: key.filter(|(to, _)| matches!(to, To::Agent(_))),
                        parcel: payload.clone(),
                    });
                }
                let ending = || (payload, Ending { outcome, attempts });
                self.endings.extend(once_with(ending));
            }
            What::Abandoned { lease, worker } => {
                let timed_out = self.timed_out == Some(lease);
                self.news.push(News::Abandoned(worker, lease, timed_out));
            }
            What::Worker { worker, state } => self.worker(at, worker, state),
            What::Decided(record) => self.decided(at, record),
            what => self.tell(at, &what),
        }
    }
}
