//! Batches: when they close, what they carry, and whom they do not keep waiting.

use crate::check::check;

/// A batch agent of 1 s and 0.1 s a message.
const RANK: &str = r#"agents: [(name: "rank", per_call: "1s", per_item: Constant("100ms"))]"#;

#[track_caller]
fn rank(broker: &str, messages: &str, expected: &str) {
    check(&format!("{RANK}, broker: ({broker})"), messages, expected);
}

/// Two slots, batches of 3, timeout 0: three go at 0 and take 1 + 0.3; the fourth goes at once
/// in the other slot and takes 1 + 0.1.
#[test]
fn four_messages_make_a_batch_of_three_and_one_of_one() {
    let broker = "delivery_parallelism: 2, batch_size: 3";
    let four = "0 a rank
                0 b rank
                0 c rank
                0 d rank";
    let expected = "a: delivered 1.3
                    b: delivered 1.3
                    c: delivered 1.3
                    d: delivered 1.1
                    calls: 2
                    batch_mean: 2";
    rank(broker, four, expected);
}

/// The same broker, an ordinary agent of 1 s: two calls at 0, two when those end at 1.
#[test]
fn an_ordinary_agent_knows_no_batches() {
    check(
        r#"agents: [(name: "echo", call: Constant("1s"))],
           broker: (delivery_parallelism: 2, batch_size: 3)"#,
        "0 a echo
         0 b echo
         0 c echo
         0 d echo",
        "a: delivered 1
         b: delivered 1
         c: delivered 2
         d: delivered 2
         calls: 4
         utilisation: 0.2",
    );
}

/// Batches of 3, timeout 0.5: two messages do not fill it, so it closes 0.5 after the first,
/// at 0.5, and takes 1.2 until 1.7. 1.7 − 0 and 1.7 − 0.2.
#[test]
fn a_batch_that_does_not_fill_closes_after_its_timeout() {
    rank(
        "delivery_parallelism: 2, batch_size: 3, batch_timeout_ms: 500",
        "0   a rank
         0.2 b rank",
        "a: delivered 1.7
         b: delivered 1.5
         calls: 1
         mean(wait): 0.4",
    );
}

/// Batches of 2, timeout 0.9: the second message fills it at 0.3, and it goes then: 0.3 + 1.2.
#[test]
fn a_full_batch_does_not_wait_for_its_timeout() {
    rank(
        "batch_size: 2, batch_timeout_ms: 900",
        "0   a rank
         0.3 b rank",
        "a: delivered 1.5
         b: delivered 1.2
         calls: 1",
    );
}

/// Timeout 0.4 from the oldest, not from the last: it closes at 0.4. The message of that very
/// instant comes before takes and is in it: 0.4 + 1 + 0.3 = 1.7.
#[test]
fn the_timeout_runs_from_the_oldest_message_and_the_last_instant_counts() {
    rank(
        "batch_size: 20, batch_timeout_ms: 400",
        "0   a rank
         0.3 b rank
         0.4 c rank",
        "a: delivered 1.7
         b: delivered 1.4
         c: delivered 1.3
         batch_mean: 3",
    );
}

/// The agent caps size at 2 and timeout at 0.2 though the broker has 20 and 0.9: two go at 0
/// until 1.2, the third closes at 0.2 and takes 1.1 until 1.3.
#[test]
fn an_agents_own_caps_bind_the_brokers_setting() {
    check(
        r#"agents: [(
               name: "rank",
               per_call: "1s",
               per_item: Constant("100ms"),
               protect: (max_batch: 2, max_batch_timeout: "200ms"),
           )],
           broker: (delivery_parallelism: 2, batch_size: 20, batch_timeout_ms: 900)"#,
        "0 a rank
         0 b rank
         0 c rank",
        "a: delivered 1.2
         b: delivered 1.2
         c: delivered 1.3",
    );
}

/// Without batching every call carries one message and none waits: 1 + 0.1 each.
#[test]
fn batching_switched_off_means_batches_of_one() {
    rank(
        "enable_batching: false, delivery_parallelism: 2, batch_size: 20, batch_timeout_ms: 900",
        "0 a rank
         0 b rank",
        "a: delivered 1.1
         b: delivered 1.1
         batch_mean: 1",
    );
}

/// One slot, timeout 0.1. The batch of 0.1 closes at 0.2, but the slot is taken until 1: until
/// then it is nobody's and goes on filling. At 1 it takes both: 1 + 1.2 = 2.2.
#[test]
fn a_closed_batch_fills_on_until_a_slot_takes_it() {
    check(
        r#"agents: [
               (name: "echo", call: Constant("1s")),
               (name: "rank", per_call: "1s", per_item: Constant("100ms")),
           ],
           broker: (batch_size: 20, batch_timeout_ms: 100)"#,
        "0   x echo
         0.1 a rank
         0.7 b rank",
        "x: delivered 1
         a: delivered 2.1
         b: delivered 1.5
         batch_mean: 2",
    );
}

/// One slot. The open batch of 0 (timeout 0.5) leaves the slot to the ordinary message of 0.1,
/// which takes it until 1.1; then the batch goes until 2.2.
#[test]
fn an_open_batch_leaves_its_slot_to_others() {
    check(
        r#"agents: [
               (name: "echo", call: Constant("1s")),
               (name: "rank", per_call: "1s", per_item: Constant("100ms")),
           ],
           broker: (batch_size: 20, batch_timeout_ms: 500)"#,
        "0   a rank
         0.1 x echo",
        "a: delivered 2.2
         x: delivered 1",
    );
}

/// One open batch across lanes: the high message fills at 0.3 what the low one opened at 0.
/// 0.3 + 1.2 = 1.5.
#[test]
fn one_batch_takes_from_all_lanes() {
    rank(
        "batch_size: 2, batch_timeout_ms: 900",
        "0   a rank; lane: low
         0.3 b rank; lane: high",
        "a: delivered 1.5
         b: delivered 1.2
         calls: 1",
    );
}

/// Strict lanes, one slot, taken until 1. The batch ranks by its highest lane, so its low
/// message of 0.1 goes with the high one of 0.3 before the normal one of 0.2: 1 + 1.2 = 2.2,
/// then 2.2 + 1 = 3.2.
#[test]
fn a_batch_ranks_by_its_highest_lane() {
    check(
        r#"agents: [
               (name: "echo", call: Constant("1s")),
               (name: "rank", per_call: "1s", per_item: Constant("100ms")),
           ],
           broker: (discipline: Strict, batch_size: 20)"#,
        "0   x echo
         0.1 a rank; lane: low
         0.2 n echo
         0.3 b rank; lane: high",
        "x: delivered 1
         a: delivered 2.1
         b: delivered 1.9
         n: delivered 3",
    );
}

/// All calls that start before 0.5 fail. The batch of 0 closes at 0.2 and fails as a whole at
/// 1.5; each of its messages has spent an attempt and is due at 1.6. The fourth came at 1.45 and
/// opened the next batch, which they fill at 1.6: it takes 1 + 0.4 until 3.
#[test]
fn a_failed_batch_comes_back_message_by_message() {
    check(
        &format!(
            r#"{RANK},
               faults: [(agent: "rank", from: "0s", until: "500ms", effect: Fail(1.0))],
               broker: (batch_size: 4, batch_timeout_ms: 200, delivery_parallelism: 2)"#
        ),
        "0    a rank
         0    b rank
         0    c rank
         1.45 d rank",
        "a: delivered 3
         b: delivered 3
         c: delivered 3
         d: delivered 1.55
         calls: 2",
    );
}

/// Units of 4 each, 10 in the bucket, 10 a second. Two fit the batch of 0 (8 of 10); the third
/// finds 2 and waits for two more, until 0.2: 0.2 + 1.1 = 1.3.
#[test]
fn a_batch_fills_as_far_as_its_units_reach() {
    check(
        r#"agents: [(
               name: "rank",
               per_call: "1s",
               per_item: Constant("100ms"),
               protect: (unit_rate: (rate: "10/s", burst: 10)),
           )],
           broker: (delivery_parallelism: 2, batch_size: 20)"#,
        "0 a rank; units: Constant(4)
         0 b rank; units: Constant(4)
         0 c rank; units: Constant(4)",
        "a: delivered 1.2
         b: delivered 1.2
         c: delivered 1.3",
    );
}

/// Each message of a batch fails by itself, half of them; with this seed c does at its first
/// attempt, and nothing else. a and b are delivered at 1.3; c is due at 1.4 and goes alone: 1.1.
#[test]
fn a_batch_settles_message_by_message() {
    check(
        r#"run: (length: "10s", warm_up: "0s", replications: 1, seed: 6),
           agents: [(
               name: "rank",
               per_call: "1s",
               per_item: Constant("100ms"),
               failures: (share: 0.5),
           )],
           broker: (batch_size: 3)"#,
        "0 a rank
         0 b rank
         0 c rank",
        "a: delivered 1.3
         b: delivered 1.3
         c: delivered 2.5
         calls: 2",
    );
}
