//! Ordering keys: one message of a key after the other, retries and dropped handlers included.

use crate::check::check;

/// Two slots. a and b share a key: b waits for a though a slot is free; c has no key.
#[test]
fn messages_of_a_key_go_one_after_another() {
    check(
        r#"agents: [(name: "echo", call: Constant("1s"))],
           broker: (delivery_parallelism: 2)"#,
        "0 a echo; ordering_keys: 1
         0 b echo; ordering_keys: 1
         0 c echo",
        "a: delivered 1
         b: delivered 2
         c: delivered 1",
    );
}

/// A key is its agent's own: the same key of another agent is another key.
#[test]
fn keys_are_per_agent() {
    check(
        r#"agents: [
               (name: "left", call: Constant("1s")),
               (name: "right", call: Constant("1s")),
           ],
           broker: (delivery_parallelism: 2, bulkhead: "off")"#,
        "0 a left;  ordering_keys: 1
         0 b right; ordering_keys: 1",
        "a: delivered 1
         b: delivered 1",
    );
}

/// a fails at 1, is due at 1.1 and done at 2.1. The key stays its own: b, of the critical lane
/// even, goes from 2.1 to 3.1. c has no key and goes at once.
#[test]
fn a_key_outlasts_retries_whatever_the_lane() {
    check(
        r#"agents: [(name: "echo", call: Constant("1s"))],
           faults: [(agent: "echo", from: "0s", until: "500ms", effect: Fail(1.0))],
           broker: (delivery_parallelism: 2)"#,
        "0   a echo; ordering_keys: 1
         0.1 b echo; ordering_keys: 1, lane: critical
         0.6 c echo",
        "a: delivered 2.1
         b: delivered 3
         c: delivered 1",
    );
}

/// a expires at 0.4 in its call, and its handler has a grace of 0.3: only when the slot is free,
/// at 0.7, may b be called: until 1.7. The slot beside it would have been free all along.
#[test]
fn a_key_is_held_until_the_calls_slot_is_free() {
    check(
        r#"agents: [(name: "echo", call: Constant("1s"))],
           broker: (delivery_parallelism: 2, cancel_grace_ms: 300)"#,
        "0 a echo; ordering_keys: 1, deadline: \"400ms\"
         0 b echo; ordering_keys: 1",
        "a: expired 0.4
         b: delivered 1.7",
    );
}

/// Batches of 3, timeout 0.5. b stands behind a and does not count, so a and c close at 0.5,
/// until 1.7. Then b is the oldest of an open batch that began at 0: closed long since. It goes
/// from 1.7 to 2.8.
#[test]
fn a_batch_takes_one_message_of_a_key() {
    check(
        r#"agents: [(name: "rank", per_call: "1s", per_item: Constant("100ms"))],
           broker: (delivery_parallelism: 2, batch_size: 3, batch_timeout_ms: 500)"#,
        "0 a rank; ordering_keys: 1
         0 b rank; ordering_keys: 1
         0 c rank",
        "a: delivered 1.7
         b: delivered 2.8
         c: delivered 1.7",
    );
}

/// b stands behind a and gives up at 0.5; c is next in the key when a is done.
#[test]
fn who_gives_up_behind_a_key_leaves_the_line() {
    check(
        r#"agents: [(name: "echo", call: Constant("1s"))],
           broker: (delivery_parallelism: 2)"#,
        "0   a echo; ordering_keys: 1
         0.1 b echo; ordering_keys: 1, patience: Constant(\"400ms\")
         0.2 c echo; ordering_keys: 1",
        "a: delivered 1
         b: cancelled ≥0.4
         c: delivered 1.8
         calls: 2",
    );
}
