//! Decision parity: a journal of a run, run again, gives the same observations and the same
//! decisions, byte for byte, also where the writer could not keep up; and whatever is wrong with
//! either side is found. The simulator stands in for the live broker: it makes the same calls.

mod bites;
mod tape;

use ebbtide_policies::Policy;
use ebbtide_policies::registry::POLICIES;
use ebbtide_sim::Plan;
use ebbtide_sim::files::Files;
use ebbtide_sim::scenario::set;
use ebbtide_sim::shipped::{SHIPPED, WAVES};
use tape::{Tape, Writer, replay};

/// Everything that core has to do: several agents and lanes, batches, broadcasts, ordering keys,
/// deadlines, callers that give up, retries, 429s, hangs, an outage, lost workers, cold starts,
/// early ticks.
pub(crate) const MIXED: &str = r#"(
    run: (length: "90s", tail: "20s"),
    traffic: [
        (
            arrivals: Phases([("40/s", "6s"), ("90/s", "6s"), ("180/s", "20s"), ("420/s", "30s"),
                               ("100/s", "28s")]),
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
        (
            arrivals: Poisson("30/s"), when_full: Block,
            classes: [(name: "wait", to: Agent("echo"), lane: bulk)],
        ),
    ],
    agents: [
        (name: "echo", call: LogNormal(median: "40ms", sigma: 0.8), hangs: 0.002,
         round_trip: Exponential("5ms"), failures: (share: 0.05),
         rate_limit: (calls: (rate: "400/s", burst: 60)),
         protect: (topics: ["news"], unit_rate: (rate: "2000/s", burst: 200))),
        (name: "rank", per_call: "30ms", per_item: Exponential("2ms"),
         noise: LogNormal(sigma: 0.3), protect: (topics: ["news"], in_flight_limit: 12)),
    ],
    faults: [(agent: "rank", from: "10s", until: "14s", effect: Outage)],
    worker_deaths: [(at: "15s", workers: 1), (at: "25s", workers: 2)],
    worker_start: Uniform(low: "200ms", high: "900ms"),
    broker: (num_workers: 1, max_workers: 99, delivery_parallelism: 1,
             shrink_window_ms: 2000, call_timeout_ms: 2000, cancel_grace_ms: 50, max_queue_size: 300,
             objective: "p95(sojourn) < 500ms"),
)"#;

/// Every shipped policy; those that hardly move within ninety seconds with settings that do.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    POLICIES.iter().map(|entry| match entry.name {
        "threshold" => "threshold(2)",
        "flink" => "flink(60)",
        "ray-serve" => {
            "ray-serve(metrics_interval: \"2s\", look_back: \"5s\", upscale_delay: \"2s\", downscale_delay: \"5s\")"
        }
        "wva" => "wva(interval: \"10s\", rate_window: \"20s\")",
        name => name,
    })
}

/// Policies that change little under this load: they stay where they find saturation or the top of a hill,
/// or wish for what there is between two looks, which the broker's shrink window takes for a need.
/// `WAVES` has neither.
const SELDOM: [&str; 8] = [
    "ds2",
    "flink(60)",
    "chiron",
    "temporal-rate",
    "temporal-poller",
    "failsafe",
    "gradient2",
    "hill-climbing",
];

fn shipped(name: &str) -> Option<Box<dyn Policy>> {
    ebbtide_policies::registry::build(name).ok()
}

/// The whole tape agrees, and has enough of everything to mean something.
#[track_caller]
fn check_agrees(tape: &Tape, policy: &str) -> ebbtide_core::journal::Parity {
    let parity = replay(&tape.bytes(), &shipped);
    assert_eq!(parity.mismatch, None, "{policy}: {parity:?}");
    assert!(parity.ended && parity.unknown_from.is_none(), "{parity:?}");
    assert!(
        parity.inputs > 1_000 && parity.decisions >= 10,
        "{parity:?}"
    );
    let enough = match policy {
        "fixed" => 0,
        seldom if SELDOM.contains(&seldom) => 1,
        _ => 5,
    };
    assert!(parity.changes >= enough, "{policy}: {parity:?}");
    parity
}

#[test]
fn every_policy_decides_again_what_it_decided() {
    for policy in names() {
        check_agrees(&Tape::record(MIXED, policy, Writer::Keeps), policy);
    }
}

#[test]
fn every_policy_goes_along_with_waves_and_decides_again_what_it_decided() {
    let plan = Plan::new(WAVES, Files::default()).expect("a scenario without faults");
    let names = plan.contenders.iter().map(|it| it.name.as_str());
    let is_there =
        |name| (names.clone()).any(|it| it == name || it.starts_with(&format!("{name}(")));
    let missing = POLICIES.iter().filter(|entry| !is_there(entry.name));
    let missing: Vec<&str> = missing.map(|entry| entry.name).collect();
    assert_eq!(missing, ["fixed"]);
    for policy in names {
        let parity = replay(
            &Tape::record(WAVES, policy, Writer::Keeps).bytes(),
            &shipped,
        );
        assert_eq!(parity.mismatch, None, "{policy}: {parity:?}");
        assert!(parity.ended && parity.changes >= 5, "{policy}: {parity:?}");
    }
}

#[test]
fn shipped_scenarios_replay_under_every_policy() {
    for it in SHIPPED {
        let scenario = it.name;
        let text = set(it.text, "run.length", "\"20s\"").expect("it may be set");
        for policy in names() {
            let tape = Tape::record(&text, policy, Writer::Keeps);
            let parity = replay(&tape.bytes(), &shipped);
            assert_eq!(
                parity.mismatch, None,
                "{scenario} under {policy}: {parity:?}"
            );
            assert!(
                parity.ended && parity.decisions >= 10,
                "{scenario}: {parity:?}"
            );
        }
    }
}

#[test]
fn a_gap_costs_inputs_and_no_decision() {
    for policy in names() {
        let whole = check_agrees(&Tape::record(MIXED, policy, Writer::Keeps), policy);
        for seed in 0..4 {
            let tape = Tape::record(MIXED, policy, Writer::Stalls { seed });
            let parity = check_agrees(&tape, policy);
            assert!(parity.gaps >= 5 && parity.lost.inputs > 100, "{parity:?}");
            assert!(parity.decisions_in_gaps >= 3, "{parity:?}");
            assert_eq!(parity.inputs + parity.lost.inputs, whole.inputs);
            assert_eq!(parity.decisions + parity.decisions_in_gaps, whole.decisions);
            assert_eq!(parity.changes, whole.changes);
        }
    }
}

#[test]
fn a_journal_changes_nothing_of_the_run() {
    let with = Tape::record(MIXED, "adaptive", Writer::Stalls { seed: 9 });
    let without = tape::run(MIXED, "adaptive", &ebbtide_sim::Sinks::default());
    assert_eq!(with.result_hash, without);
}
