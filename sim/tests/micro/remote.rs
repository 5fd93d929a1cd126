//! The remote side: servers, crowding, the network, and what befalls it.

use crate::check::check;

/// One server, three calls at once: first in, first out. To the broker each is a call under way
/// from 0 on.
#[test]
fn calls_wait_at_the_remote_side_first_in_first_out() {
    check(
        r#"agents: [(name: "echo", call: Constant("1s"), servers: 1)],
           broker: (delivery_parallelism: 3)"#,
        "0 a echo
         0 b echo
         0 c echo",
        "a: delivered 1
         b: delivered 2
         c: delivered 3
         max(wait): 0
         max(service): 3",
    );
}

/// One call at once is undisturbed; alpha 0.5, beta 0.1. The n-th of three that start together:
/// 1, 1 + 0.5·1 + 0.1·1·2 = 1.7, 1 + 0.5·2 + 0.1·2·3 = 2.6. d starts at 1.7, when b ends, with c
/// beside it: 1.7.
#[test]
fn a_crowded_agent_slows_down() {
    check(
        r#"agents: [(
               name: "echo",
               call: Constant("1s"),
               slowdown: (limit: 1, alpha: 0.5, beta: 0.1),
           )],
           broker: (delivery_parallelism: 3)"#,
        "0   a echo
         0   b echo
         0   c echo
         1.7 d echo",
        "a: delivered 1
         b: delivered 1.7
         c: delivered 2.6
         d: delivered 1.7",
    );
}

/// Three times as slow from 0.5 on and before 1.5; a call under way is not touched. The fault
/// and the drift multiply, the network's 0.25 is added to all: 1 + 0.25, 3 + 0.25, 2 + 0.25.
#[test]
fn faults_and_drift_slow_the_work_but_not_the_network() {
    check(
        r#"agents: [(
               name: "echo",
               call: Constant("1s"),
               round_trip: Constant("250ms"),
               drift: Steps([("2s", 2.0)]),
           )],
           faults: [(agent: "echo", from: "500ms", until: "1500ms", effect: Slow(3.0))],
           broker: (delivery_parallelism: 5)"#,
        "0.4 a echo
         0.5 b echo
         1.5 c echo
         2   d echo",
        "a: delivered 1.25
         b: delivered 3.25
         c: delivered 1.25
         d: delivered 2.25",
    );
}

/// During an outage calls fail after the round trip, 0.2: at 0.2 and, due at 0.3, at 0.5; due at
/// 0.7, when it is over: 0.7 + 1 + 0.2.
#[test]
fn an_outage_answers_after_the_round_trip() {
    check(
        r#"agents: [(name: "echo", call: Constant("1s"), round_trip: Constant("200ms"))],
           faults: [(agent: "echo", from: "0s", until: "600ms", effect: Outage)]"#,
        "0 a echo",
        "a: delivered 1.9
         calls: 3",
    );
}

/// Calls of which every message fails take 0.1 rather than 1: at 0.1 and, due at 0.2, at 0.3.
#[test]
fn failing_may_be_quicker_than_working() {
    check(
        r#"agents: [(
               name: "echo",
               call: Constant("1s"),
               failures: (share: 1.0, time: Constant("100ms")),
           )],
           broker: (retry_max_attempts: 2)"#,
        "0 a echo",
        "a: dead_lettered 0.3",
    );
}

/// A rate limit on a timetable: one call a second, from 1 to 2. b and c of 1: one is let in, the
/// other is told to wait for a second, until 2, when nothing limits any more.
#[test]
fn a_fault_may_limit_the_rate_for_a_while() {
    check(
        r#"agents: [(name: "echo", call: Constant("100ms"))],
           faults: [(
               agent: "echo",
               from: "1s",
               until: "2s",
               effect: RateLimit((calls: (rate: "1/s", burst: 1))),
           )],
           broker: (delivery_parallelism: 3)"#,
        "0 a echo
         1 b echo
         1 c echo
         1.5 d echo",
        "a: delivered 0.1
         b: delivered 0.1
         c: delivered 1.1
         d: delivered 0.6",
    );
}

/// A trace's own call times stand in for drawn ones: of a call, or of what a message adds to its
/// batch: 1 + 0.5 + 0.1.
#[test]
fn a_trace_may_say_how_long_a_call_takes() {
    check(
        r#"agents: [
               (name: "echo", call: Constant("1s")),
               (name: "rank", per_call: "1s", per_item: Constant("100ms")),
           ],
           broker: (delivery_parallelism: 3, batch_size: 2, bulkhead: "off")"#,
        "0 a echo for 2.5
         0 b rank for 0.5
         0 c rank",
        "a: delivered 2.5
         b: delivered 1.6
         c: delivered 1.6",
    );
}

/// The agent lets two calls in and then one in ten seconds, the fault one a second. a takes a token
/// of each. b, of 0.1, is refused by the fault until 1 and takes none of the agent's: at 1 it has
/// one. Were it to take one, b would wait until 10.
#[test]
fn what_one_rate_limit_refuses_costs_the_other_nothing() {
    check(
        r#"agents: [(
               name: "echo",
               call: Constant("100ms"),
               rate_limit: (calls: (rate: "0.1/s", burst: 2)),
           )],
           faults: [(
               agent: "echo",
               from: "0s",
               until: "10s",
               effect: RateLimit((calls: (rate: "1/s", burst: 1))),
           )]"#,
        "0 a echo
         0 b echo",
        "a: delivered 0.1
         b: delivered 1.1
         calls: 3",
    );
}
