//! Deadlines and senders that give up, while a message waits and during its call.

use crate::check::check;

const ECHO: &str = r#"agents: [(name: "echo", call: Constant("1s"))]"#;

#[track_caller]
fn echo(broker: &str, messages: &str, expected: &str) {
    check(&format!("{ECHO}, broker: ({broker})"), messages, expected);
}

/// One slot, taken until 1: b's deadline passes at 0.5 and b is never called.
#[test]
fn a_message_expires_while_it_waits() {
    echo(
        "",
        "0   a echo
         0.1 b echo; deadline: \"400ms\"",
        "a: delivered 1
         b: expired 0.4
         calls: 1",
    );
}

/// The deadline is the end of the call: deadlines pass only after the settles of their instant.
#[test]
fn a_settle_at_the_deadline_is_in_time() {
    echo("", "0 a echo; deadline: \"1s\"", "a: delivered 1");
}

/// One slot. a expires at 0.4 in its call, whose slot is free at once: b goes from 0.4 to 1.4.
#[test]
fn a_deadline_during_a_call_frees_its_slot_at_once() {
    echo(
        "",
        "0   a echo; deadline: \"400ms\"
         0.1 b echo",
        "a: expired 0.4
         b: delivered 1.3
         calls: 2",
    );
}

/// With a grace of 0.3 the slot is free at 0.7 only: b goes from there to 1.7.
#[test]
fn the_slot_is_free_once_the_handlers_grace_is_over() {
    echo(
        "cancel_grace_ms: 300",
        "0   a echo; deadline: \"400ms\"
         0.1 b echo",
        "a: expired 0.4
         b: delivered 1.6",
    );
}

/// A grace of 5: the handler ends by itself at 1, and needs no more of it: b goes from 1 to 2.
#[test]
fn a_handler_that_ends_within_its_grace_frees_its_slot_then() {
    echo(
        "cancel_grace_ms: 5000",
        "0   a echo; deadline: \"400ms\"
         0.1 b echo",
        "a: expired 0.4
         b: delivered 1.9",
    );
}

/// The sender gives up after 0.4, during the call; what it would have taken is unknown (≥).
#[test]
fn a_sender_that_gives_up_cancels_its_call() {
    echo(
        "",
        "0   a echo; patience: Constant(\"400ms\")
         0.1 b echo",
        "a: cancelled ≥0.4
         b: delivered 1.3",
    );
}

/// A bound of 1, one slot. b waits; c is refused; b's sender gives up at 0.5, and its place is
/// free for d at that instant: cancels come with arrivals, before takes. d goes from 1 to 2.
#[test]
fn a_message_called_back_gives_its_place_back() {
    echo(
        "max_queue_size: 1, reserve: 0",
        "0   a echo
         0.1 b echo; patience: Constant(\"400ms\")
         0.2 c echo
         0.6 d echo",
        "a: delivered 1
         b: cancelled ≥0.4
         c: refused
         d: delivered 1.4",
    );
}

/// One remote server. The broker gave a's call up at 0.4, but the remote side works on until 1
/// and takes b's call then: until 2.
#[test]
fn a_remote_side_that_works_on_keeps_the_next_call_waiting() {
    check(
        r#"agents: [(name: "echo", call: Constant("1s"), servers: 1)]"#,
        "0   a echo; deadline: \"400ms\"
         0.1 b echo",
        "a: expired 0.4
         b: delivered 1.9
         max(service): 1.6",
    );
}

/// The same, of a remote side that stops when told: b's call is worked on from 0.4 to 1.4.
#[test]
fn a_remote_side_that_stops_on_cancel_takes_the_next_call_at_once() {
    check(
        r#"agents: [(name: "echo", call: Constant("1s"), servers: 1, stops_on_cancel: true)]"#,
        "0   a echo; deadline: \"400ms\"
         0.1 b echo",
        "a: expired 0.4
         b: delivered 1.3",
    );
}

/// A batch of two, 1.2 long. a's sender leaves at 0.5; the call goes on for b, and the slot is
/// taken until 1.2: c goes from there to 2.3.
#[test]
fn a_call_goes_on_for_its_batch_mates() {
    check(
        r#"agents: [(name: "rank", per_call: "1s", per_item: Constant("100ms"))],
           broker: (batch_size: 2)"#,
        "0   a rank; patience: Constant(\"500ms\")
         0   b rank
         0.6 c rank",
        "a: cancelled ≥0.5
         b: delivered 1.2
         c: delivered 1.7",
    );
}

/// Both of a batch leave, at 0.5 and at 0.7: from 0.7 on it works for nobody, and its slot is
/// free: c goes from 0.7 to 1.8.
#[test]
fn a_call_that_works_for_nobody_is_dropped() {
    check(
        r#"agents: [(name: "rank", per_call: "1s", per_item: Constant("100ms"))],
           broker: (batch_size: 2)"#,
        "0   a rank; patience: Constant(\"500ms\")
         0   b rank; deadline: \"700ms\"
         0.6 c rank",
        "a: cancelled ≥0.5
         b: expired 0.7
         c: delivered 1.2",
    );
}

/// The call of 0 fails at 1 and is due again at 1.1; the deadline of 1.05 passes meanwhile.
#[test]
fn a_message_expires_while_it_is_delayed() {
    check(
        &format!(
            r#"{ECHO},
               faults: [(agent: "echo", from: "0s", until: "100ms", effect: Fail(1.0))]"#
        ),
        "0 a echo; deadline: \"1050ms\"",
        "a: expired 1.05
         calls: 1",
    );
}
