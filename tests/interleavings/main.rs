//! What shares memory by hand, in every order in which threads may meet: loom runs each test once
//! an order, weak memory included, and finds wake-ups that are lost.
//!
//! The files under test are the broker's own; only what they share memory through is loom's.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../../src/bell.rs"]
#[expect(dead_code, reason = "what is sound on its face is not tried")]
mod bell;
#[path = "../../src/porch.rs"]
#[expect(dead_code, reason = "what is sound on its face is not tried")]
mod porch;
#[path = "../../src/reply.rs"]
mod reply;
mod sync;

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Wake};

use ebbtide_core::Outcome;
use ebbtide_core::message::AgentId;
use loom::future::block_on;
use loom::sync::Arc;
use loom::thread::spawn;

use bell::Bell;
use porch::{Places, Porch};
use reply::{Ending, ReplySlot};

/// A bell that nobody has rung.
fn silent(slots: u32) -> Arc<Bell> {
    let bell = Bell::new(slots);
    bell.take_nudge();
    Arc::new(bell)
}

/// Sleeps until every one of these slots was rung for and the floor has nudged.
async fn hear(bell: &Bell, mut slots: Vec<u32>, mut nudge: bool) {
    poll_fn(|cx| {
        bell.register(cx.waker());
        let mut woken = Vec::new();
        bell.take_woken(&mut woken);
        slots.retain(|slot| !woken.contains(slot));
        nudge &= !bell.take_nudge();
        if slots.is_empty() && !nudge {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

#[test]
fn a_nudge_is_never_lost() {
    loom::model(|| {
        let bell = silent(1);
        let nudger = bell.clone();
        spawn(move || nudger.nudge());
        block_on(hear(&bell, Vec::new(), true));
    });
}

/// Two ringers and a sleeper have too many orders for all of them: those with two preemptions,
/// which is where faults are found (Musuvathi and Qadeer, PLDI 2007).
#[test]
fn slots_of_two_words_are_both_heard() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(|| {
        let bell = silent(65);
        for slot in [0, 64] {
            let ringer = bell.clone();
            spawn(move || ringer.ring_for(slot));
        }
        block_on(hear(&bell, vec![0, 64], false));
    });
}

/// Notes that it was woken.
#[derive(Default)]
struct Noted(AtomicBool);

impl Wake for Noted {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// The rule of the bell's use is what keeps it: in some order whoever looks first and registers
/// after sleeps on, and is found.
#[test]
#[should_panic(expected = "it sleeps on")]
fn a_task_that_looks_before_it_registers_is_caught() {
    loom::model(|| {
        let bell = silent(1);
        let nudger = bell.clone();
        let nudger = spawn(move || nudger.nudge());
        let noted = std::sync::Arc::new(Noted::default());
        let heard = bell.take_nudge();
        bell.register(&noted.clone().into());
        nudger.join().unwrap();
        assert!(heard || noted.0.load(Ordering::SeqCst), "it sleeps on");
    });
}

const DELIVERED: Ending = Ending {
    outcome: Outcome::Delivered,
    attempts: 0,
};

/// A first call's lease is lost, its handler answers all the same while the second one is under
/// way: the caller hears the second, whenever it looks.
#[test]
fn a_caller_hears_the_call_that_counts() {
    loom::model(|| {
        let slot = Arc::new(ReplySlot::default());
        slot.begin(1);
        let (late, second) = (slot.clone(), slot.clone());
        spawn(move || late.offer(1, "late"));
        spawn(move || {
            second.begin(2);
            second.offer(2, "second");
            if let Some(waker) = second.finish(DELIVERED) {
                waker.wake();
            }
        });
        let (ending, reply) = block_on(poll_fn(|cx| slot.poll(cx)));
        assert_eq!((ending, reply), (DELIVERED, Some("second")));
    });
}

/// A caller says who is to be woken before anybody else knows of its message, and need not look.
#[test]
fn a_caller_that_was_known_beforehand_is_woken() {
    loom::model(|| {
        let noted = std::sync::Arc::new(Noted::default());
        let mut slot = ReplySlot::<&str>::default();
        slot.await_by(noted.clone().into());
        let slot = Arc::new(slot);
        let core = slot.clone();
        let finished = spawn(move || {
            let waker = core.finish(DELIVERED);
            waker.into_iter().for_each(std::task::Waker::wake);
        });
        finished.join().unwrap();
        assert!(noted.0.load(Ordering::SeqCst), "it sleeps on");
    });
}

#[test]
fn a_reply_to_a_message_that_expired_is_dropped() {
    loom::model(|| {
        let slot = Arc::new(ReplySlot::default());
        slot.begin(1);
        let (handler, core) = (slot.clone(), slot.clone());
        let expired = Ending {
            outcome: Outcome::Expired,
            attempts: 0,
        };
        spawn(move || handler.offer(1, "too late"));
        spawn(move || {
            let waker = core.finish(expired);
            waker.into_iter().for_each(std::task::Waker::wake);
        });
        let heard = block_on(poll_fn(|cx| slot.poll(cx)));
        assert_eq!(heard, (expired, None));
    });
}

/// Somebody who comes to the floor and lends what is free there; what he lets in, in order.
fn visit(porch: &Porch<u64>, free: u64, closes: bool) -> Vec<u64> {
    let mut list = Vec::new();
    porch.clear(&mut list, closes);
    let mut let_in = std::mem::take(&mut list);
    let lent = |left: usize| Places {
        messages: free.saturating_sub(left as u64),
        bytes: u64::MAX,
    };
    while !porch.lend(lent(let_in.len())) {
        porch.clear(&mut list, true);
        let_in.append(&mut list);
    }
    let_in
}

/// Leaves a message, if there is a place.
fn leave(porch: &Porch<u64>, message: u64) -> bool {
    let place = porch.place(AgentId(0), 1);
    place.map(|place| place.fill(|| message)).is_some()
}

/// One sends twice while another, who holds the floor, stops lending: what was left is let in, by whoever holds
/// the floor last, in order, and nothing is left after that.
#[test]
fn what_is_left_on_the_porch_is_let_in_once_and_in_order() {
    loom::model(|| {
        let porch = Arc::new(Porch::default());
        assert!(porch.lend(Places {
            messages: 2,
            bytes: 2,
        }));
        let sender = porch.clone();
        let sender = spawn(move || [1, 2].map(|message| leave(&sender, message)));
        let mut let_in = visit(&porch, 1, false);
        let_in.extend(visit(&porch, 0, false));
        let left = sender.join().unwrap();
        let was_left = [1, 2].into_iter().zip(left).filter(|it| it.1);
        let was_left: Vec<u64> = was_left.map(|it| it.0).collect();
        assert_eq!(let_in, was_left);
    });
}

/// Two senders never have more places between them than are lent.
#[test]
fn no_more_is_left_on_the_porch_than_there_are_places() {
    loom::model(|| {
        let porch = Arc::new(Porch::default());
        assert!(porch.lend(Places {
            messages: 1,
            bytes: 8,
        }));
        let senders = [1, 2].map(|message| {
            let porch = porch.clone();
            spawn(move || leave(&porch, message))
        });
        // The queue has room for one, which what is let in takes.
        let mut let_in = visit(&porch, 1, false);
        let left = senders.map(|sender| sender.join().unwrap());
        let_in.extend(visit(&porch, 0, true));
        assert_eq!(let_in.len(), left.into_iter().filter(|it| *it).count());
        assert!(let_in.len() <= 1, "{let_in:?}");
    });
}
