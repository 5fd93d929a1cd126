//! What enters the queue: bounds by count and by bytes, the reserve, broadcasts, and senders
//! that wait for room.

use crate::check::{check, check_text};

const ECHO: &str = r#"agents: [(name: "echo", call: Constant("1s"))]"#;

#[track_caller]
fn echo(broker: &str, messages: &str, expected: &str) {
    check(&format!("{ECHO}, broker: ({broker})"), messages, expected);
}

/// Two slots and a bound of 0: two are called at once, the third is lost, as in Erlang B. At 1
/// the settles come first: d finds both slots free.
#[test]
fn a_bound_of_none_accepts_what_free_slots_can_start() {
    echo(
        "delivery_parallelism: 2, max_queue_size: 0, reserve: 0",
        "0 a echo
         0 b echo
         0 c echo
         1 d echo",
        "a: delivered 1
         b: delivered 1
         c: refused
         d: delivered 1
         loss_share: 0.25",
    );
}

/// One slot and a bound of 1: a call holds no place, so a is called, b waits, c and d are
/// refused. e comes at 1, when a is settled and b about to start: there is room.
#[test]
fn a_call_holds_no_place() {
    echo(
        "max_queue_size: 1, reserve: 0",
        "0   a echo
         0   b echo
         0   c echo
         0.5 d echo
         1   e echo",
        "a: delivered 1
         b: delivered 2
         c: refused
         d: refused
         e: delivered 2
         queue_max: 1
         queue_mean: 0.2",
    );
}

/// A bound of 1 and a reserve of 1 beyond it for the critical lane: c enters where b2 does not,
/// and goes before b: at 1 until 2. The second critical one finds the reserve taken.
#[test]
fn the_reserve_is_for_the_critical_lane() {
    echo(
        "max_queue_size: 1, reserve: 1",
        "0   a  echo
         0.1 b  echo
         0.2 b2 echo
         0.3 c  echo; lane: critical
         0.4 c2 echo; lane: critical",
        "a: delivered 1
         b: delivered 2.9
         b2: refused
         c: delivered 1.7
         c2: refused",
    );
}

/// 2 KiB in the queue, messages of 1 KiB: b and c fill it, since a is in its call. e comes when
/// the slot is about to take b: there is room again.
#[test]
fn bytes_bound_the_queue() {
    echo(
        "max_queue_bytes: \"2KiB\"",
        "0   a echo
         0   b echo
         0   c echo
         0.1 d echo
         1   e echo",
        "a: delivered 1
         b: delivered 2
         c: delivered 3
         d: refused
         e: delivered 3",
    );
}

/// A message of 3 KiB is beyond 2 KiB, but the free slot takes it at once.
#[test]
fn what_a_free_slot_takes_needs_no_room() {
    echo(
        "max_queue_bytes: \"2KiB\"",
        "0   a echo; size: Constant(\"3KiB\")
         0.1 b echo; size: Constant(\"3KiB\")",
        "a: delivered 1
         b: refused",
    );
}

/// A queue of 1, which b fills. a fails at 1 and enters all the same, delayed until 1.1; b is
/// called at 1. c finds the delayed message in the only place. a goes from 2 to 3.
#[test]
fn a_retry_enters_a_full_queue_and_holds_a_place() {
    check(
        &format!(
            r#"{ECHO},
               faults: [(agent: "echo", from: "0s", until: "500ms", effect: Fail(1.0))],
               broker: (max_queue_size: 1, reserve: 0)"#
        ),
        "0    a echo
         0.1  b echo
         1.05 c echo",
        "a: delivered 3
         b: delivered 1.9
         c: refused",
    );
}

/// Nothing fits a bound of 0 but what a slot takes. The sender of b waits from 0.2 until 1, c
/// behind it until 2: both have their calls then, and count from when they were meant to go.
#[test]
fn a_blocked_sender_waits_and_its_waiting_counts() {
    echo(
        "max_queue_size: 0, reserve: 0",
        "block
         0   a echo
         0.2 b echo
         0.3 c echo",
        "a: delivered 1
         b: delivered 1.8
         c: delivered 2.7
         mean(wait, class=b): 0.8
         mean(wait, class=c): 1.7
         throughput: 0.3",
    );
}

/// 4 KiB of room, one slot taken until 1, 2 KiB waiting from 0.1. The small message of 0.3 would
/// fit, but stays behind its sender's large one of 0.2, which enters at 1.
#[test]
fn later_messages_wait_behind_a_blocked_one() {
    echo(
        "max_queue_bytes: \"4KiB\"",
        "block
         0   a echo
         0.1 z echo; size: Constant(\"2KiB\")
         0.2 b echo; size: Constant(\"3KiB\")
         0.3 c echo",
        "a: delivered 1
         z: delivered 1.9
         b: delivered 2.8
         c: delivered 3.7
         mean(wait, class=c): 2.7",
    );
}

/// 2 KiB of room: a message of three is called at once or never, so its sender does not wait.
#[test]
fn a_message_larger_than_the_queue_is_called_at_once_or_refused() {
    echo(
        "max_queue_bytes: \"2KiB\"",
        "block
         0   a echo; size: Constant(\"3KiB\")
         0.1 b echo; size: Constant(\"3KiB\")
         0.2 c echo",
        "a: delivered 1
         b: refused
         c: delivered 1.8",
    );
}

/// Every wait has its end. The sender of b waits for room from 0.2 and has no use for it from 0.6
/// on; d's has none at 1, when there would be some: both are refused. c comes up behind b.
#[test]
fn a_blocked_sender_waits_no_longer_than_its_deadline() {
    echo(
        "max_queue_size: 0, reserve: 0",
        "block
         0   a echo
         0.2 b echo; deadline: \"400ms\"
         0.3 d echo; deadline: \"700ms\"
         0.4 c echo",
        "a: delivered 1
         b: refused
         c: delivered 1.6
         d: refused
         loss_share: 0.5
         calls: 2",
    );
}

/// The same of senders who lose patience, at 0.6, behind c, who does not: at 2 there is room for
/// e, which came after it.
#[test]
fn a_blocked_sender_gives_up_when_it_has_no_patience_left() {
    echo(
        "max_queue_size: 0, reserve: 0",
        "block
         0   a echo
         0.1 c echo
         0.2 b echo; patience: Constant(\"400ms\")
         0.3 e echo",
        "a: delivered 1
         b: refused
         c: delivered 1.9
         e: delivered 2.7
         calls: 3",
    );
}

/// A queue of none, and its only slot taken until 1, when c comes: the place is b's, who has waited
/// for it since 0.5. It was c's, and in the live broker b's.
#[test]
fn whoever_waits_for_room_comes_before_whoever_comes_as_there_is_some() {
    check_text(
        r#"(
            run: (length: "1500ms", warm_up: "0s", replications: 1),
            traffic: [
                (
                    arrivals: Trace(file: "messages"),
                    when_full: Block,
                    classes: [
                        (name: "a", to: Agent("echo")),
                        (name: "b", to: Agent("echo")),
                    ],
                ),
                (
                    arrivals: Deterministic("1/s"),
                    classes: [(name: "c", to: Agent("echo"))],
                ),
            ],
            agents: [(name: "echo", call: Constant("1s"))],
            broker: (
                policy: "fixed", num_workers: 1, delivery_parallelism: 1,
                max_queue_size: 0, reserve: 0,
            ),
        )"#,
        "t_s,class\n0,a\n0.5,b\n",
        "a: delivered 1
         b: delivered 1.5
         c: refused
         calls: 2",
    );
}

/// A queue of none, and its only slot taken until 5. A caller sends at 1, gives up at 1.5, thinks
/// until 2.5, and gives up again at 3.
#[test]
fn a_caller_that_gave_up_thinks_and_sends_again() {
    check_text(
        r#"(
            run: (length: "4s", warm_up: "0s", replications: 1),
            traffic: [
                (
                    arrivals: Trace(file: "messages"),
                    classes: [(name: "a", to: Agent("echo"))],
                ),
                (
                    arrivals: Closed(callers: 1, think: Constant("1s")),
                    when_full: Block,
                    classes: [(name: "b", to: Agent("echo"), patience: Constant("500ms"))],
                ),
            ],
            agents: [(name: "echo", call: Constant("5s"))],
            broker: (
                policy: "fixed", num_workers: 1, delivery_parallelism: 1,
                max_queue_size: 0, reserve: 0,
            ),
        )"#,
        "t_s\n0\n",
        "a: delivered 5
         b: 2 refused
         calls: 1",
    );
}

/// A broadcast that waits for room counts once a subscriber, when its sender gives up as well.
#[test]
fn a_blocked_broadcast_is_refused_whole() {
    check(
        r#"agents: [
               (name: "left", call: Constant("1s"), protect: (topics: ["news"])),
               (name: "right", call: Constant("1s"), protect: (topics: ["news"])),
           ],
           broker: (max_queue_size: 1, reserve: 0)"#,
        "block
         0   a #news
         0.5 b #news; deadline: \"200ms\"",
        "a: 2 delivered, mean 1.5, max 2
         b: 2 refused
         calls: 2",
    );
}

/// Two subscribers, one slot, a bound of 1. The first broadcast is two messages: one is called
/// at once, the other waits. The second would need two places where one is not left: both are
/// refused. The third comes at 2.5 and fits again.
#[test]
fn a_broadcast_enters_whole_or_not_at_all() {
    check(
        r#"agents: [
               (name: "left", call: Constant("1s"), protect: (topics: ["news"])),
               (name: "right", call: Constant("1s"), protect: (topics: ["news"])),
           ],
           broker: (max_queue_size: 1, reserve: 0)"#,
        "0   a #news
         0.5 b #news
         2.5 c #news",
        "a: 2 delivered, mean 1.5, max 2
         b: 2 refused
         c: 2 delivered, mean 1.5, max 2
         offered: 0.6
         calls: 4",
    );
}

/// Two callers who think for 1 and one slot of 0.5. Both send at 1: done at 1.5 and 2. From
/// then on they are out of step: 2.5–3 and 3–3.5, 4–4.5 and 4.5–5. Six sojourns, one of them 1
/// and five of 0.5: mean 3.5 / 6. What would be sent at 5.5 and 6 is beyond the length.
#[test]
fn callers_think_before_they_send_again() {
    check_text(
        r#"(
            run: (length: "5s", warm_up: "0s", replications: 1),
            traffic: [(
                arrivals: Closed(callers: 2, think: Constant("1s")),
                classes: [(name: "a", to: Agent("echo"))],
            )],
            agents: [(name: "echo", call: Constant("500ms"))],
            broker: (policy: "fixed", num_workers: 1, delivery_parallelism: 1),
        )"#,
        "",
        "a: 6 delivered, mean 0.583333333, max 1
         utilisation: 0.6",
    );
}

/// A caller who does not think sends at the instant of its outcome, whatever the grain of timers:
/// at 0, 1, … 9.
#[test]
fn a_caller_who_does_not_think_sends_at_once() {
    check_text(
        r#"(
            run: (length: "10s", warm_up: "0s", replications: 1),
            traffic: [(
                arrivals: Closed(callers: 1, think: Constant("0s")),
                classes: [(name: "a", to: Agent("echo"))],
            )],
            agents: [(name: "echo", call: Constant("1s"))],
            time_grain: "1ms",
            broker: (policy: "fixed", num_workers: 1, delivery_parallelism: 1),
        )"#,
        "",
        "a: 10 delivered, mean 1, max 1
         utilisation: 1",
    );
}
