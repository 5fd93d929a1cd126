//! What is told of a message that did not go well.

use ebbtide_core::config::BreakerConfig;
use ebbtide_core::history::{History, SetbackKind};
use ebbtide_core::message::WorkerId;
use ebbtide_core::*;

use crate::rig::{Rig, ms, plain};

/// Histories so far: the message's name, and what was told.
fn histories(rig: &mut Rig) -> Vec<(u32, History)> {
    let events = rig.events();
    let told = events.windows(2).filter_map(|pair| {
        let What::History { message, history } = &pair[0].what else {
            return None;
        };
        match &pair[1].what {
            What::Finished {
                message: finished,
                payload,
                ..
            } if finished == message => Some((*payload, (**history).clone())),
            other => panic!("not right before its outcome, but before {other:?}"),
        }
    });
    told.collect()
}

fn hows(history: &History) -> Vec<(u64, u64, SetbackKind, bool)> {
    let millis = |time: units::Time| time.as_nanos() / 1_000_000;
    let setbacks = history.setbacks.iter();
    setbacks
        .map(|it| {
            (
                millis(it.started),
                millis(it.ended),
                it.how,
                it.spent_attempt,
            )
        })
        .collect()
}

#[test]
fn a_dead_letter_tells_each_of_its_setbacks() {
    let mut rig = Rig::new(BrokerConfig {
        call_timeout_ms: 10,
        ..plain()
    });
    let echo = rig.agent("echo");
    rig.send_each(0, echo, 0..2);
    let calls = rig.take(0);
    rig.deliver(1, &calls[1]);
    rig.settle(1, &calls[0], Verdict::Snoozed(ms(5)));
    let call = rig.take(5)[0];
    rig.settle(6, &call, Verdict::RateLimited(None));
    let call = rig.take(7)[0];
    assert!(rig.state.worker_lost(ms(8), call.worker));
    rig.state.worker_ready(ms(8), WorkerId(1));
    let call = rig.take(8)[0];
    let panicked = rig.state.settle(ms(9), call.lease, Settlement::Panicked);
    panicked.expect("in time");
    rig.take(9);
    let call = rig.take(19)[0];
    rig.fail(20, &call);
    let told = histories(&mut rig);
    assert_eq!(told.len(), 1, "what went well has none");
    let (name, history) = &told[0];
    let expected = [
        (0, 1, SetbackKind::Snoozed, false),
        (5, 6, SetbackKind::RateLimited, false),
        (7, 8, SetbackKind::WorkerLost, false),
        (8, 9, SetbackKind::Panicked, true),
        (9, 19, SetbackKind::TimedOut, true),
        (19, 20, SetbackKind::Failed, true),
    ];
    assert_eq!((*name, hows(history).as_slice()), (0, expected.as_slice()));
    let counts = (history.calls, history.attempts);
    assert_eq!(counts, (6, 3));
    assert_eq!((history.snoozes, history.workers_lost), (1, 1));
}

#[test]
fn a_failed_probe_is_told_as_one_that_spent_nothing() {
    let mut rig = Rig::new(BrokerConfig {
        breaker: Some(BreakerConfig {
            failures_in_a_row: 1,
            open_ms: 10,
            ..BreakerConfig::default()
        }),
        ..plain()
    });
    let echo = rig.agent("echo");
    rig.send(0, echo, 0);
    for (start, end) in [(0, 1), (11, 12)] {
        let call = rig.take(start)[0];
        rig.fail(end, &call);
    }
    let call = rig.take(22)[0];
    rig.deliver(23, &call);
    let told = histories(&mut rig);
    let expected = [
        (0, 1, SetbackKind::Failed, true),
        (11, 12, SetbackKind::Failed, false),
    ];
    assert_eq!(hows(&told[0].1), expected, "delivered in the end");
}

#[test]
fn the_last_sixteen_setbacks_are_kept_and_a_row_used_again_starts_afresh() {
    let mut rig = Rig::new(plain());
    let echo = rig.agent("echo");
    let snoozed = rig.send(0, echo, 0);
    for at in 0..20 {
        let call = rig.take(2 * at)[0];
        rig.settle(2 * at, &call, Verdict::Snoozed(ms(2 * at + 2)));
    }
    assert!(rig.state.cancel(ms(39), snoozed));
    rig.send(40, echo, 1);
    let call = rig.take(40)[0];
    rig.deliver(41, &call);
    let told = histories(&mut rig);
    assert_eq!(told.len(), 1);
    let history = &told[0].1;
    assert_eq!((history.snoozes, history.forgotten), (20, 4));
    assert_eq!(history.setbacks.len(), 16);
    assert_eq!(history.setbacks[0].started, ms(8));
}
