//! The experiments of the system that came before, as tables: what was measured, the floor of
//! the harness, and remote agents.

use std::fmt::Write as _;

use comfy_table::Table;
use ebbtide_fidelity::seed::{Measured, RemoteTrial, TrialKind};

use crate::commands::bench::Done;
use crate::output::{number, table};

/// Columns of what was measured.
const FIGURES: [&str; 7] = ["elapsed", "msg/s", "mean", "p50", "p95", "p99", "success"];

/// All tables, and a sentence.
pub(crate) fn render(trials: &[Done], pools: &[RemoteTrial]) -> String {
    let mut text = String::new();
    let mut add = |title: &str, table: &Table| {
        let _ = writeln!(text, "{title}\n{}\n", table.trim_fmt());
    };
    let mut echoes: Vec<u64> = trials.iter().map(|done| done.echo_ms).collect();
    echoes.dedup();
    for echo_ms in echoes {
        let of_echo: Vec<&Done> = trials
            .iter()
            .filter(|done| done.echo_ms == echo_ms)
            .collect();
        add(
            &format!("ebbtide, agents of {echo_ms} ms, beside what was measured then"),
            &measured(&of_echo),
        );
        add(
            &format!("a null broker, agents of {echo_ms} ms: the floor of the harness"),
            &floors(&of_echo),
        );
    }
    add(
        "remote agents, 600 messages a second for 8 s",
        &remote(pools),
    );
    text + &conclusion(trials, pools)
}

fn measured(trials: &[&Done]) -> Table {
    let columns = ["experiment", "setting"].into_iter().chain(FIGURES);
    let mut rows = table::new(columns.chain(["efficiency", "measured then", ""]));
    for done in trials {
        let names = [done.trial.experiment, done.trial.setting].map(str::to_owned);
        let rest = [
            efficiency(trials, done),
            done.trial.then.to_owned(),
            missed(&done.missed()),
        ];
        rows.add_row(names.into_iter().chain(figures(&done.live)).chain(rest));
    }
    (2..10).for_each(|column| table::align_column(&mut rows, column));
    rows
}

fn floors(trials: &[&Done]) -> Table {
    let mut rows = table::new(["experiment", "setting"].into_iter().chain(FIGURES));
    let mut seen = Vec::new();
    for done in trials {
        // Workers and batches make no difference to it.
        let size = match done.trial.kind {
            TrialKind::Requests(messages) => format!("{messages} requests"),
            TrialKind::Mix => done.trial.setting.to_owned(),
        };
        let same = (size.clone(), done.trial.batch > 1);
        if seen.contains(&same) {
            continue;
        }
        seen.push(same);
        let names = [done.trial.experiment.to_owned(), size];
        rows.add_row(names.into_iter().chain(figures(&done.floor)));
    }
    (2..9).for_each(|column| table::align_column(&mut rows, column));
    rows
}

fn remote(pools: &[RemoteTrial]) -> Table {
    let columns = ["agent", "workers", "mean workers"]
        .into_iter()
        .chain(FIGURES);
    let mut rows = table::new(columns.chain([""]));
    for pool in pools {
        let names = [
            format!("{} ms", pool.latency_ms),
            pool.policy.clone(),
            number::significant(pool.workers_mean),
        ];
        let missed = missed(&pool.missed());
        rows.add_row(
            names
                .into_iter()
                .chain(figures(&pool.measured))
                .chain([missed]),
        );
    }
    (2..10).for_each(|column| table::align_column(&mut rows, column));
    rows
}

fn figures(measured: &Measured) -> [String; 7] {
    [
        number::seconds(measured.elapsed_s),
        number::count(measured.per_s),
        number::seconds(measured.mean_s),
        number::seconds(measured.p50_s),
        number::seconds(measured.p95_s),
        number::seconds(measured.p99_s),
        number::percent(measured.success),
    ]
}

/// What a worker brings, of what the first of its experiment brings.
fn efficiency(trials: &[&Done], done: &Done) -> String {
    let first = trials
        .iter()
        .find(|it| it.trial.experiment == done.trial.experiment);
    let (first, workers) = match first {
        Some(first) if first.trial.workers != done.trial.workers => (first, done.trial.workers),
        _ => return String::new(),
    };
    let share =
        done.live.per_s / first.live.per_s / (f64::from(workers) / f64::from(first.trial.workers));
    number::percent(share)
}

fn missed(missed: &[&str]) -> String {
    if missed.is_empty() {
        return String::new();
    }
    format!("misses {}", missed.join(", "))
}

fn conclusion(trials: &[Done], pools: &[RemoteTrial]) -> String {
    let trials_missed = trials
        .iter()
        .filter(|done| !done.missed().is_empty())
        .count();
    let pools_missed = pools
        .iter()
        .filter(|pool| !pool.missed().is_empty())
        .count();
    let all = trials.len() + pools.len();
    match trials_missed + pools_missed {
        0 => format!("every target is met in all {all} runs\n"),
        missed => format!("{missed} of {all} runs miss a target\n"),
    }
}
