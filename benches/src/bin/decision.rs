//! What one decision of the default costs: `decision [ROUNDS]` for every case, `decision CASE ROUNDS` runs one of them
//! without a clock, for counting instructions: the difference of two ROUNDS is that many passes.
//!
//! Each case is what the default saw in a whole run of a scenario of the arena. A pass shows it all of that again,
//! fresh at the start, and since it has no randomness it decides what it decided. A decision's time is the
//! least of its rounds: whatever else the machine did is not the policy's.

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use ebbtide_measure::Detail;
use ebbtide_policies::model_predictive::Adaptive;
use ebbtide_policies::units::Duration;
use ebbtide_policies::{Observation, Policy};
use ebbtide_sim::arena::suite;
use ebbtide_sim::experiment::replicate;
use ebbtide_sim::files::Files;
use ebbtide_sim::{Monitor, Plan, Sinks};

/// A name, the scenario, and what a decision may cost at most, in microseconds.
const CASES: &[(&str, &str, f64)] = &[
    ("steps", "step-5", 100.0),
    ("bursts", "markov-bursts", 100.0),
    ("crowded agent", "retrograde", 100.0),
    ("two deadlines", "mixed-deadlines", 100.0),
    ("closed loop", "closed-callers", 100.0),
    ("batches", "batch-efficient", 150.0),
    ("batches, priced calls", "hosted-calls", 150.0),
];

const USAGE: &str = "usage: decision [ROUNDS], or decision CASE ROUNDS";

#[expect(clippy::print_stdout, reason = "the table is what the program is for")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rounds = arguments.last().map_or(Some(9), |text| text.parse().ok());
    let Some(rounds) = rounds.filter(|rounds: &usize| *rounds > 0 && arguments.len() < 3) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    if arguments.len() == 2 {
        let Some(case) = CASES.iter().find(|(name, ..)| *name == arguments[0]) else {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        };
        let seen = observations(case.1);
        for _ in 0..rounds {
            pass(&seen, |_, decide| decide());
        }
        eprintln!("{} decisions a round", seen.len());
        return ExitCode::SUCCESS;
    }
    println!(
        "{:<22} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "case", "decisions", "mean ns", "P99 ns", "most ns", "limit ns"
    );
    let mut is_over = false;
    for (name, scenario, limit_us) in CASES {
        let seen = observations(scenario);
        let times = times(&seen, rounds);
        let mean = times.iter().sum::<f64>() / times.len() as f64;
        let p99 = times[(times.len() * 99).div_ceil(100) - 1];
        let most = times[times.len() - 1];
        is_over |= p99 > limit_us * 1e3;
        println!(
            "{name:<22} {:>9} {mean:>9.0} {p99:>9.0} {most:>9.0} {:>9.0}",
            times.len(),
            limit_us * 1e3
        );
    }
    if is_over {
        eprintln!("a P99 is over its limit");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// What the default sees in a scenario's first replication.
fn observations(scenario: &str) -> Vec<Observation> {
    let (_, shipped) = suite::all()
        .find(|(_, it)| it.name == scenario)
        .expect("the cases are of the suite");
    let mut plan = Plan::new(shipped.text, Files::default()).expect("the suite is sound");
    let default = plan.contender(|| Box::new(Adaptive::default()));
    plan.contenders = vec![default.expect("it starts within the bounds")];
    let seen = Arc::new(Mutex::new(Vec::new()));
    let heard = seen.clone();
    let sink = move |_| -> ebbtide_measure::record::DecisionSink {
        let heard = heard.clone();
        Box::new(move |record| {
            let mut heard = heard.lock().expect("nobody panics with it");
            heard.extend(record.observation.clone());
        })
    };
    let sinks = Sinks {
        decisions: Some(&sink),
        ..Sinks::default()
    };
    let run = replicate(
        &plan,
        0,
        0,
        Duration::ZERO,
        Detail::Summary,
        &sinks,
        &Monitor::default(),
    );
    run.expect("nobody stops it");
    let seen = std::mem::take(&mut *seen.lock().expect("nobody panics with it"));
    assert!(!seen.is_empty(), "{scenario} has decisions");
    seen
}

/// Shows a fresh default everything, each time by way of `around`, which is told which it is.
fn pass(seen: &[Observation], mut around: impl FnMut(usize, &mut dyn FnMut())) {
    let mut policy = Adaptive::default();
    for (number, observation) in seen.iter().enumerate() {
        around(number, &mut || {
            black_box(policy.decide(black_box(observation)));
        });
    }
}

/// The least time of each decision in nanoseconds, the shortest first.
fn times(seen: &[Observation], rounds: usize) -> Vec<f64> {
    let mut times = vec![f64::INFINITY; seen.len()];
    for _ in 0..rounds {
        pass(seen, |number, decide| {
            let began = Instant::now();
            decide();
            times[number] = times[number].min(began.elapsed().as_nanos() as f64);
        });
    }
    times.sort_by(f64::total_cmp);
    times
}
