//! `cargo xtask docs`: draws the README's figures and fills in its table from a run of the main
//! job, so that they stay true; `ci` runs the job again and fails when they no longer are.
//!
//! Pictures are not compared byte by byte (a new font would change them all): their numbers are.

use std::path::Path;

use serde_json::{Map, Value};

use crate::shell::{self, Done};
use crate::tools;

const SCENARIO: &str = "remote-agents";
/// The one to show first, then those to compare it with.
const POLICIES: &str = "adaptive,remote,in_process";
/// Figures of the run, and where the README finds them.
const FIGURES: &[(&str, &str)] = &[
    ("sojourn-adaptive.svg", "docs/remote-agents-sojourn.svg"),
    ("pool-adaptive.svg", "docs/remote-agents-pool.svg"),
];
/// The table's numbers as they were when the figures were drawn.
const NUMBERS: &str = "docs/remote-agents.json";
const README: &str = "README.md";
const OPEN: &str = "<!-- figures: written by `cargo xtask docs` -->\n";
const CLOSE: &str = "<!-- /figures -->";
/// How far a number may have moved before the README is no longer true.
const SLACK: f64 = 0.05;

/// A column of the table: its head, where the results have it, and how it is printed.
type Column = (&'static str, &'static str, fn(f64) -> String);

const COLUMNS: &[Column] = &[
    ("P50", "/sojourn_s/p50", milliseconds),
    ("P95", "/sojourn_s/p95", milliseconds),
    ("P99", "/sojourn_s/p99", milliseconds),
    ("workers, mean", "/workers_mean", tenths),
    ("worker-seconds", "/worker_seconds", whole),
];

/// Runs the job and writes figures, numbers and table.
pub(crate) fn run(root: &Path) -> Done {
    let numbers = simulate(root)?;
    let figures = out(root)?.join("figures");
    for (drawn, kept) in FIGURES {
        let to = root.join(kept);
        std::fs::copy(figures.join(drawn), &to).map_err(|why| format!("{drawn}: {why}"))?;
    }
    let text = serde_json::to_string_pretty(&numbers).map_err(|why| why.to_string())?;
    write(root, NUMBERS, &(text + "\n"))?;
    let readme = read(root, README)?;
    write(root, README, &with_table(&readme, &table(&numbers))?)
}

/// Runs the job and compares with what the README says.
pub(crate) fn check(root: &Path) -> Done {
    let kept: Value =
        serde_json::from_str(&read(root, NUMBERS)?).map_err(|why| format!("{NUMBERS}: {why}"))?;
    let readme = read(root, README)?;
    if with_table(&readme, &table(&kept))? != readme {
        return Err(format!(
            "{README} does not say what {NUMBERS} does: cargo xtask docs"
        ));
    }
    check_example(root, &readme)?;
    let moved = differences(&kept, &simulate(root)?);
    if moved.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{README} is no longer true: cargo xtask docs\n{}",
        moved.join("\n")
    ))
}

/// The README's example must be one that the command takes.
fn check_example(root: &Path, readme: &str) -> Done {
    let example = example_of(readme).ok_or_else(|| format!("{README} has no example in RON"))?;
    let file = tools::target_dir(root)?.join("readme.ron");
    std::fs::write(&file, example).map_err(|why| format!("{}: {why}", file.display()))?;
    let ebbtide = tools::release_binary(root, "ebbtide")?;
    shell::run(
        shell::program(root, &ebbtide.to_string_lossy())
            .arg("check")
            .arg(file),
    )
}

fn example_of(readme: &str) -> Option<&str> {
    let (_, rest) = readme.split_once("```ron\n")?;
    Some(rest.split_once("```")?.0)
}

/// The table's numbers, by policy and column.
fn simulate(root: &Path) -> Done<Value> {
    let ebbtide = tools::release_binary(root, "ebbtide")?;
    let mut command = shell::program(root, &ebbtide.to_string_lossy());
    command.args([
        "simulate", SCENARIO, "--policy", POLICIES, "--format", "json", "--quiet",
    ]);
    let text = shell::read(command.arg("--out").arg(out(root)?))?;
    let report = serde_json::from_str(&text).map_err(|why| format!("its JSON: {why}"))?;
    Ok(numbers_of(&report))
}

fn numbers_of(report: &Value) -> Value {
    let mut numbers = Map::new();
    for entry in report["policies"].as_array().into_iter().flatten() {
        let columns = COLUMNS.iter().map(|(head, path, _)| {
            let figure = entry["results"].pointer(path).unwrap_or(&Value::Null);
            let kept = ["mean", "at_least"].map(|part| (part.to_owned(), figure[part].clone()));
            (
                (*head).to_owned(),
                Value::Object(kept.into_iter().collect()),
            )
        });
        let name = entry["policy"].as_str().unwrap_or_default();
        numbers.insert(name.to_owned(), Value::Object(columns.collect()));
    }
    Value::Object(numbers)
}

fn table(numbers: &Value) -> String {
    let heads = COLUMNS.iter().map(|(head, ..)| *head);
    let mut lines = vec![row("policy", heads.map(str::to_owned))];
    lines.push(format!("| --- |{}", " --- |".repeat(COLUMNS.len())));
    for name in POLICIES.split(',') {
        let cells = COLUMNS
            .iter()
            .map(|(head, _, print)| cell(&numbers[name][head], *print));
        lines.push(row(&format!("`{name}`"), cells));
    }
    lines.join("\n") + "\n"
}

/// A figure's mean; with "≥" where unfinished messages may make it larger.
fn cell(figure: &Value, print: fn(f64) -> String) -> String {
    let at_least = figure["at_least"].as_bool().unwrap_or(false);
    match figure["mean"].as_f64() {
        Some(mean) if at_least => format!("≥ {}", print(mean)),
        Some(mean) => print(mean),
        None => "–".to_owned(),
    }
}

fn row(first: &str, cells: impl Iterator<Item = String>) -> String {
    cells.fold(format!("| {first} |"), |row, cell| {
        format!("{row} {cell} |")
    })
}

fn with_table(readme: &str, table: &str) -> Done<String> {
    let marked = readme
        .split_once(OPEN)
        .and_then(|(before, rest)| Some((before, rest.split_once(CLOSE)?.1)));
    let (before, after) = marked.ok_or_else(|| format!("{README} has lost its marks {OPEN}"))?;
    Ok(format!("{before}{OPEN}{table}{CLOSE}{after}"))
}

/// Numbers that moved by more than the slack, or are no longer there.
fn differences(kept: &Value, fresh: &Value) -> Vec<String> {
    let mut moved = Vec::new();
    for name in POLICIES.split(',') {
        for (head, ..) in COLUMNS {
            let mean = |numbers: &Value| numbers[name][head]["mean"].as_f64();
            let (old, new) = (mean(kept), mean(fresh));
            let near = match (old, new) {
                (Some(old), Some(new)) => (old - new).abs() <= SLACK * old.abs(),
                (None, None) => true,
                _ => false,
            };
            if !near {
                moved.push(format!("{name}, {head}: was {old:?}, is {new:?}"));
            }
        }
    }
    moved
}

fn out(root: &Path) -> Done<std::path::PathBuf> {
    Ok(tools::target_dir(root)?.join("docs-run"))
}

fn read(root: &Path, path: &str) -> Done<String> {
    std::fs::read_to_string(root.join(path)).map_err(|why| format!("{path}: {why}"))
}

fn write(root: &Path, path: &str, text: &str) -> Done {
    std::fs::write(root.join(path), text).map_err(|why| format!("{path}: {why}"))
}

fn milliseconds(seconds: f64) -> String {
    let ms = seconds * 1e3;
    if ms < 10_000.0 {
        format!("{ms:.0} ms")
    } else {
        format!("{seconds:.0} s")
    }
}

fn tenths(value: f64) -> String {
    format!("{value:.1}")
}

fn whole(value: f64) -> String {
    format!("{value:.0}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn numbers(p95: f64) -> Value {
        let entry = |p95: f64| {
            json!({
                "sojourn_s": {"p50": {"mean": 0.08}, "p95": {"mean": p95, "at_least": p95 > 1.0}, "p99": {"mean": null}},
                "workers_mean": {"mean": 2.34}, "worker_seconds": {"mean": 1500.4},
            })
        };
        let policies: Vec<Value> = POLICIES
            .split(',')
            .map(|name| json!({"policy": name, "results": entry(p95)}))
            .collect();
        numbers_of(&json!({ "policies": policies }))
    }

    #[test]
    fn the_table_is_written_between_its_marks() {
        let readme = format!("above\n{OPEN}old\n{CLOSE}\nbelow\n");
        let written = with_table(&readme, &table(&numbers(0.157))).unwrap();
        assert!(written.starts_with("above\n") && written.ends_with("\nbelow\n"));
        assert!(
            written.contains("| `remote` | 80 ms | 157 ms | – | 2.3 | 1500 |\n"),
            "{written}"
        );
        assert!(with_table("no marks", "").is_err());
    }

    #[test]
    fn what_may_be_larger_is_printed_so() {
        assert!(table(&numbers(25.4)).contains("| ≥ 25 s |"));
    }

    #[test]
    fn the_example_is_found() {
        assert_eq!(example_of("a\n```ron\n(x: 1)\n```\nb"), Some("(x: 1)\n"));
        assert_eq!(example_of("nothing"), None);
    }

    #[test]
    fn a_number_that_moved_is_named() {
        assert!(differences(&numbers(0.157), &numbers(0.160)).is_empty());
        let moved = differences(&numbers(0.157), &numbers(0.2));
        assert_eq!(moved.len(), 3);
        assert!(moved[0].starts_with("adaptive, P95"));
    }
}
