//! From an erased message to a typed handler and back: how a call is started whatever its
//! agent's types are.
//!
//! A slot keeps one box for the futures of its calls, one after another: starting a call
//! allocates only when the slot's last call was another agent's.

use std::any::TypeId;
use std::future::Future;
use std::sync::Arc;

use tokio_util::sync::ReusableBoxFuture;

use crate::agent::{Agent, Batch, BatchAgent, typed};
use crate::context::Context;
use crate::failure::{Failure, Said};
use crate::headers::Headers;
use crate::parcel::Parcel;
use crate::reply::ReplySlot;

/// A message of a call, and which of its calls this is.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) parcel: Parcel,
    pub(crate) call: u32,
}

impl std::fmt::Debug for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Member")
            .field("call", &self.call)
            .finish_non_exhaustive()
    }
}

/// What a call carries.
#[derive(Debug)]
pub(crate) enum Load {
    One(Member),
    Many(Vec<Member>),
}

impl Load {
    /// Those of its first message.
    pub(crate) fn headers(&self) -> Headers {
        let first = match self {
            Self::One(member) => Some(member),
            Self::Many(members) => members.first(),
        };
        first.map_or_else(Headers::default, |first| first.parcel.headers().clone())
    }
}

/// What came of a call.
#[derive(Debug)]
pub(crate) enum Done {
    One(Said),
    Each(Vec<Said>),
    /// With the text of the panic.
    Panicked(String),
}

/// A call's future, in a box that is used again.
pub(crate) type CallFuture = ReusableBoxFuture<'static, Done>;

/// An agent whose types are erased.
pub(crate) trait Runner: Send + Sync + 'static {
    /// Puts a call's future into `future`.
    fn start(self: Arc<Self>, load: Load, context: Context, future: &mut CallFuture);
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
pub(crate) struct Single<A>(pub(crate) A);

impl<A: Agent> Runner for Single<A> {
    fn start(self: Arc<Self>, load: Load, context: Context, future: &mut CallFuture) {
        match load {
            Load::One(member) => future.set(async move {
                let handled = self.0.handle(typed(&member), &context).await;
                Done::One(conclude(&member, handled))
            }),
            // Core gives an agent that is no batch agent one message a call.
            Load::Many(members) => future.set(async move {
                let mut said = Vec::with_capacity(members.len());
                for member in &members {
                    let handled = self.0.handle(typed(member), &context).await;
                    said.push(conclude(member, handled));
                }
                Done::Each(said)
            }),
        }
    }

    fn is_batch(&self) -> bool {
        false
    }

    fn types(&self) -> Types {
        Types::of::<A::Message, A::Reply>()
    }
}

/// An agent that takes a batch a call.
pub(crate) struct Whole<A>(pub(crate) A);

impl<A: BatchAgent> Runner for Whole<A> {
    fn start(self: Arc<Self>, load: Load, context: Context, future: &mut CallFuture) {
        let members = match load {
            Load::One(member) => vec![member],
            Load::Many(members) => members,
        };
        future.set(async move {
            let handled = self.0.handle(Batch::new(&members), &context).await;
            let said = members.iter().zip(handled);
            Done::Each(said.map(|(member, one)| conclude(member, one)).collect())
        });
    }

    fn is_batch(&self) -> bool {
        true
    }

    fn types(&self) -> Types {
        Types::of::<A::Message, A::Reply>()
    }
}

/// Leaves a handler's reply where its caller finds it, or its complaint with the message.
fn conclude<R: Send + 'static>(member: &Member, handled: Result<R, Failure>) -> Said {
    match handled {
        Ok(reply) => {
            let slot = member.parcel.reply_slot();
            if let Some(slot) = slot.and_then(|slot| slot.downcast_ref::<ReplySlot<R>>()) {
                slot.offer(member.call, reply);
            }
            Said::Delivered
        }
        Err(failure) => {
            member.parcel.notes().add(failure.to_string());
            failure.said
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
