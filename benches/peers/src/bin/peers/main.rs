//! Compares ebbtide with its peers: `peers [ROUNDS [CASE]]` prints a page with tables; `peers shapes
//! [ROUNDS]` compares the ways to hold core. `peers keep FILE ROUNDS CASE` adds rounds to those in a file, so that
//! a run may be taken in pieces, and `peers page FILE` prints the page of them.
//!
//! A process of its own for each measurement, which is this program again as
//! `peers one PEER CASE MILLISECONDS [pinned]`. `peers carry PEER CASE MESSAGES` carries so many and
//! no more: for whoever counts instructions (`valgrind --tool=callgrind`).

mod goals;
mod page;
mod rounds;

use std::io::ErrorKind;
use std::process::ExitCode;
use std::time::Duration;

use ebbtide_peers::cases::{CASES, Case};
use ebbtide_peers::measure::{self, Cost};
use ebbtide_peers::peers::{self, Run, bare, ebbtide};
use ebbtide_peers::shapes;

use rounds::Taken;

/// Who can be measured besides the peers.
const BARE: &str = "bare sleep";
const IDLE: &str = "idle";
/// What the shapes are measured in.
const SHAPED: &[&str] = &[
    "tell 1→1",
    "tell 8→1",
    "tell 8→5",
    "ask 1",
    "ask 50",
    "ask 1000",
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["one", peer, case, millis] => one(peer, case, millis),
        ["one", peer, case, millis, "pinned"] => measure::pin()
            .map_err(|why| format!("cannot be kept on one core: {why}"))
            .and_then(|()| one(peer, case, millis)),
        ["keep", file, rounds, case] => keep(file, rounds, case),
        ["page", file] => kept(file).map(|taken| page::print(&taken)),
        ["carry", peer, case, messages] => carry(peer, case, messages),
        ["shapes"] => shapes("7"),
        ["shapes", rounds] => shapes(rounds),
        [] => compare("7", ""),
        [rounds] => compare(rounds, ""),
        [rounds, case] => compare(rounds, case),
        _ => Err("usage: peers [ROUNDS [CASE]]".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("peers: {why}");
            ExitCode::FAILURE
        }
    }
}

/// One measurement, printed as [`rounds::parse`] reads it.
#[expect(clippy::print_stdout, reason = "the parent process reads it")]
fn one(peer: &str, case: &str, millis: &str) -> Result<(), String> {
    let millis = millis.parse().map_err(|_| format!("no time: {millis}"))?;
    let cost = measured(peer, case, Duration::from_millis(millis))?;
    let (cpu, wall) = (cost.cpu.as_nanos(), cost.wall.as_nanos());
    println!("{} {cpu} {wall}", cost.messages);
    Ok(())
}

fn carry(peer: &str, case: &str, messages: &str) -> Result<(), String> {
    let messages = messages
        .parse()
        .map_err(|_| format!("no number: {messages}"))?;
    let (run, case) = find(peer, case)?;
    // Without a clock: reading the process's own is beyond valgrind.
    let messages = case.evenly(messages);
    let arrived = run(case, messages) == case.sum(messages);
    arrived
        .then_some(())
        .ok_or_else(|| "not every message arrived once".to_owned())
}

fn measured(peer: &str, case: &str, span: Duration) -> Result<Cost, String> {
    if peer == IDLE {
        // The first one pays for what a process pays once: the clock's calibration foremost.
        ebbtide::idle(Duration::ZERO);
        let before = measure::cpu_time();
        ebbtide::idle(span);
        let cpu = measure::cpu_time().saturating_sub(before);
        return Ok(Cost {
            messages: 1,
            cpu,
            wall: span,
        });
    }
    let (run, case) = find(peer, case)?;
    Ok(match case {
        // It takes its time by itself: so many naps as fit.
        Case::Callers { callers } => {
            let naps = span.as_millis() / ebbtide_peers::cases::NAP.as_millis();
            measure::run(run, case, callers * u64::try_from(naps).unwrap_or(1))
        }
        Case::Tell { .. } | Case::Ask { .. } => measure::run_for(run, case, span),
    })
}

fn find(peer: &str, case: &str) -> Result<(Run, Case), String> {
    let mut all = peers::ALL.iter().chain(shapes::ALL);
    let run = match all.find(|known| known.name == peer) {
        Some(known) => known.run,
        None if peer == BARE => bare::run,
        None => return Err(format!("no such peer: {peer}")),
    };
    let known = CASES.iter().find(|(name, _)| *name == case);
    let (_, case) = known.ok_or_else(|| format!("no such case: {case}"))?;
    Ok((run, *case))
}

/// What a file holds, if there is one.
fn kept(file: &str) -> Result<Taken, String> {
    match std::fs::read_to_string(file) {
        Ok(text) => Taken::of_text(peers::ALL, &text),
        Err(why) if why.kind() == ErrorKind::NotFound => Taken::of_text(peers::ALL, ""),
        Err(why) => Err(format!("{file}: {why}")),
    }
}

/// More rounds of cases whose name begins with `case`, into a file.
fn keep(file: &str, rounds: &str, case: &str) -> Result<(), String> {
    let rounds = rounds.parse().map_err(|_| format!("no number: {rounds}"))?;
    let mut taken = kept(file)?;
    taken.take_rounds(rounds, |name| name.starts_with(case))?;
    if taken.idle.is_none() {
        taken.idle = rounds::idle()?;
    }
    std::fs::write(file, taken.text()).map_err(|why| format!("{file}: {why}"))
}

/// All peers in all cases whose name holds `case`.
fn compare(rounds: &str, case: &str) -> Result<(), String> {
    let rounds = rounds.parse().map_err(|_| format!("no number: {rounds}"))?;
    let mut taken = Taken::of(peers::ALL, rounds, |name| name.contains(case))?;
    taken.idle = rounds::idle()?;
    page::print(&taken);
    Ok(())
}

/// The shapes in which threads may hold core.
fn shapes(rounds: &str) -> Result<(), String> {
    let rounds = rounds.parse().map_err(|_| format!("no number: {rounds}"))?;
    let taken = Taken::of(shapes::ALL, rounds, |name| SHAPED.contains(&name))?;
    page::print_shapes(&taken);
    Ok(())
}
