//! Attempts: what spends one, when the next comes, and when there is none.

use crate::check::check;

/// An outage until 1.2: calls fail after a millisecond. Failures at 0.001, 0.102, 0.303 and
/// 0.704, each followed by twice the backoff before it: 0.1, 0.2, 0.4, 0.8. The fifth call, at
/// 1.504, takes its second: 2.504.
#[test]
fn backoff_doubles_until_the_outage_is_over() {
    check(
        r#"agents: [(name: "echo", call: Constant("1s"))],
           faults: [(agent: "echo", from: "0s", until: "1200ms", effect: Outage)],
           broker: (retry_max_attempts: "unlimited")"#,
        "0 a echo",
        "a: delivered 2.504
         calls: 5",
    );
}

/// The same with three attempts, the default: the third fails at 0.303 and is the last.
#[test]
fn the_last_attempt_that_fails_dead_letters() {
    check(
        r#"agents: [(name: "echo", call: Constant("1s"))],
           faults: [(agent: "echo", from: "0s", until: "1200ms", effect: Outage)]"#,
        "0 a echo",
        "a: dead_lettered 0.303
         calls: 3
         dead_share: 1",
    );
}

/// Calls that start before 2 fail; one that starts at 2 does not. Failures at 1 (due at 1.1) and
/// at 2.1 (due at 2.3): done at 3.3.
#[test]
fn a_fault_ends_before_its_last_instant_and_lets_calls_under_way_be() {
    check(
        r#"agents: [(name: "echo", call: Constant("1s"))],
           faults: [(agent: "echo", from: "0s", until: "2s", effect: Fail(1.0))],
           broker: (delivery_parallelism: 2)"#,
        "0 a echo
         2 b echo",
        "a: delivered 3.3
         b: delivered 1",
    );
}

/// A budget of one retry. Both messages fail at 0.001, the first in the first slot: it has the
/// retry, due at 0.101, and takes its second from there; the other is dead at once.
#[test]
fn without_budget_there_is_no_second_attempt() {
    check(
        r#"agents: [(name: "echo", call: Constant("1s"))],
           faults: [(agent: "echo", from: "0s", until: "50ms", effect: Outage)],
           broker: (delivery_parallelism: 2, retry_budget: 0.0, retry_budget_reserve: 1)"#,
        "0 a echo
         0 b echo",
        "a: delivered 1.101
         b: dead_lettered 0.001",
    );
}

/// A retry re-enters at its lane's tail. One slot: a fails at 0.1 and is due at 0.2, after b and
/// c of 0.05: b until 1.1, c until 2.1, then a until 3.1.
#[test]
fn a_retry_goes_behind_those_that_were_due_before() {
    check(
        r#"agents: [(name: "echo", call: Constant("1s"))],
           faults: [
               (agent: "echo", from: "0s", until: "50ms", effect: Fail(1.0)),
               (agent: "echo", from: "0s", until: "50ms", effect: Slow(0.1)),
           ]"#,
        "0    a echo
         0.05 b echo
         0.05 c echo",
        "a: delivered 3.1
         b: delivered 1.05
         c: delivered 2.05",
    );
}

/// Leases of 0.5 and calls of 1, two attempts: lost at 0.5, again from 0.6 until 1.1, and dead.
/// What the handlers would have said comes too late and changes nothing.
#[test]
fn a_call_that_outlives_its_lease_has_spent_an_attempt() {
    check(
        r#"agents: [(name: "echo", call: Constant("1s"))],
           broker: (call_timeout_ms: 500, retry_max_attempts: 2)"#,
        "0 a echo",
        "a: dead_lettered 1.1
         calls: 2
         max(service): 0.5",
    );
}

/// Leases of 1 and calls of 1: a settle at the very instant of the limit is in time.
#[test]
fn a_call_that_ends_with_its_lease_is_in_time() {
    check(
        r#"agents: [(name: "echo", call: Constant("1s"))],
           broker: (call_timeout_ms: 1000, retry_max_attempts: 1)"#,
        "0 a echo",
        "a: delivered 1",
    );
}

/// A call that starts before 0.1 hangs. Its lease of 2 ends it; the slot is free at once, and b
/// has it until 3. a was due at 2.1 and has it from 3 until 4.
#[test]
fn a_call_that_hangs_is_ended_by_its_lease() {
    check(
        r#"agents: [(name: "echo", call: Constant("1s"))],
           faults: [(agent: "echo", from: "0s", until: "100ms", effect: Hang(1.0))],
           broker: (call_timeout_ms: 2000)"#,
        "0   a echo
         0.2 b echo",
        "a: delivered 4
         b: delivered 2.8",
    );
}

/// The agent's own lease of 0.5 stands in for the broker's of 30 s, and only for its calls.
#[test]
fn an_agents_own_call_timeout_is_its_own() {
    check(
        r#"agents: [
               (name: "slow", call: Constant("1s"), protect: (call_timeout: "500ms")),
               (name: "echo", call: Constant("1s")),
           ],
           broker: (delivery_parallelism: 2, retry_max_attempts: 1)"#,
        "0 a slow
         0 b echo",
        "a: dead_lettered 0.5
         b: delivered 1",
    );
}

/// Two agents that always fail: flaky is tried four times, 0.2, 0.3 (not 0.4) and 0.3 apart, where the
/// broker's way is two attempts 0.1 apart.
#[test]
fn an_agents_own_attempts_and_backoff_are_its_own() {
    check(
        r#"agents: [
               (name: "flaky", call: Constant("100ms"), failures: (share: 1), protect: (
                   retry_max_attempts: 4, retry_backoff: "200ms", retry_backoff_max: "300ms",
               )),
               (name: "echo", call: Constant("100ms"), failures: (share: 1)),
           ],
           broker: (delivery_parallelism: 2, retry_max_attempts: 2)"#,
        "0 a flaky
         0 b echo",
        "a: dead_lettered 1.2
         b: dead_lettered 0.3
         calls: 6",
    );
}
