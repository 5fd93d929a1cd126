//! From an erased message to a typed handler and back: how a call is started whatever its
//! agent's types are.
//!
//! A slot keeps one box for the futures of its calls, one after another: starting a call
//! allocates only when the slot's last call was another agent's.

use ebbtide_policies::counted::Counted;
use std::any::TypeId;
use std::future::Future;
use std::iter::once_with;
use std::sync::Arc;

use ebbtide_core::message::LeaseId;
use tokio_util::sync::ReusableBoxFuture;

use crate::agent::{Agent, Batch, BatchAgent};
use crate::contained::Contained;
use crate::context::{CallControl, Context};
use crate::failure::{Failure, Said};
use crate::headers::Headers;
use crate::parcel::{Parcel, open};
use crate::reply::ReplySlot;

/// A message of a call, and which of its calls this is.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) parcel: Parcel,
    pub(crate) call: u64,
}

impl Member {
    /// Puts a message whose call begins into its load: made where it stays. Its headers.
    #[inline(always)]
    pub(crate) fn begin<'a>(
        load: &mut Vec<Self>,
        member: &ebbtide_core::Member<'a, Parcel>,
    ) -> &'a Headers {
        let call = u64::from(member.calls);
        load.extend(once_with(|| Self {
            parcel: member.payload.clone(),
            call,
        }));
        member.payload.begin(call)
    }
}

impl std::fmt::Debug for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Member")
            .field("call", &self.call)
            .finish_non_exhaustive()
    }
}

/// What a call carries, and what its handler is told. A slot's calls use one after another.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) members: Vec<Member>,
    pub(crate) context: Context,
}

impl Load {
    /// Of a call, to be filled in.
    pub(crate) fn of(lease: LeaseId, control: Arc<CallControl>) -> Box<Self> {
        Box::new(Self {
            members: Vec::new(),
            context: Context::of(lease, control),
        })
    }

    /// Its call has ended.
    fn clear(&mut self) {
        self.members.clear();
        self.context.headers = Headers::NONE;
    }
}

/// What came of a call. Mostly there is nothing to say, and it fits into a register.
#[derive(Debug)]
pub(crate) enum Done {
    /// Its only message was delivered.
    Delivered,
    Otherwise(Box<Otherwise>),
}

#[derive(Debug)]
pub(crate) enum Otherwise {
    One(Said),
    Each(Vec<Said>),
    /// With the text of the panic.
    Panicked(String),
}

impl Done {
    #[inline]
    fn one(said: Said) -> Self {
        match said {
            Said::Delivered => Self::Delivered,
            said => Self::Otherwise(Box::new(Otherwise::One(said))),
        }
    }

    fn each(said: Vec<Said>) -> Self {
        Self::Otherwise(Box::new(Otherwise::Each(said)))
    }

    pub(crate) fn panicked(text: String) -> Self {
        Self::Otherwise(Box::new(Otherwise::Panicked(text)))
    }
}

/// A call's future, in a box that is used again. Its load comes back with the result, without its
/// messages.
pub(crate) type CallFuture = ReusableBoxFuture<'static, (Done, Box<Load>)>;

/// An agent whose types are erased.
pub(crate) trait Runner: Send + Sync + 'static {
    /// Puts a call's future into `future`.
    fn start(self: Arc<Self>, load: Box<Load>, future: &mut CallFuture);
    fn is_batch(&self) -> bool;
    fn types(&self) -> Types;
}

/// What an agent takes and gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Types {
    pub(crate) message: TypeId,
    pub(crate) reply: TypeId,
    /// For error texts.
    pub(crate) names: (&'static str, &'static str),
}

impl Types {
    pub(crate) fn of<M: 'static, R: 'static>() -> Self {
        Self {
            message: TypeId::of::<M>(),
            reply: TypeId::of::<R>(),
            names: (std::any::type_name::<M>(), std::any::type_name::<R>()),
        }
    }
}

/// An agent that takes one message a call.
pub(crate) struct Single<A>(Contained<A>);

impl<A> Single<A> {
    pub(crate) fn new(agent: A) -> Self {
        Self(Contained::new(agent))
    }
}

impl<A: Agent> Runner for Single<A> {
    fn start(self: Arc<Self>, mut load: Box<Load>, future: &mut CallFuture) {
        future.set(async move {
            let done = match load.members.as_slice() {
                [member] => {
                    let (message, reply) = open(&*member.parcel);
                    let handled = self.0.handle(message, &load.context).await;
                    Done::one(conclude(member, reply, handled))
                }
                // Core gives an agent that is no batch agent one message a call.
                members => {
                    let mut said = Vec::with_capacity(members.len());
                    for member in members {
                        let (message, reply) = open(&*member.parcel);
                        let handled = self.0.handle(message, &load.context).await;
                        said.push(conclude(member, reply, handled));
                    }
                    Done::each(said)
                }
            };
            load.clear();
            (done, load)
        });
    }

    fn is_batch(&self) -> bool {
        false
    }

    fn types(&self) -> Types {
        Types::of::<A::Message, A::Reply>()
    }
}

/// An agent that takes a batch a call.
pub(crate) struct Whole<A>(Contained<A>);

impl<A> Whole<A> {
    pub(crate) fn new(agent: A) -> Self {
        Self(Contained::new(agent))
    }
}

impl<A: BatchAgent> Runner for Whole<A> {
    fn start(self: Arc<Self>, mut load: Box<Load>, future: &mut CallFuture) {
        future.set(async move {
            let batch = Batch::new(&load.members);
            let handled = self.0.handle(batch, &load.context).await;
            let mut handled = handled.into_iter();
            let said = load.members.iter().zip(&mut handled);
            let conclude = |(member, one): (&Member, _)| {
                let (_, reply) = open::<A::Message, _>(&*member.parcel);
                conclude(member, reply, one)
            };
            let said: Vec<_> = said.map(conclude).collect();
            note_unanswered(&load.members, said.len());
            // Answers that nobody has asked for.
            handled.for_each(|one| drop(one.map(Contained::new)));
            load.clear();
            (Done::each(said), load)
        });
    }

    fn is_batch(&self) -> bool {
        true
    }

    fn types(&self) -> Types {
        Types::of::<A::Message, A::Reply>()
    }
}

/// Says with messages of a batch that only so many answers came; those without have failed.
fn note_unanswered(members: &[Member], answers: usize) {
    for member in &members[answers..] {
        let batch = Counted(members.len() as u64, "message");
        let answers = Counted(answers as u64, "answer");
        let text = format!("the batch of {batch} got {answers}");
        member.parcel.notes().add(text);
    }
}

/// Leaves a handler's reply where its caller finds it, or its complaint with the message.
#[inline(always)]
fn conclude<R>(
    member: &Member,
    slot: Option<&ReplySlot<Contained<R>>>,
    handled: Result<R, Failure>,
) -> Said {
    match handled {
        Ok(reply) => {
            let reply = Contained::new(reply);
            if let Some(slot) = slot {
                slot.offer(member.call, reply);
            }
            Said::Delivered
        }
        Err(failure) => {
            member.parcel.notes().add(failure.to_string());
            failure.said()
        }
    }
}

/// A box with nothing to do in it.
pub(crate) fn idle_future() -> CallFuture {
    ReusableBoxFuture::new(std::future::pending())
}

/// Futures of calls are sent between threads.
const _: fn() = || {
    fn is_future<T: Future + Send>() {}
    is_future::<CallFuture>();
};
