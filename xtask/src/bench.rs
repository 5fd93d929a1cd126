//! `cargo xtask bench` and `cargo xtask instructions`: how fast the simulator is, with
//! `bench peers` the live broker, and with `bench decision` the default policy.
//!
//! Seconds depend on the machine and its mood, so they are for reading; instructions a message
//! do not, so they are held by continuous integration.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::shell::{self, Done};
use crate::tools;

/// Who is held to a number of instructions.
const HELD: &str = "ebbtide";
/// What everyone is counted for, beside the one that is held.
const OTHERS: &[&str] = &[
    "bare-loop",
    "kiefer-wolfowitz",
    "cronoq-core",
    "core",
    "core-recorded",
];
/// Cases of `decision` whose instructions are counted.
const DECISION_CASES: &[&str] = &["steps", "bursts", "closed loop", "batches"];
/// More than this fails, whatever is recorded.
const GOAL: u64 = 2_000;
/// The figure of the last change, `NAME INSTRUCTIONS` a line: a rise beyond its slack fails.
const RECORD: &str = "benches/instructions.txt";
const SLACK: f64 = 0.03;
/// Two run lengths whose difference leaves start-up and closing out.
const SHORT: u64 = 100_000;
const LONG: u64 = 200_000;

/// Builds what the other functions run.
pub(crate) fn build(root: &Path) -> Done {
    shell::run(shell::cargo(root).args([
        "build",
        "--release",
        "--locked",
        "--package",
        "ebbtide-benches",
    ]))
}

/// Counts the instructions of one message and compares with the limit and the record.
pub(crate) fn instructions(root: &Path) -> Done {
    if let Err(missing) = tools::ensure_apt(root, "valgrind", "valgrind") {
        shell::skip_loudly("the count of instructions", &missing);
        return Ok(());
    }
    let counted = instructions_per_message(root, HELD)?;
    let record = std::fs::read_to_string(root.join(RECORD)).unwrap_or_default();
    let recorded = parse_record(&record, HELD);
    eprintln!(
        "{HELD}: {counted} instructions a message (goal {GOAL}, recorded {})",
        recorded.map_or("none".to_owned(), |number| number.to_string())
    );
    judge(counted, recorded)
}

/// Prints the table of speeds, then instructions and peak memory of each contender.
pub(crate) fn run(root: &Path) -> Done {
    build(root)?;
    let speed = tools::release_binary(root, "speed")?;
    let mut compare = shell::program(root, &speed.to_string_lossy());
    compare.args(["1000000", "9"]);
    match python_with_simpy(root) {
        Ok(python) => {
            compare.arg(python);
        }
        Err(why) => shell::skip_loudly("SimPy", &why),
    }
    shell::run(&mut compare)?;
    if let Err(missing) = tools::ensure_apt(root, "valgrind", "valgrind") {
        shell::skip_loudly("the count of instructions", &missing);
        return Ok(());
    }
    for name in OTHERS.iter().chain([&HELD]) {
        let counted = instructions_per_message(root, name)?;
        eprintln!("{name}: {counted} instructions a message");
    }
    Ok(())
}

/// Prints what one decision of the default costs, in time and in instructions.
pub(crate) fn decision(root: &Path) -> Done {
    build(root)?;
    let decision = tools::release_binary(root, "decision")?;
    let timed = shell::run(&mut shell::program(root, &decision.to_string_lossy()));
    if let Err(missing) = tools::ensure_apt(root, "valgrind", "valgrind") {
        shell::skip_loudly("the count of instructions", &missing);
        return timed;
    }
    for case in DECISION_CASES {
        let of = |rounds| counted(root, "decision", &[case, rounds]);
        let ((one, decisions), (two, _)) = (of("1")?, of("2")?);
        let each = two.saturating_sub(one) / decisions.max(1);
        eprintln!("{case}: {each} instructions a decision");
    }
    timed
}

/// Prints the page of the live broker and its peers; `options` are the rounds and the cases, or `keep` with
/// a file before them, for a piece of a run.
pub(crate) fn peers(root: &Path, options: &[&str]) -> Done {
    compare(root, options)?;
    if options.first() == Some(&"keep") {
        return Ok(());
    }
    let count = tools::release_binary(root, "allocations")?;
    shell::run(&mut shell::program(root, &count.to_string_lossy()))
}

/// Prints the tables of ways to hold core; `options` are the rounds.
pub(crate) fn shapes(root: &Path, options: &[&str]) -> Done {
    compare(root, &[&["shapes"], options].concat())
}

fn compare(root: &Path, arguments: &[&str]) -> Done {
    let build = [
        "build",
        "--release",
        "--locked",
        "--package",
        "ebbtide-peers",
    ];
    shell::run(shell::cargo(root).args(build))?;
    let compare = tools::release_binary(root, "peers")?;
    shell::run(shell::program(root, &compare.to_string_lossy()).args(arguments))
}

fn judge(counted: u64, recorded: Option<u64>) -> Done {
    if counted > GOAL {
        return Err(format!(
            "{counted} instructions a message, the goal is at most {GOAL}"
        ));
    }
    match recorded {
        Some(recorded) if counted as f64 > recorded as f64 * (1.0 + SLACK) => Err(format!(
            "{counted} instructions a message, recorded are {recorded}: find what costs them, or \
             write the new figure to {RECORD} and the reason into the commit"
        )),
        Some(recorded) if (counted as f64) < recorded as f64 * (1.0 - SLACK) => {
            eprintln!("that is less than recorded: write {counted} to {RECORD}");
            Ok(())
        }
        Some(_) => Ok(()),
        None => Err(format!(
            "{RECORD} has no figure for {HELD}: write {counted} there"
        )),
    }
}

fn parse_record(record: &str, name: &str) -> Option<u64> {
    record
        .lines()
        .filter_map(|line| line.split_once(' '))
        .find(|(named, _)| *named == name)
        .and_then(|(_, number)| number.trim().parse().ok())
}

/// The difference of two run lengths, by callgrind.
fn instructions_per_message(root: &Path, name: &str) -> Done<u64> {
    let short = count(root, name, SHORT)?;
    let long = count(root, name, LONG)?;
    Ok(long.saturating_sub(short) / (LONG - SHORT))
}

fn count(root: &Path, name: &str, messages: u64) -> Done<u64> {
    let messages = messages.to_string();
    counted(root, "messages", &[name, &messages]).map(|(instructions, _)| instructions)
}

/// Instructions of a run of one of the binaries, and the first number that it says itself.
fn counted(root: &Path, binary: &str, arguments: &[&str]) -> Done<(u64, u64)> {
    let output = shell::program(root, "valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(tools::release_binary(root, binary)?)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|why| format!("valgrind: {why}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let own = said.lines().filter(|line| !line.starts_with("=="));
    let number = own
        .flat_map(str::split_whitespace)
        .find_map(|word| word.parse().ok());
    parse_collected(&said)
        .filter(|_| output.status.success())
        .map(|instructions| (instructions, number.unwrap_or(0)))
        .ok_or_else(|| format!("callgrind of {binary} {arguments:?} counted nothing:\n{said}"))
}

/// Callgrind's closing line: `==123== Collected : 4567`.
fn parse_collected(said: &str) -> Option<u64> {
    said.lines()
        .filter_map(|line| line.split_once("Collected : "))
        .find_map(|(_, number)| number.trim().parse().ok())
}

/// An interpreter of our own that has SimPy, made in the target folder once.
fn python_with_simpy(root: &Path) -> Done<PathBuf> {
    let home = tools::target_dir(root)?.join("tools").join("simpy");
    let python = home.join("bin").join("python");
    let ready = || {
        python.is_file()
            && shell::succeeds(
                shell::program(root, &python.to_string_lossy()).args(["-c", "import simpy"]),
            )
    };
    if !ready() {
        shell::run(
            shell::program(root, "python3")
                .args(["-m", "venv"])
                .arg(&home),
        )?;
        shell::run(shell::program(root, &python.to_string_lossy()).args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "simpy==4.1.2",
        ]))?;
    }
    if ready() {
        Ok(python)
    } else {
        Err("it cannot be installed here".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rise_beyond_the_record_fails() {
        assert!(judge(1_000, Some(1_000)).is_ok());
        assert!(judge(1_029, Some(1_000)).is_ok());
        assert!(judge(1_031, Some(1_000)).is_err());
        assert!(judge(500, Some(1_000)).is_ok());
        assert!(judge(2_001, Some(2_001)).is_err(), "the goal holds");
        assert!(judge(1_000, None).is_err());
    }

    #[test]
    fn record_and_callgrind_are_read() {
        assert_eq!(
            parse_record("other 5\nebbtide 1234\n", "ebbtide"),
            Some(1_234)
        );
        assert_eq!(parse_record("", "ebbtide"), None);
        let said = "==12== Events    : Ir\n==12== Collected : 36800475\n";
        assert_eq!(parse_collected(said), Some(36_800_475));
    }
}
