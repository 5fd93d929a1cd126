//! How calls and messages end: retries, keys, graces, deadlines, lost workers, batches.

use ebbtide_core::event::{CallEnd, Requeue};
use ebbtide_core::message::{DeadReason, WorkerId};
use ebbtide_core::*;

use crate::rig::{Rig, ms, plain};

#[test]
fn an_attempt_is_spent_by_a_failure_a_panic_and_a_timeout_only() {
    let mut rig = Rig::new(BrokerConfig {
        call_timeout_ms: 10,
        ..plain()
    });
    let echo = rig.agent("echo");
    let message = rig.send(0, echo, 0);
    let call = rig.take(0)[0];
    rig.settle(1, &call, Verdict::Snoozed(ms(5)));
    assert_eq!(
        (rig.take(4).len(), rig.state.attempts(message)),
        (0, Some(0))
    );
    let call = rig.take(5)[0];
    rig.settle(
        6,
        &call,
        Verdict::RateLimited(Some(units::Duration::from_millis(1))),
    );
    let call = rig.take(7)[0];
    assert!(rig.state.worker_lost(ms(8), call.worker));
    rig.state.worker_ready(ms(8), WorkerId(1));
    assert_eq!(rig.state.attempts(message), Some(0));
    let call = rig.take(8)[0];
    rig.state
        .settle(ms(9), call.lease, Settlement::Panicked)
        .expect("in time");
    assert_eq!(rig.state.attempts(message), Some(1));
    assert_eq!(rig.take(9).len(), 1);
    rig.advance(19);
    assert_eq!(rig.state.attempts(message), Some(2), "timed out");
    let call = rig.take(19)[0];
    rig.fail(20, &call);
    assert_eq!(
        rig.outcomes(),
        [(0, Outcome::DeadLettered(DeadReason::AttemptsSpent), 20)]
    );
}

/// A shell that comes back whenever it is told to would never get anywhere.
#[test]
fn no_message_is_called_over_and_over_at_one_instant() {
    let mut rig = Rig::new(BrokerConfig {
        retry_max_attempts: None,
        ..plain()
    });
    let echo = rig.agent("echo");
    rig.send(5, echo, 0);
    let call = rig.take(5)[0];
    rig.settle(5, &call, Verdict::Snoozed(ms(5)));
    assert!(rig.take(5).is_empty(), "a snooze takes a millisecond");
    let call = rig.take(6)[0];
    rig.settle(6, &call, Verdict::Snoozed(ms(0)));
    assert!(rig.take(6).is_empty(), "also one that was over before");
    let call = rig.take(7)[0];
    rig.fail(7, &call);
    assert!(rig.take(7).is_empty(), "no backoff, any number of attempts");
    assert_eq!(rig.state.next_wake().map(|(at, _)| at), Some(ms(8)));
    let call = rig.take(8)[0];
    rig.fail(9, &call);
    assert_eq!(rig.take(9).len(), 1, "its last call is a millisecond ago");
}

#[test]
fn a_settle_at_the_instant_of_the_limit_is_in_time_and_an_extension_moves_it() {
    let mut rig = Rig::new(BrokerConfig {
        call_timeout_ms: 10,
        ..plain()
    });
    let echo = rig.agent("echo");
    rig.send_each(0, echo, 0..2);
    let calls = rig.take(0);
    rig.deliver(10, &calls[0]);
    assert_eq!(rig.state.extend(ms(10), calls[1].lease), Ok(ms(20)));
    rig.advance(19);
    rig.deliver(20, &calls[1]);
    assert_eq!(
        rig.outcomes(),
        [(0, Outcome::Delivered, 10), (1, Outcome::Delivered, 20)]
    );
}

#[test]
fn a_retry_goes_to_the_tail_and_a_lost_workers_messages_to_their_place() {
    let mut rig = Rig::new(plain());
    let echo = rig.agent("echo");
    rig.send_each(0, echo, 0..3);
    let calls = rig.take(0);
    rig.fail(1, &calls[0]);
    assert_eq!(rig.taken(1), [[2]]);
    assert!(rig.state.worker_lost(ms(2), WorkerId(0)));
    rig.state.worker_ready(ms(2), WorkerId(1));
    assert_eq!(rig.taken(2), [[1], [2]], "0 became due at 1");
}

#[test]
fn the_fifth_lost_worker_makes_a_dead_letter() {
    let mut rig = Rig::new(plain());
    let echo = rig.agent("echo");
    rig.send(0, echo, 0);
    for n in 0..5 {
        assert!(rig.outcomes().is_empty());
        assert_eq!(rig.take(u64::from(n)).len(), 1);
        assert!(rig.state.worker_lost(ms(u64::from(n)), WorkerId(n)));
        rig.state.worker_ready(ms(u64::from(n)), WorkerId(n + 1));
    }
    assert_eq!(
        rig.outcomes(),
        [(0, Outcome::DeadLettered(DeadReason::WorkersLost), 4)]
    );
}

#[test]
fn a_deadline_during_a_call_gives_the_outcome_at_once_and_the_slot_after_the_grace() {
    let mut rig = Rig::new(BrokerConfig {
        cancel_grace_ms: 5,
        delivery_parallelism: 1,
        ..plain()
    });
    let echo = rig.agent("echo");
    rig.send_with(0, echo, 0, |it| it.deadline = Some(ms(10)));
    rig.send(0, echo, 1);
    let call = rig.take(0)[0];
    rig.advance(10);
    assert_eq!(rig.outcomes(), [(0, Outcome::Expired, 10)]);
    assert!(rig.take(14).is_empty(), "the handler has its grace");
    assert_eq!(rig.taken(15), [[1]]);
    let late = rig
        .state
        .settle(ms(16), call.lease, Settlement::All(Verdict::Delivered));
    assert_eq!((late, rig.state.books().late), (Err(LateSettle), 1));
}

#[test]
fn a_handler_that_ends_within_its_grace_frees_its_slot() {
    let mut rig = Rig::new(BrokerConfig {
        cancel_grace_ms: 50,
        delivery_parallelism: 1,
        ..plain()
    });
    let echo = rig.agent("echo");
    let first = rig.send(0, echo, 0);
    rig.send(0, echo, 1);
    let call = rig.take(0)[0];
    assert!(rig.state.cancel(ms(1), first));
    assert!(!rig.state.cancel(ms(1), first), "one outcome");
    assert!(rig.take(2).is_empty());
    let late = rig
        .state
        .settle(ms(3), call.lease, Settlement::All(Verdict::Delivered));
    assert_eq!(late, Err(LateSettle));
    assert_eq!(rig.taken(3), [[1]]);
}

#[test]
fn a_call_goes_on_for_its_batch_mates() {
    let mut rig = Rig::new(BrokerConfig {
        batch_size: 2,
        batch_timeout_ms: 0,
        ..plain()
    });
    let batch = rig.batch_agent("batch");
    let first = rig.send(0, batch, 0);
    rig.send(0, batch, 1);
    let call = rig.take(0)[0];
    assert!(rig.state.cancel(ms(1), first));
    let each = [Verdict::Failed, Verdict::Delivered];
    rig.state
        .settle(ms(2), call.lease, Settlement::Each(&each))
        .expect("one still waits for it");
    assert_eq!(
        rig.outcomes(),
        [(0, Outcome::Cancelled, 1), (1, Outcome::Delivered, 2)]
    );
    let ends = rig.events().iter().filter_map(|event| match event.what {
        What::Ended { how, .. } => Some(how),
        _ => None,
    });
    assert_eq!(ends.collect::<Vec<_>>(), [CallEnd::Succeeded]);
}

#[test]
fn a_message_without_a_verdict_has_failed() {
    let mut rig = Rig::new(BrokerConfig {
        batch_size: 2,
        batch_timeout_ms: 0,
        ..plain()
    });
    let batch = rig.batch_agent("batch");
    rig.send_each(0, batch, 0..2);
    let call = rig.take(0)[0];
    rig.state
        .settle(ms(1), call.lease, Settlement::Each(&[Verdict::Delivered]))
        .expect("in time");
    let back = rig.events().iter().find_map(|event| match event.what {
        What::Requeued { why, attempts, .. } => Some((why, attempts)),
        _ => None,
    });
    assert_eq!(back, Some((Requeue::Retry, 1)));
}

#[test]
fn an_ordering_key_keeps_its_order_through_retries_and_lanes() {
    let mut rig = Rig::new(BrokerConfig {
        retry_backoff_ms: 10,
        ..plain()
    });
    let echo = rig.agent("echo");
    let keyed = |it: &mut Submission<u32>| it.ordering_key = Some(7);
    rig.send_with(0, echo, 0, keyed);
    rig.send_with(0, echo, 1, |it| {
        keyed(it);
        it.lane = Lane::Critical;
    });
    rig.send(0, echo, 2);
    let calls = rig.take(0);
    assert_eq!(
        rig.names(calls[0].lease),
        [0],
        "first due first, whatever the lane"
    );
    rig.fail(1, &calls[0]);
    assert!(
        rig.take(10).is_empty(),
        "the key is its own while it is delayed"
    );
    let retry = rig.take(11);
    assert_eq!(rig.names(retry[0].lease), [0]);
    rig.deliver(12, &retry[0]);
    assert_eq!(rig.taken(12), [[1]]);
}

#[test]
fn an_ordering_key_waits_for_the_slot_of_every_call_of_its_holder() {
    let config = BrokerConfig {
        call_timeout_ms: 10,
        cancel_grace_ms: 30,
        ..plain()
    };
    let mut rig = Rig::new(config);
    let echo = rig.agent("echo");
    for n in 0..2 {
        rig.send_with(0, echo, n, |it| it.ordering_key = Some(7));
    }
    assert_eq!(rig.taken(0), [[0]]);
    let retry = rig.take(10);
    assert_eq!(
        rig.names(retry[0].lease),
        [0],
        "timed out; the old handler has its grace"
    );
    rig.deliver(15, &retry[0]);
    assert!(
        rig.take(39).is_empty(),
        "the old handler may still be at work"
    );
    assert_eq!(rig.taken(40), [[1]]);
}

#[test]
fn a_batch_closes_by_its_oldest_and_one_message_a_key_counts() {
    let mut rig = Rig::new(BrokerConfig {
        batch_size: 3,
        batch_timeout_ms: 50,
        ..plain()
    });
    let batch = rig.batch_agent("batch");
    for n in 0..3 {
        rig.send_with(0, batch, n, |it| it.ordering_key = Some(7));
    }
    rig.send(10, batch, 3);
    assert!(rig.take(49).is_empty(), "two count, not four");
    assert_eq!(rig.state.next_wake().map(|(at, _)| at), Some(ms(50)));
    assert_eq!(rig.taken(50), [[0, 3]]);
}

#[test]
fn a_batch_ranks_by_its_highest_lane_and_takes_what_is_overdue_first() {
    let mut waits = [None; 5];
    waits[Lane::Bulk.index()] = Some(20);
    let config = BrokerConfig {
        batch_size: 3,
        batch_timeout_ms: 0,
        lane_max_wait_ms: waits,
        delivery_parallelism: 1,
        ..plain()
    };
    let mut rig = Rig::new(config);
    let batch = rig.batch_agent("batch");
    let other = rig.agent("other");
    let lane = |lane| move |it: &mut Submission<u32>| it.lane = lane;
    rig.send(0, other, 9);
    rig.send_with(0, other, 8, lane(Lane::High));
    let held = rig.take(0)[0];
    rig.send_with(1, batch, 0, lane(Lane::Bulk));
    rig.send_with(2, batch, 1, lane(Lane::Low));
    rig.send_with(3, batch, 2, lane(Lane::Critical));
    rig.send_with(4, batch, 3, lane(Lane::Critical));
    rig.deliver(10, &held);
    let first = rig.take(10)[0];
    assert_eq!(
        rig.names(first.lease),
        [2, 3, 1],
        "lane by lane, before the normal lane's"
    );
    rig.fail(30, &first);
    assert_eq!(rig.taken(30), [[0, 2, 3]], "0 is due for 29 of 20 ms");
}
