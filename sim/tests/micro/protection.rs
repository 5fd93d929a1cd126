//! What the broker does to protect an agent: limits, bulkhead, rates, pause, breaker.

use crate::check::check;

/// Two replicas with one call each: two of three go at once.
#[test]
fn the_in_flight_limit_is_per_replica() {
    check(
        r#"agents: [(
               name: "echo",
               call: Constant("1s"),
               protect: (replicas: 2, in_flight_limit: 1),
           )],
           broker: (delivery_parallelism: 4)"#,
        "0 a echo
         0 b echo
         0 c echo",
        "a: delivered 1
         b: delivered 1
         c: delivered 2",
    );
}

/// Ten slots, two agents: ⌊0.9 × 10⌋ = 9 of ten calls to the slow one start, the tenth at 1.
/// Mean (9 · 1 + 2) / 10. The slot that is left serves the other.
#[test]
fn one_of_two_agents_fills_nine_tenths_of_the_slots() {
    let slow = "0 s slow\n".repeat(10);
    check(
        r#"agents: [
               (name: "slow", call: Constant("1s")),
               (name: "fast", call: Constant("1s")),
           ],
           broker: (delivery_parallelism: 10)"#,
        &format!("{slow}0 f fast"),
        "s: 10 delivered, mean 1.1, max 2
         f: delivered 1",
    );
}

/// An agent alone has all ten: nobody is to be protected from it.
#[test]
fn an_agent_alone_meets_no_bulkhead() {
    check(
        r#"agents: [(name: "slow", call: Constant("1s"))],
           broker: (delivery_parallelism: 10)"#,
        &"0 s slow\n".repeat(10),
        "s: 10 delivered, mean 1, max 1",
    );
}

/// ⌊0.9 × 1⌋ is none, but one call is always allowed.
#[test]
fn a_bulkhead_leaves_at_least_one_call() {
    check(
        r#"agents: [
               (name: "slow", call: Constant("1s")),
               (name: "fast", call: Constant("1s")),
           ]"#,
        "0 s slow
         0 f fast",
        "s: delivered 1
         f: delivered 2",
    );
}

/// Two calls a second, one in the bucket: starts at 0, 0.5 and 1.
#[test]
fn a_call_rate_spaces_calls() {
    check(
        r#"agents: [(
               name: "echo",
               call: Constant("100ms"),
               protect: (call_rate: (rate: "2/s", burst: 1)),
           )],
           broker: (delivery_parallelism: 4)"#,
        "0 a echo
         0 b echo
         0 c echo",
        "a: delivered 0.1
         b: delivered 0.6
         c: delivered 1.1",
    );
}

/// Ten units a second, ten in the bucket. a weighs 25, more than the bucket: it goes when that
/// is full, at 0, and leaves −15. b needs 5: 20 units later, at 2. c needs 5 more: at 2.5.
#[test]
fn a_message_dearer_than_the_bucket_leaves_a_debt() {
    check(
        r#"agents: [(
               name: "echo",
               call: Constant("100ms"),
               protect: (unit_rate: (rate: "10/s", burst: 10)),
           )],
           broker: (delivery_parallelism: 4)"#,
        "0 a echo; units: Constant(25)
         0 b echo; units: Constant(5)
         0 c echo; units: Constant(5)",
        "a: delivered 0.1
         b: delivered 2.1
         c: delivered 2.6",
    );
}

/// A call token for the batch, not one a message: at 0 a and b go in one call, at 0.5 c and d.
#[test]
fn a_batch_takes_one_call_token() {
    check(
        r#"agents: [(
               name: "rank",
               per_call: "100ms",
               per_item: Constant("0ms"),
               protect: (call_rate: (rate: "2/s", burst: 1)),
           )],
           broker: (delivery_parallelism: 4, batch_size: 2)"#,
        "0 a rank
         0 b rank
         0 c rank
         0 d rank",
        "a: delivered 0.1
         b: delivered 0.1
         c: delivered 0.6
         d: delivered 0.6",
    );
}

/// An agent out of tokens is passed over: the slot serves the other one.
#[test]
fn an_agent_out_of_tokens_is_passed_over() {
    check(
        r#"agents: [
               (
                   name: "echo",
                   call: Constant("100ms"),
                   protect: (call_rate: (rate: "1/s", burst: 1)),
               ),
               (name: "other", call: Constant("1s")),
           ]"#,
        "0 a echo
         0 b echo
         0 c other",
        "a: delivered 0.1
         b: delivered 1.2
         c: delivered 1.1",
    );
}

/// What a breaker needs: two failures in a row open it for a second; four slots.
const BREAKER: &str = r#"
    agents: [(name: "echo", call: Constant("100ms"))],
    broker: (
        delivery_parallelism: 4,
        breaker: (failures_in_a_row: 2, open_ms: 1000),
        retry_max_attempts: 3,
    ),"#;

#[track_caller]
fn breaker(fails_until: &str, messages: &str, expected: &str) {
    let fault = format!(
        r#"faults: [(agent: "echo", from: "0s", until: "{fails_until}", effect: Fail(1.0))]"#
    );
    check(&format!("{fault}, {BREAKER}"), messages, expected);
}

/// a fails at 0.1 and, tried again at 0.2, at 0.3: the breaker opens until 1.3. Then one probe at
/// a time, in order of due times: a (due at 0.5) 1.3–1.4, b 1.4–1.5, c 1.5–1.6. Three successes:
/// the limit is 1 from 1.6 on, and no call of a's was ever good, so that it stays for half an open
/// time, until 2.1: d 1.6–1.7, e 1.7–1.8, f 1.8–1.9, g 1.9–2.0, h 2.0–2.1. With h it is 2: i and j
/// 2.1–2.2.
#[test]
fn a_breaker_opens_probes_and_recovers() {
    breaker(
        "1s",
        "0 a echo
         1 b echo
         1 c echo
         1 d echo
         1 e echo
         1 f echo
         1 g echo
         1 h echo
         1 i echo
         1 j echo",
        "a: delivered 1.4
         b: delivered 0.5
         c: delivered 0.6
         d: delivered 0.7
         e: delivered 0.8
         f: delivered 0.9
         g: delivered 1
         h: delivered 1.1
         i: delivered 1.2
         j: delivered 1.2",
    );
}

/// The probe of 1.3 fails at 1.4: open until 2.4. It spent no attempt, or a, which has spent two
/// of three, would be dead: 2.4–2.5.
#[test]
fn a_failed_probe_spends_no_attempt() {
    breaker(
        "1350ms",
        "0 a echo",
        "a: delivered 2.5
         calls: 4",
    );
}

/// a always times out: at 0.1 and, tried again at 0.2, at 0.3, which opens the breaker until 1.3.
/// As the probe it times out at 1.4 and goes to the tail, so that the next probes, from 2.4 on, are
/// b, c and d. The third success closes the breaker; a, at 2.55, spends its last attempt. Were it to
/// keep its place, it would be every probe there is, and b, c and d would never go.
#[test]
fn a_message_that_always_times_out_does_not_lock_its_agent() {
    check(
        r#"agents: [(name: "echo", call: Constant("50ms"))],
           broker: (
               call_timeout_ms: 100,
               retry_max_attempts: 3,
               breaker: (failures_in_a_row: 2, open_ms: 1000),
           )"#,
        "0   a echo for 100
         0.6 b echo
         0.6 c echo
         0.6 d echo",
        "a: dead_lettered 2.65
         b: delivered 1.85
         c: delivered 1.9
         d: delivered 1.95
         calls: 7",
    );
}

/// a and b fail together at 0.3 and, tried again at 0.4, at 0.7: the breaker opens until 1.7. It
/// is probed with one message at a time: a until 1.9, b until 2.1, c until 2.3. Then batches
/// again: d, e and f in one call of 0.1 + 0.3, until 2.7.
#[test]
fn a_batch_agent_is_probed_with_one_message() {
    check(
        r#"agents: [(name: "rank", per_call: "100ms", per_item: Constant("100ms"))],
           faults: [(agent: "rank", from: "0s", until: "1s", effect: Fail(1.0))],
           broker: (
               delivery_parallelism: 4,
               batch_size: 5,
               breaker: (failures_in_a_row: 2, open_ms: 1000),
           )"#,
        "0 a rank
         0 b rank
         1 c rank
         1 d rank
         1 e rank
         1 f rank",
        "a: delivered 1.9
         b: delivered 2.1
         c: delivered 1.3
         d: delivered 1.7
         e: delivered 1.7
         f: delivered 1.7
         calls: 6",
    );
}

/// One failure opens it for a second, and the agent is set to fail at once. a fails at 0.1; b,
/// waiting since 0.05, is dead then; a itself is dead when it is due again, at 0.2; d is dead on
/// arrival. At 1.2 the breaker has been half-open for 0.1: e goes.
#[test]
fn a_breaker_that_fails_fast_lets_nobody_wait() {
    check(
        r#"agents: [(name: "echo", call: Constant("100ms"))],
           faults: [(agent: "echo", from: "0s", until: "50ms", effect: Fail(1.0))],
           broker: (breaker: (failures_in_a_row: 1, open_ms: 1000, fail_fast: true))"#,
        "0    a echo
         0.05 b echo
         0.5  d echo
         1.2  e echo",
        "a: dead_lettered 0.2
         b: dead_lettered 0.05
         d: dead_lettered 0
         e: delivered 0.1
         calls: 2",
    );
}

/// Half of at least four calls within the window. Calls of 0, 0.2 fail, those of 0.4, 0.6
/// succeed: the fourth makes it four, but a success opens nothing. The fifth, of 0.8, fails at
/// 0.9: three of five. Open until 1.9, probed with the sixth, which came at 1.
#[test]
fn a_breaker_opens_at_its_share_of_failures() {
    check(
        r#"agents: [(name: "echo", call: Constant("100ms"))],
           faults: [
               (agent: "echo", from: "0s", until: "300ms", effect: Fail(1.0)),
               (agent: "echo", from: "700ms", until: "900ms", effect: Fail(1.0)),
           ],
           broker: (
               retry_max_attempts: 1,
               breaker: (failures_in_a_row: 100, failure_share: 0.5, min_calls: 4, open_ms: 1000),
           )"#,
        "0   a echo
         0.2 b echo
         0.4 c echo
         0.6 d echo
         0.8 e echo
         1   f echo",
        "a: dead_lettered 0.1
         b: dead_lettered 0.1
         c: delivered 0.1
         d: delivered 0.1
         e: dead_lettered 0.1
         f: delivered 1",
    );
}

/// The agent says 429 to b at 0, at once, and "in a second": the agent is paused until 1. c, of
/// 0.5, waits for it too. At 1 b goes first, having kept its due time, and c is told the same:
/// 2–2.1. None of this spends an attempt: each message has one.
#[test]
fn a_429_pauses_the_agent_and_spends_no_attempt() {
    check(
        r#"agents: [(
               name: "echo",
               call: Constant("100ms"),
               rate_limit: (calls: (rate: "1/s", burst: 1)),
           )],
           broker: (delivery_parallelism: 2, retry_max_attempts: 1)"#,
        "0   a echo
         0   b echo
         0.5 c echo",
        "a: delivered 0.1
         b: delivered 1.1
         c: delivered 1.6
         calls: 5",
    );
}

/// The agent's word stands where it gives one: three seconds, though it would have had tokens
/// after one.
#[test]
fn a_pause_lasts_as_long_as_the_agent_said() {
    check(
        r#"agents: [(
               name: "echo",
               call: Constant("100ms"),
               round_trip: Constant("50ms"),
               rate_limit: (calls: (rate: "1/s", burst: 1), retry_after: "3s"),
           )],
           broker: (retry_max_attempts: 1)"#,
        "0   a echo
         0.5 b echo",
        "a: delivered 0.15
         b: delivered 3.2",
    );
}
