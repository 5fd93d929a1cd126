//! Unit tests of plans: what is refused, with which words, and what is resolved.

mod bounds;

use std::collections::BTreeMap;

use super::*;
use crate::files::{FileKind, Named};
use crate::trace::{Exported, Origin, Recorded, Row, TraceWriter};
use crate::traffic::{Arrival, Traffic};

const REMOTE_AGENTS: &str = include_str!("../../../scenarios/remote-agents.ron");

#[track_caller]
fn plan(text: &str) -> Plan {
    Plan::new(text, Files::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// A scenario with these fields besides one agent, `a`.
fn scenario(fields: &str) -> String {
    format!("(run: (length: \"100s\"), agents: [(name: \"a\", call: Constant(\"1ms\"))], {fields})")
}

const ONE_SOURCE: &str =
    "traffic: [(arrivals: Poisson(\"10/s\"), classes: [(name: \"m\", to: Agent(\"a\"))])]";

fn arrivals(plan: &Plan, replication: u32) -> Vec<Arrival> {
    Traffic::new(plan, Streams::new(plan.run.seed, replication)).collect()
}

#[test]
fn traffic_comes_in_order_and_as_often_as_was_said() {
    let plan = plan(REMOTE_AGENTS);
    let sent = arrivals(&plan, 0);
    assert!(sent.is_sorted_by_key(|arrival| arrival.at));
    assert!(sent.iter().all(|arrival| arrival.at < plan.end()));
    let expected = plan.loads()[0].messages;
    assert_eq!(expected, 195_000.0);
    let found = sent.len() as f64;
    assert!((found - expected).abs() < 5.0 * expected.sqrt(), "{found}");
    let mut by_agent = BTreeMap::new();
    for arrival in &sent {
        *by_agent.entry(arrival.agent).or_insert(0.0) += 1.0;
    }
    for (agent, count) in by_agent {
        assert!(
            (count / found - 1.0 / 3.0).abs() < 0.01,
            "{agent:?} has {count}"
        );
    }
    let other = arrivals(&plan, 1);
    assert_ne!(sent[0], other[0]);
}

#[test]
fn properties_are_drawn_as_the_class_has_them() {
    let text = scenario(
        r#"traffic: [
            (arrivals: Poisson("1000/s"), when_full: Block, classes: [
                (name: "big", to: Agent("a"), share: 3, lane: high, kind: event,
                 size: Uniform(low: "1KiB", high: "3KiB"), units: Constant(7), deadline: "2s",
                 patience: Exponential("1s"), ordering_keys: 4),
                (name: "small", to: Agent("a"), size: Constant("10B")),
            ]),
            (arrivals: Poisson("100/s"), classes: [(name: "other", to: Agent("a"))]),
        ]"#,
    );
    let plan = plan(&text);
    let sent = arrivals(&plan, 0);
    let of = |class: u16| {
        sent.iter()
            .filter(move |arrival| arrival.class == ClassId(class))
    };
    let big = of(0).count() as f64;
    assert!((big / (big + of(1).count() as f64) - 0.75).abs() < 0.01);
    assert!(of(2).all(|arrival| arrival.key.source() == 1 && arrival.size == 1024));
    assert!(of(1).all(|arrival| arrival.size == 10 && arrival.patience.is_none()));
    let sizes = of(0).map(|arrival| f64::from(arrival.size)).sum::<f64>();
    assert!((sizes / big - 2048.0).abs() < 20.0, "{}", sizes / big);
    assert!(of(0).all(|arrival| arrival.units == 7 && arrival.ordering_key < Some(4)));
    let patience = of(0).filter_map(|arrival| arrival.patience);
    let patience = patience.map(|patience| patience.as_secs_f64()).sum::<f64>();
    assert!((patience / big - 1.0).abs() < 0.05);
    assert_eq!(plan.sources[0].when_full, WhenFull::Block);
    assert_eq!(plan.classes[0].deadline, Some(Duration::from_secs(2)));
}

#[test]
fn an_added_source_changes_nobody_elses_messages() {
    let source = |class: &str| {
        format!("(arrivals: Poisson(\"10/s\"), classes: [(name: \"{class}\", to: Agent(\"a\"))])")
    };
    let alone = scenario(&format!("traffic: [{}]", source("m")));
    let both = scenario(&format!("traffic: [{}, {}]", source("m"), source("n")));
    let mut sent = arrivals(&plan(&both), 0);
    assert!(sent.iter().any(|arrival| arrival.key.source() == 1));
    sent.retain(|arrival| arrival.key.source() == 0);
    assert_eq!(sent, arrivals(&plan(&alone), 0));
}

#[test]
fn a_caller_sends_again_after_its_outcome_and_its_thought() {
    let text = scenario(
        r#"traffic: [(arrivals: Closed(callers: 2, think: Constant("10s")),
                      classes: [(name: "m", to: Agent("a"))])]"#,
    );
    let plan = plan(&text);
    let mut traffic = Traffic::new(&plan, Streams::new(1, 0));
    let at = |s| Time::ZERO + Duration::from_secs(s);
    let first = traffic.next().expect("two callers");
    let second = traffic.next().expect("two callers");
    assert_eq!((first.at, second.at), (at(10), at(10)));
    assert_ne!(first.key.caller(), second.key.caller());
    assert_eq!(traffic.next(), None);
    traffic.outcome(at(15), second.key, second.at);
    assert_eq!(traffic.peek(), at(25));
    let third = traffic.next().expect("it sends again");
    assert_eq!(
        (third.key.caller(), third.key.number()),
        (second.key.caller(), 1)
    );
    // Refused at once: the thought of 10 s is long enough; after the end nobody sends.
    traffic.outcome(at(95), third.key, third.at);
    assert_eq!(traffic.peek(), Time::MAX);
}

#[test]
fn a_caller_without_a_thought_does_not_spin_when_refused() {
    let text = scenario(
        r#"traffic: [(arrivals: Closed(callers: 1, think: Constant("0s")),
                      classes: [(name: "m", to: Agent("a"))])]"#,
    );
    let plan = plan(&text);
    let mut traffic = Traffic::new(&plan, Streams::new(1, 0));
    let first = traffic.next().expect("one caller");
    assert_eq!(first.at, Time::ZERO);
    traffic.outcome(Time::ZERO, first.key, first.at);
    assert_eq!(traffic.peek(), Time::ZERO + Duration::from_millis(1));
    let second = traffic.next().expect("it sends again");
    let now = Time::from_nanos(1_000_007);
    traffic.outcome(now, second.key, second.at);
    assert_eq!(traffic.peek(), now);
}

/// The messages of both replications of a run, as a trace.
fn exported(plan: &Plan) -> Trace {
    let recorded = Recorded {
        length: Some(plan.run.length),
        warm_up: None,
    };
    let mut writer = TraceWriter::new(Vec::new(), recorded).expect("a vector takes all");
    for replication in 0..2 {
        for arrival in arrivals(plan, replication) {
            let exported = Exported {
                replication,
                class: &plan.classes[usize::from(arrival.class.0)].name,
                row: Row {
                    at: arrival.at,
                    class: None,
                    size: Some(arrival.size),
                    units: Some(arrival.units),
                    service: arrival.service,
                    replication: Some(replication),
                    origin: Some(Origin {
                        source: Some(arrival.key.source()),
                        caller: arrival.key.caller(),
                        number: arrival.key.number(),
                    }),
                },
            };
            writer.write(&exported).expect("a vector takes all");
        }
    }
    Trace::parse(&writer.into_inner()).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn an_exported_run_replays_as_the_very_same_messages() {
    let text = scenario(
        r#"traffic: [
            (arrivals: Phases([("50/s", "60s")]), classes: [
                (name: "x", to: Agents([(1, "a"), (2, "a")]), size: Exponential("1KiB"),
                 ordering_keys: 9),
                (name: "y", to: Agent("a"), patience: Exponential("1s")),
            ]),
            (arrivals: Poisson("10/s"), classes: [(name: "z", to: Agent("a"))]),
        ]"#,
    )
    .replace("length: \"100s\"", "length: \"100s\", replications: 2");
    let original = plan(&text);
    let replayed = original.clone().replay("run.csv", exported(&original));
    let replayed = replayed.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(replayed.run.length, original.run.length);
    for replication in 0..2 {
        assert_eq!(
            arrivals(&original, replication),
            arrivals(&replayed, replication)
        );
    }
}

#[test]
fn a_foreign_trace_is_drawn_into_the_scenarios_classes() {
    let trace = |text: &str| Trace::parse(text.as_bytes()).expect("valid");
    let strangers = trace("t_s,class\n0,q00\n1,q01\n2.5,q00\n");
    let replayed = plan(REMOTE_AGENTS)
        .replay("queue.csv", strangers)
        .expect("it fits");
    assert_eq!(arrivals(&replayed, 3).len(), 3);
    assert_eq!(replayed.run.length, Duration::from_nanos(2_500_000_001));
    assert!(replayed.warnings[0].contains("none of the 2 classes in queue.csv"));
    let named = trace("t_s,class\n0,write\n1,lookup\n");
    let replayed = plan(REMOTE_AGENTS).replay("x.csv", named).expect("it fits");
    let classes: Vec<u16> = arrivals(&replayed, 0).iter().map(|a| a.class.0).collect();
    assert_eq!(classes, [2, 0]);
    let misspelt = trace("t_s,class\n0,write\n1,lokup\n");
    let error = plan(REMOTE_AGENTS)
        .replay("x.csv", misspelt)
        .expect_err("misspelt");
    assert!(error.contains("did you mean \"lookup\"?"), "{error}");
    let two = trace("t_s,replication,source,caller,number\n0,1,0,0,0\n");
    let error = plan(REMOTE_AGENTS)
        .replay("x.csv", two)
        .expect_err("too few");
    assert!(
        error.contains("x.csv has 2 replications, the run wants 10"),
        "{error}"
    );
}

#[test]
fn a_trace_within_a_scenario_is_a_source_like_any_other() {
    let text = scenario(
        r#"traffic: [
            (arrivals: Poisson("1/s"), classes: [(name: "m", to: Agent("a"))]),
            (arrivals: Trace(file: "t.csv"), classes: [
                (name: "q", to: Agent("a")), (name: "r", to: Agent("a")),
            ]),
        ]"#,
    );
    let mut files = Files::default();
    let named = Scenario::from_ron(&text).expect("valid").files();
    assert_eq!(
        named,
        [Named {
            path: "t.csv".to_owned(),
            kind: FileKind::Trace
        }]
    );
    files
        .add(&named[0], b"t_s,class,size\n3,r,5\n4,q,6\n")
        .expect("valid");
    let plan = Plan::new(&text, files).unwrap_or_else(|error| panic!("{error}"));
    let sent = arrivals(&plan, 0);
    let traced: Vec<_> = sent
        .iter()
        .filter(|arrival| arrival.key.source() == 1)
        .collect();
    assert_eq!((traced[0].class, traced[0].size), (ClassId(2), 5));
    assert_eq!((traced[1].class, traced[1].size), (ClassId(1), 6));
    let unread = Plan::new(&text, Files::default()).expect_err("not read");
    assert!(
        unread
            .to_string()
            .contains("names t.csv, which was not read")
    );
}

#[test]
fn contenders_are_policies_or_profiles_over_what_the_scenario_says() {
    let broker = "broker: (num_workers: 3, max_queue_size: 77)";
    let names = "policies: [\"remote\", \"fixed(7)\", \"in_process\"]";
    let plan = plan(&scenario(&format!("{ONE_SOURCE}, {broker}, {names}")));
    let [remote, fixed, in_process] = plan.contenders.as_slice() else {
        panic!("{:?}", plan.contenders);
    };
    assert_eq!(
        (remote.name.as_str(), remote.config.policy.as_str()),
        ("remote", "fixed")
    );
    assert_eq!(
        (fixed.config.policy.as_str(), fixed.config.max_queue_size),
        ("fixed(7)", 77)
    );
    assert_eq!(
        (
            in_process.config.delivery_parallelism,
            in_process.config.batch_size
        ),
        (5, 10)
    );
    // What is said holds under every profile; fixed(7) has its seven from the start.
    let workers = [remote, fixed, in_process].map(|contender| contender.config.num_workers);
    assert_eq!(workers, [3, 7, 3]);
    let own = self::plan(&scenario(&format!(
        "{ONE_SOURCE}, broker: (profile: \"remote\")"
    )));
    assert_eq!(own.contenders.len(), 1);
    assert_eq!(own.contenders[0].config.policy, "fixed");
}

#[test]
fn all_faults_are_told_at_once_each_at_its_line() {
    let text = r#"(
    run: (length: "10s", warm_up: "10s"),
    agents: [
        (name: "a", call: Constant("1ms"), per_call: "1ms"),
        (name: "a", call: Constant("1ms"), protect: (bulkhead: 2)),
    ],
    traffic: [
        (arrivals: Poisson("1/s"), classes: [(name: "m", to: Agent("aa"))]),
        (arrivals: Poisson("1/s"), classes: [(name: "m", to: Topic("news"))]),
        (arrivals: Poisson("1/s"), classes: []),
    ],
    faults: [(agent: "b", from: "5s", until: "4s", effect: Outage)],
    broker: (batch_size: 0),
    policies: ["adaptiv"],
    expect: ["p95(sojourn, class=n) < 1s"],
)"#;
    let error = Plan::new(text, Files::default()).expect_err("much is wrong");
    let found: Vec<(usize, String)> = error
        .faults
        .iter()
        .map(|fault| (fault.place.line, fault.message.clone()))
        .collect();
    let lines: Vec<usize> = found.iter().map(|(line, _)| *line).collect();
    assert_eq!(
        lines,
        [2, 4, 5, 5, 8, 9, 9, 10, 12, 12, 13, 14, 15],
        "{found:#?}"
    );
    let text = error.to_string();
    for wanted in [
        "run.warm_up is 10s, allowed are times below the run's length of 10s",
        "agents[0] needs either call",
        "agents[1].name is \"a\" a second time",
        "agents[1].protect.bulkhead is 2",
        "is \"aa\", which is no agent",
        "to which no agent subscribes",
        "traffic[2].classes is empty",
        "faults[0].until is 4s, allowed are times after its begin at 5s",
        "which names no policy",
        "names \"n\", which is no class",
        "broker.batch_size is 0",
    ] {
        assert!(text.contains(wanted), "{text}\n does not say: {wanted}");
    }
}

/// What a scenario says of its broker is told as in a configuration's own file.
#[test]
fn defaults_of_the_broker_are_told_as_what_they_are() {
    #[track_caller]
    fn check(broker: &str, expected: &str) {
        let text = scenario(&format!("{ONE_SOURCE}, broker: ({broker})"));
        let error = Plan::new(&text, Files::default()).expect_err(expected);
        let [fault] = error.faults.as_slice() else {
            panic!("one fault: {error}");
        };
        let help = fault.help.iter().map(|help| format!("; {help}"));
        let told = format!("{}{}", fault.message, help.collect::<String>());
        assert_eq!(told, expected);
    }
    check(
        "min_workers: 20",
        "broker.max_workers is 10, allowed are 20 to 1000; the file does not set it, so that is its default",
    );
    check(
        "num_workers: 5, max_workers: 3",
        "broker.num_workers is 5, allowed are 1 to 3",
    );
    check(
        "max_workers: 2000",
        "broker.max_workers is 2000, allowed are 1 to 1000",
    );
}

#[test]
fn a_run_is_stationary_unless_something_changes() {
    assert!(plan(&scenario(ONE_SOURCE)).is_stationary());
    assert!(!plan(REMOTE_AGENTS).is_stationary());
    let faults = "faults: [(agent: \"a\", from: \"0s\", until: \"1s\", effect: Slow(2))]";
    assert!(!plan(&scenario(&format!("{ONE_SOURCE}, {faults}"))).is_stationary());
}

#[test]
fn mangled_texts_are_refused_without_a_panic() {
    let stream = Streams::new(9, 0).stream("mangle", 0);
    let bytes = REMOTE_AGENTS.as_bytes();
    let pieces: [&[u8]; 12] = [
        b"(",
        b")",
        b"[",
        b"]",
        b"\"",
        b",",
        b"-1",
        b"1e999",
        b"NaN",
        b"18446744073709551616",
        b"\xf0\x9f\xa6\x80",
        b"\"99999999999999999999d\"",
    ];
    for round in 0..3_000 {
        let mut rng = stream.draw(round, 0);
        let mut text = bytes.to_vec();
        for _ in 0..=rng.word() % 3 {
            let at = rng.word() as usize % text.len();
            let end = (at + rng.word() as usize % 12).min(text.len());
            let piece = pieces[rng.word() as usize % pieces.len()];
            let keep = rng.happens(0.5);
            text.splice(at..if keep { at } else { end }, piece.iter().copied());
        }
        let text = String::from_utf8_lossy(&text);
        if let Ok(plan) = Plan::new(&text, Files::default()) {
            Traffic::new(&plan, Streams::new(1, 0))
                .take(10)
                .for_each(drop);
        }
    }
}
