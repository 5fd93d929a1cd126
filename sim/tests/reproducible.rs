//! Runs that must be the same are the same, byte for byte: on any number of threads, replayed
//! from what they exported, and, as far as the world goes, under another policy.

use std::sync::{Arc, Mutex};

use ebbtide_measure::{Metric, PolicyResults, Scope, Stat};
use ebbtide_policies::units::{Duration, Time};
use ebbtide_sim::agents::{AgentModel, CallItem, Service, Started};
use ebbtide_sim::files::Files;
use ebbtide_sim::streams::{MessageKey, Streams};
use ebbtide_sim::trace::{Exported, Origin, Recorded, Row, Trace, TraceWriter};
use ebbtide_sim::traffic::Arrival;
use ebbtide_sim::{ArrivalSink, Experiment, Monitor, Plan, Sinks};

/// Everything that draws: two sources, shares, sizes, units, patience, keys, a batch agent with
/// noise, failures, hangs, a network, a rate limit, a fault, deaths and cold starts.
const MIXED: &str = r#"(
    run: (length: "30s", tail: "20s", warm_up: "3s", replications: 4),
    traffic: [
        (
            arrivals: Mmpp([("40/s", "3s"), ("200/s", "2s")]),
            classes: [
                (name: "ask", share: 3.0, to: Agents([(1.0, "echo"), (2.0, "rank")]), lane: high,
                 size: LogNormal(median: "2KiB", sigma: 1.0), units: Uniform(low: 1, high: 9)),
                (name: "leave", to: Agent("echo"), patience: Exponential("300ms"),
                 ordering_keys: 5),
            ],
        ),
        (
            arrivals: BatchPoisson(rate: "2/s", size: Geometric(4.0)),
            classes: [(name: "news", to: Topic("news"), lane: low, deadline: "2s")],
        ),
    ],
    agents: [
        (name: "echo", call: LogNormal(median: "40ms", sigma: 0.8), hangs: 0.002,
         round_trip: Exponential("5ms"), failures: (share: 0.05),
         rate_limit: (calls: (rate: "90/s", burst: 30)), protect: (topics: ["news"])),
        (name: "rank", per_call: "30ms", per_item: Exponential("2ms"),
         noise: LogNormal(sigma: 0.3), protect: (topics: ["news"])),
    ],
    faults: [(agent: "rank", from: "10s", until: "12s", effect: Fail(0.5))],
    worker_deaths: [(at: "15s", workers: 1)],
    worker_start: Uniform(low: "200ms", high: "900ms"),
    broker: (call_timeout_ms: 2000, objective: "p95(sojourn) < 500ms"),
    policies: ["adaptive", "remote", "threshold"],
)"#;

/// The same with another text in one place.
fn with(text: &str, from: &str, to: &str) -> String {
    let changed = text.replacen(from, to, 1);
    assert_ne!(changed, text, "{from} is not in the scenario");
    changed
}

fn plan(text: &str) -> Plan {
    Plan::new(text, Files::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn run(plan: &Plan) -> Experiment {
    Experiment::run(plan, &Sinks::default(), &Monitor::default())
}

/// The bytes of all results, on so many threads.
fn results(text: &str, threads: usize) -> String {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let experiment = pool
        .expect("threads can be had")
        .install(|| run(&plan(text)));
    let results = (&experiment.policies, &experiment.comparisons);
    serde_json::to_string(&results).expect("results have text keys only")
}

#[test]
fn one_thread_and_two_give_the_same_bytes() {
    let (one, two) = (results(MIXED, 1), results(MIXED, 2));
    assert!(one == two, "on one thread:\n{one}\non two:\n{two}");
}

#[test]
fn the_precision_asked_for_is_reached_with_the_same_replications_on_any_threads() {
    let until = "replications: 3, until: (metric: \"mean(sojourn)\", half_width: \"12%\", max: 12)";
    let text = with(MIXED, "replications: 4", until);
    let text = with(
        &text,
        "policies: [\"adaptive\", \"remote\", \"threshold\"]",
        "policies: [\"remote\"]",
    );
    assert_eq!(results(&text, 1), results(&text, 2));
}

#[test]
fn another_seed_gives_other_results() {
    let of = |seed: u64| {
        let text = with(
            MIXED,
            "length: \"30s\"",
            &format!("length: \"5s\", seed: {seed}"),
        );
        let text = with(&text, "(at: \"15s\", workers: 1)", "");
        run(&plan(&text)).policies.swap_remove(0).result_hash
    };
    assert_eq!(of(1), of(1));
    assert_ne!(of(1), of(2));
}

/// An experiment with the messages of each replication, as its first contender met them.
fn recorded(plan: &Plan) -> (Experiment, Vec<Vec<Arrival>>) {
    let replications = plan.run.replications as usize;
    let kept = Arc::new(Mutex::new(vec![Vec::new(); replications]));
    let sink = |replication: u32| -> ArrivalSink<'_> {
        let kept = kept.clone();
        Box::new(move |arrival: &Arrival| {
            kept.lock().expect("no thread panicked")[replication as usize].push(*arrival);
        })
    };
    let sinks = Sinks {
        arrivals: Some(&sink),
        ..Sinks::default()
    };
    let experiment = Experiment::run(plan, &sinks, &Monitor::default());
    let kept = std::mem::take(&mut *kept.lock().expect("no thread panicked"));
    (experiment, kept)
}

/// The messages as the file that `--export-trace` writes.
fn exported(plan: &Plan, warm_up: Duration, replications: &[Vec<Arrival>]) -> Trace {
    let recorded = Recorded {
        length: Some(plan.run.length),
        warm_up: Some(warm_up),
    };
    let mut writer = TraceWriter::new(Vec::new(), recorded).expect("a vector takes all");
    for (replication, arrivals) in (0..).zip(replications) {
        for arrival in arrivals {
            let origin = Origin {
                source: Some(arrival.key.source()),
                caller: arrival.key.caller(),
                number: arrival.key.number(),
            };
            let row = Row {
                at: arrival.at,
                class: None,
                size: Some(arrival.size),
                units: Some(arrival.units),
                service: arrival.service,
                replication: Some(replication),
                origin: Some(origin),
            };
            let class = &plan.classes[usize::from(arrival.class.0)].name;
            let message = Exported {
                replication,
                row,
                class,
            };
            writer.write(&message).expect("a vector takes all");
        }
    }
    Trace::parse(&writer.into_inner()).expect("what is exported can be read")
}

/// Runs, exports and replays; the first contender, who met the exported messages, must have the
/// very same results.
#[track_caller]
fn check_replay(text: &str) {
    let plan = plan(text);
    let (first, arrivals) = recorded(&plan);
    let sent: usize = arrivals.iter().map(Vec::len).sum();
    assert!(sent > 100, "only {sent} messages were sent");
    let trace = exported(&plan, first.warm_up, &arrivals);
    let replayed = plan.clone().replay("exported.csv", trace);
    let again = run(&replayed.unwrap_or_else(|error| panic!("{error}")));
    let json = |results: &PolicyResults| {
        serde_json::to_string_pretty(&results.results).expect("results have text keys only")
    };
    let (was, is) = (&first.policies[0], &again.policies[0]);
    if was.result_hash != is.result_hash {
        let differences: Vec<String> = json(was)
            .lines()
            .zip(json(is).lines())
            .filter(|(was, is)| was != is)
            .map(|(was, is)| format!("{was} became {is}"))
            .collect();
        panic!("{}", differences.join("\n"));
    }
}

#[test]
fn open_sources_replay_to_the_same_hash() {
    check_replay(MIXED);
}

#[test]
fn a_blocked_source_replays_to_the_same_hash() {
    let text = with(
        MIXED,
        "classes: [\n                (name: \"ask\"",
        "when_full: Block,\n classes: [\n (name: \"ask\"",
    );
    check_replay(&with(
        &text,
        "broker: (",
        "broker: (max_queue_size: 8, reserve: 0, ",
    ));
}

#[test]
fn a_closed_loop_replays_to_the_same_hash() {
    let arrivals = "Closed(callers: 30, think: Exponential(\"200ms\"))";
    check_replay(&with(
        MIXED,
        "Mmpp([(\"40/s\", \"3s\"), (\"200/s\", \"2s\")])",
        arrivals,
    ));
}

/// Callers who do not think send at the very instant of an outcome: of a settle, and of a deadline
/// or of a call that takes no time, which come after the arrivals of their instant.
#[test]
fn callers_who_do_not_think_replay_to_the_same_hash() {
    check_replay(
        r#"(
            run: (length: "20s", warm_up: "0s", replications: 2),
            traffic: [(
                arrivals: Closed(callers: 12, think: Constant("0s")),
                classes: [
                    (name: "ask", to: Agent("echo"), lane: high, deadline: "100ms"),
                    (name: "tell", to: Agent("void"), deadline: "300ms"),
                ],
            )],
            agents: [
                (name: "echo", call: Exponential("40ms")),
                (name: "void", call: Mixture([(1.0, Constant("0s")), (1.0, Constant("30ms"))])),
            ],
            broker: (policy: "fixed", num_workers: 1, delivery_parallelism: 4, max_queue_size: 6),
        )"#,
    );
}

#[test]
fn a_warm_up_that_was_found_replays_as_it_was() {
    check_replay(
        r#"(
            run: (length: "60s", replications: 3),
            traffic: [(
                arrivals: Poisson("45/s"),
                classes: [(name: "a", to: Agent("echo"))],
            )],
            agents: [(name: "echo", call: Exponential("20ms"))],
            broker: (policy: "fixed", num_workers: 1, delivery_parallelism: 1),
        )"#,
    );
}

/// Every policy meets the same messages, replication by replication.
#[test]
fn policies_meet_the_same_messages() {
    let of = |policy: &str| {
        let all = "policies: [\"adaptive\", \"remote\", \"threshold\"]";
        recorded(&plan(&with(
            MIXED,
            all,
            &format!("policies: [\"{policy}\"]"),
        )))
        .1
    };
    let (adaptive, fixed) = (of("adaptive"), of("fixed(1)"));
    assert_eq!(adaptive, fixed);
    assert!(adaptive[0] != adaptive[1], "replications differ");
}

/// Ordinary agents take the same time for the same message under every policy: the same calls in
/// another order have the same mean and the same longest. (Silence at the end lets all calls
/// start within the window.)
#[test]
fn policies_meet_the_same_calls() {
    let text = r#"(
        run: (length: "40s", warm_up: "0s", replications: 2),
        traffic: [(
            arrivals: Phases([("100/s", "20s"), ("0/s", "20s")]),
            classes: [(name: "a", to: Agent("echo"))],
        )],
        agents: [(name: "echo", call: LogNormal(median: "100ms", sigma: 1.0))],
        broker: (worker_start_ms: 500),
        policies: ["adaptive", "fixed(2)", "fixed(1)"],
    )"#;
    let experiment = run(&plan(text));
    let figure = |results: &PolicyResults, metric| {
        results
            .results
            .figure(&Scope::Total, metric)
            .and_then(|it| it.mean)
    };
    let calls = |results| {
        [
            Metric::Calls,
            Metric::Service(Stat::Mean),
            Metric::Service(Stat::Max),
        ]
        .map(|metric| figure(results, metric))
    };
    let [first, rest @ ..] = experiment.policies.as_slice() else {
        panic!("there are three");
    };
    for other in rest {
        assert_eq!(
            calls(first),
            calls(other),
            "{} and {}",
            first.policy,
            other.policy
        );
        let wait = Metric::Wait(Stat::Mean);
        assert_ne!(figure(first, wait), figure(other, wait), "{}", other.policy);
    }
}

/// The model draws by message and attempt, whenever and in whatever order it is asked.
#[test]
fn a_call_takes_what_its_message_and_attempt_say() {
    let plan = plan(MIXED);
    let streams = Streams::new(7, 3);
    let model = || AgentModel::new(&plan.agents[0], &[], &Files::default(), streams);
    let items = (0..200).flat_map(|number| (0..3).map(move |attempt| (number, attempt)));
    let items: Vec<CallItem> = items
        .map(|(number, attempt)| CallItem {
            key: MessageKey::new(1, 2, number),
            attempt,
            units: 1,
            service: Service::Unknown,
        })
        .collect();
    let ask = |model: &mut AgentModel, at: u64, item: &CallItem| {
        let now = Time::ZERO + Duration::from_secs(at);
        match model.start(now, 0, std::slice::from_ref(item)) {
            Started::Runs(call) => {
                model.end(now, &call);
                (call.ends.map(|ends| ends.since(now)), call.result)
            }
            Started::Waits => panic!("there are servers enough"),
        }
    };
    let (mut forth, mut back) = (model(), model());
    let one: Vec<_> = (0..)
        .zip(&items)
        .map(|(at, item)| ask(&mut forth, at, item))
        .collect();
    let mut other: Vec<_> = (900..)
        .zip(items.iter().rev())
        .map(|(at, item)| ask(&mut back, at, item))
        .collect();
    other.reverse();
    assert_eq!(one, other);
    assert_ne!(one[0].0, one[1].0, "attempts differ");
}
