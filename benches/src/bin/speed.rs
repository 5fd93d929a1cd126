//! Compares all contenders in interleaved rounds: `speed [MESSAGES [ROUNDS [PYTHON]]]`.
//!
//! Time is this process's CPU time, so that what else the machine does counts little; ratios are
//! taken within a round, so that its mood counts less. With PYTHON, an interpreter that has SimPy,
//! SimPy's usual idiom joins with a twentieth of the messages.

use std::process::{Command, ExitCode};
use std::time::Duration;

use ebbtide_benches::contenders;
use ebbtide_benches::queue::{EXPECTED_WAIT, Load};
use rustix::time::{ClockId, clock_gettime};

const SIMPY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/simpy_resource.py");
/// SimPy gets this many times fewer messages: it is some hundred times slower.
const SIMPY_FEWER: u64 = 20;

/// One contender's rounds.
struct Row {
    name: &'static str,
    /// Messages per CPU second, a figure a round.
    speeds: Vec<f64>,
    waits: Vec<f64>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize, default: u64| {
        arguments
            .get(place)
            .map_or(Some(default), |text| text.parse().ok())
    };
    let (Some(messages), Some(rounds)) = (number(0, 1_000_000), number(1, 9)) else {
        eprintln!("usage: speed [MESSAGES [ROUNDS [PYTHON]]]");
        return ExitCode::from(2);
    };
    match compare(messages, rounds, arguments.get(2).map(String::as_str)) {
        Ok(rows) => {
            print(&rows, messages, rounds);
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("speed: {why}");
            ExitCode::FAILURE
        }
    }
}

fn compare(messages: u64, rounds: u64, python: Option<&str>) -> Result<Vec<Row>, String> {
    let names = contenders::ALL.iter().map(|one| one.name);
    let mut rows: Vec<Row> = names
        .chain(python.map(|_| "SimPy Resource"))
        .map(|name| Row {
            name,
            speeds: Vec::new(),
            waits: Vec::new(),
        })
        .collect();
    for round in 0..rounds {
        let seed = round + 1;
        for (contender, row) in contenders::ALL.iter().zip(&mut rows) {
            let before = cpu_time();
            let seen = (contender.run)(Load { messages, seed });
            let took = cpu_time().saturating_sub(before);
            row.speeds.push(seen.served as f64 / took.as_secs_f64());
            row.waits.push(seen.mean_wait);
        }
        if let (Some(python), Some(row)) = (python, rows.last_mut()) {
            let (speed, wait) = simpy(python, messages / SIMPY_FEWER, seed)?;
            row.speeds.push(speed);
            row.waits.push(wait);
        }
        eprintln!("round {} of {rounds}", round + 1);
    }
    Ok(rows)
}

/// CPU time of this process, all threads.
fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// Messages per CPU second and mean wait, as the script measured them.
fn simpy(python: &str, messages: u64, seed: u64) -> Result<(f64, f64), String> {
    let output = Command::new(python)
        .args([SIMPY, &messages.to_string(), &seed.to_string()])
        .output()
        .map_err(|why| format!("{python}: {why}"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut figures = said.split_whitespace().map(str::parse::<f64>);
    match (figures.next(), figures.next()) {
        (Some(Ok(speed)), Some(Ok(wait))) => Ok((speed, wait)),
        _ => Err(format!(
            "{SIMPY} said {said:?} and {:?}",
            String::from_utf8_lossy(&output.stderr)
        )),
    }
}

#[expect(clippy::print_stdout, reason = "the table is what the program is for")]
fn print(rows: &[Row], messages: u64, rounds: u64) {
    println!(
        "M/M/5 at 90 % load, {messages} messages a round, {rounds} interleaved rounds, one thread, \
         CPU time; median [lowest–highest].\nMean wait by Erlang C: {EXPECTED_WAIT} mean calls.\n"
    );
    println!("| contender | million messages/s | × bare loop | mean wait |");
    println!("| --- | --- | --- | --- |");
    let yardstick = &rows[0].speeds;
    for row in rows {
        let millions: Vec<f64> = row.speeds.iter().map(|speed| speed / 1e6).collect();
        let pairs = row.speeds.iter().zip(yardstick);
        let ratios: Vec<f64> = pairs.map(|(own, bare)| own / bare).collect();
        let wait = row.waits.iter().sum::<f64>() / row.waits.len() as f64;
        println!(
            "| {} | {} | {} | {wait:.3} |",
            row.name,
            spread(&millions),
            spread(&ratios)
        );
    }
}

/// Median, and range in brackets, to three significant figures.
fn spread(figures: &[f64]) -> String {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len() - 1;
    let median = f64::midpoint(sorted[last / 2], sorted[last.div_ceil(2)]);
    let digits = (2 - median.log10().floor() as i32).clamp(0, 6) as usize;
    format!(
        "{median:.digits$} [{:.digits$}–{:.digits$}]",
        sorted[0], sorted[last]
    )
}
