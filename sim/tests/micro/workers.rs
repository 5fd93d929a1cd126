//! Workers: cold starts, growth and shrinkage, draining and taking back, deaths.

use crate::check::{check, told};

/// One message a worker is the target. The first tick, at 1, finds three messages and one worker,
/// and orders two, ready at 1.5. a holds the only slot from 0 to 2; b and c start at 1.5.
/// Worker-seconds: 10 + 2 · 9; busy 3 · 2 of 10 + 2 · 8.5 slot-seconds.
#[test]
fn workers_are_ordered_at_a_tick_and_ready_later() {
    check(
        r#"agents: [(name: "echo", call: Constant("2s"))],
           broker: (policy: "threshold(1)", worker_start_ms: 500)"#,
        "0 a echo
         0 b echo
         0 c echo",
        "a: delivered 2
         b: delivered 3.5
         c: delivered 3.5
         worker_seconds: 28
         workers_mean: 2.8
         utilisation: 0.222222222
         scale_actions: 1",
    );
}

/// The scenario draws cold starts: 0.5, in place of the broker's 5.
#[test]
fn a_drawn_cold_start_stands_in_for_the_brokers() {
    check(
        r#"agents: [(name: "echo", call: Constant("2s"))],
           worker_start: Constant("500ms"),
           broker: (policy: "threshold(1)", worker_start_ms: 5000)"#,
        "0 a echo
         0 b echo",
        "a: delivered 2
         b: delivered 3.5",
    );
}

/// Cold starts are drawn by the number of the order, and a pool's first workers are no orders: the
/// one that is ordered at 1 takes equally long to join one worker and to join three.
#[test]
fn the_first_order_meets_the_same_luck_in_every_pool() {
    let first_order = |workers: usize| {
        let scenario = format!(
            r#"agents: [(name: "echo", call: Constant("5s"))],
               worker_start: Uniform(low: "1s", high: "4s"),
               broker: (policy: "threshold(1)", num_workers: {workers})"#
        );
        told(&scenario, &"0 a echo\n".repeat(workers + 1), "max(wait)")
    };
    let alone = first_order(1);
    assert_ne!(alone, "none");
    assert_eq!(first_order(3), alone);
}

/// A policy that wants a number of workers from the start has them, ready at 0.
#[test]
fn a_fixed_number_of_workers_is_there_at_once() {
    check(
        r#"agents: [(name: "echo", call: Constant("2s"))],
           broker: (policy: "fixed(2)", num_workers: 1, worker_start_ms: 5000)"#,
        "0 a echo
         0 b echo",
        "a: delivered 2
         b: delivered 2
         worker_seconds: 20
         scale_actions: 0",
    );
}

/// Two messages a worker are the target, a tick every 100 s. Three workers; a and b hold two of
/// them until 600. One would do from the first tick on, but `threshold` shrinks only once its
/// window of 300 s has forgotten the three of that tick: at 400. The idle third is gone at once;
/// of the two with a call the highest index drains, until 600. So c and d, of 550, share the one
/// that is left: 600–700, 700–800. Worker-seconds until 700: 700 + 600 + 400.
#[test]
fn shrinkage_takes_the_idlest_and_lets_it_finish() {
    check(
        r#"run: (length: "700s", tail: "200s", warm_up: "0s", replications: 1),
           agents: [(name: "echo", call: Constant("100s"))],
           broker: (
               policy: "threshold(2)",
               num_workers: 3,
               control_interval_ms: 100000,
               call_timeout_ms: 2000000,
           )"#,
        "0   a echo for 600
         0   b echo for 600
         550 c echo
         550 d echo",
        "a: delivered 600
         b: delivered 600
         c: delivered 150
         d: delivered 250
         worker_seconds: 1700
         scale_actions: 1",
    );
}

/// The same pace. A worker dies at 390, idle, and its replacement would be ready at 890. At 400
/// one worker of two is wanted: the one that starts is cancelled, since it was ordered last, and
/// the ready one stays and serves a. Worker-seconds: 390 + 1000 + 10.
#[test]
fn shrinkage_cancels_what_was_ordered_last() {
    check(
        r#"run: (length: "1000s", warm_up: "0s", replications: 1),
           agents: [(name: "echo", call: Constant("100s"))],
           worker_deaths: [(at: "390s", workers: 1)],
           broker: (
               policy: "threshold(2)",
               num_workers: 2,
               worker_start_ms: 500000,
               control_interval_ms: 100000,
               call_timeout_ms: 2000000,
           )"#,
        "450 a echo",
        "a: delivered 100
         worker_seconds: 1400",
    );
}

/// Two messages a worker are the target, a tick every 100 s; a and b hold two workers until 1000.
///
/// | tick | messages | raw wish | what happens |
/// |---|---|---|---|
/// | 100–300 | 2 | 1 | the two of the first tick are in the window of 300 s |
/// | 400 | 2 | 1 | shrinks to 1: the second worker drains |
/// | 500 | 5 | 3 | the draining one is taken back, a third is ordered, c goes |
/// | 600, 700 | 4, 3 | 2 | 3 is still in the window; d and e go |
/// | 800 | 2 | 1 | shrinks to 2: the third worker is idle, and gone |
/// | 1000 | 0 | 1 | shrinks to 1 |
///
/// Had it not been taken back, two new workers would have served c and d side by side.
/// Worker-seconds: 1000 + 1000 + 300.
#[test]
fn growth_takes_back_a_draining_worker_first() {
    check(
        r#"run: (length: "1000s", warm_up: "0s", replications: 1),
           agents: [(name: "echo", call: Constant("100s"))],
           broker: (
               policy: "threshold(2)",
               num_workers: 2,
               control_interval_ms: 100000,
               call_timeout_ms: 2000000,
           )"#,
        "0   a echo for 1000
         0   b echo for 1000
         450 c echo
         450 d echo
         450 e echo",
        "a: delivered 1000
         b: delivered 1000
         c: delivered 150
         d: delivered 250
         e: delivered 350
         worker_seconds: 2300
         scale_actions: 4",
    );
}

/// The only worker dies at 0.4 under a, whose message goes back at once; its replacement is ready
/// 1 later, at 1.4: until 2.4. No attempt was spent, though there is only one.
#[test]
fn a_lost_workers_message_goes_back_and_no_attempt_is_spent() {
    check(
        r#"agents: [(name: "echo", call: Constant("1s"))],
           worker_deaths: [(at: "400ms", workers: 1)],
           broker: (worker_start_ms: 1000, retry_max_attempts: 1)"#,
        "0 a echo",
        "a: delivered 2.4
         calls: 2
         worker_seconds: 10",
    );
}

/// Two workers; the first dies at 0.4 with a and is not replaced. a goes back with the due time
/// it had, before c of 0.2: at 1, when the other worker is free. c goes at 2.
/// Worker-seconds: 0.4 + 10.
#[test]
fn a_message_that_goes_back_keeps_its_due_time() {
    check(
        r#"agents: [(name: "echo", call: Constant("1s"))],
           worker_deaths: [(at: "400ms", workers: 1)],
           broker: (num_workers: 2, worker_restart_on_failure: false)"#,
        "0   a echo
         0   b echo
         0.2 c echo",
        "a: delivered 2
         b: delivered 1
         c: delivered 2.8
         worker_seconds: 10.4",
    );
}

/// A worker dies every 0.1; replacements are ready at once. After the fourth death the call of
/// 0.4 may end at 1.4.
#[test]
fn four_workers_may_be_lost_under_a_message() {
    check(
        r#"agents: [(name: "echo", call: Constant("1s"))],
           worker_deaths: [
               (at: "100ms", workers: 1),
               (at: "200ms", workers: 1),
               (at: "300ms", workers: 1),
               (at: "400ms", workers: 1),
           ]"#,
        "0 a echo",
        "a: delivered 1.4
         calls: 5",
    );
}

/// The fifth death, at 0.5, dead-letters: it is the message that kills its workers.
#[test]
fn the_fifth_lost_worker_dead_letters_its_message() {
    check(
        r#"agents: [(name: "echo", call: Constant("1s"))],
           worker_deaths: [
               (at: "100ms", workers: 1),
               (at: "200ms", workers: 1),
               (at: "300ms", workers: 1),
               (at: "400ms", workers: 1),
               (at: "500ms", workers: 1),
           ]"#,
        "0 a echo
         0 b echo",
        "a: dead_lettered 0.5
         b: delivered 1.5",
    );
}

/// A call that ends as its worker dies has ended: settles come first.
#[test]
fn a_settle_at_a_workers_death_is_in_time() {
    check(
        r#"agents: [(name: "echo", call: Constant("1s"))],
           worker_deaths: [(at: "1s", workers: 1)]"#,
        "0 a echo",
        "a: delivered 1
         calls: 1",
    );
}
