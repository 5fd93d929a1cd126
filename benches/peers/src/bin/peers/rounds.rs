//! Rounds of measurements: in a round every peer takes its turn at every case, in an order of
//! its own, and a ratio is always taken within one round.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::Duration;

use ebbtide_peers::cases::{CASES, Case};
use ebbtide_peers::measure::Cost;
use ebbtide_peers::peers::{Peer, YARDSTICK};

use crate::{BARE, IDLE};

/// How long a measurement takes.
const SPAN_MS: u64 = 250;
/// Of callers of an agent that takes its time; fewer rounds do.
const CALLERS_MS: u64 = 3_000;
const CALLERS_ROUNDS: usize = 3;
const IDLE_MS: u64 = 3_000;
/// A measurement that has not ended after so long counts as one that cannot be had.
const PATIENCE: Duration = Duration::from_secs(20);

/// On how many cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cores {
    /// Pinned to one: CPU a message is steady there.
    One,
    /// As the system places it.
    All,
}

/// What was measured, a cost a round; `None` where it did not end.
pub(crate) struct Taken {
    pub(crate) who: &'static [Peer],
    pub(crate) rounds: usize,
    costs: BTreeMap<(Cores, &'static str, &'static str), Vec<Option<Cost>>>,
    /// CPU time of an idle broker, and for how long it idled.
    pub(crate) idle: Option<Cost>,
}

impl Taken {
    /// Takes so many rounds of some cases.
    pub(crate) fn of(
        who: &'static [Peer],
        rounds: usize,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<Self, String> {
        let mut taken = Self::none(who);
        taken.take_rounds(rounds, is_wanted)?;
        Ok(taken)
    }

    fn none(who: &'static [Peer]) -> Self {
        Self {
            who,
            rounds: 0,
            costs: BTreeMap::new(),
            idle: None,
        }
    }

    /// Takes so many more rounds of some cases.
    pub(crate) fn take_rounds(
        &mut self,
        rounds: usize,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<(), String> {
        for round in 0..rounds {
            eprintln!("round {} of {rounds}", round + 1);
            for (name, case) in CASES.iter().filter(|(name, _)| is_wanted(name)) {
                let before = self.figures(Cores::All, YARDSTICK, name, Cost::rate);
                self.take(before.len(), name, *case)?;
                self.rounds = self.rounds.max(before.len() + 1);
            }
        }
        Ok(())
    }

    /// Those that were kept as lines of text: a run may be taken in pieces.
    pub(crate) fn of_text(who: &'static [Peer], text: &str) -> Result<Self, String> {
        let mut taken = Self::none(who);
        for line in text.lines() {
            let words: Vec<&str> = line.split('|').collect();
            let &[cores, peer, case, cost] = words.as_slice() else {
                return Err(format!("no measurement: {line}"));
            };
            if peer == IDLE {
                taken.idle = parse(cost);
                continue;
            }
            let cores = match cores {
                "one" => Cores::One,
                _ => Cores::All,
            };
            let peer = who.iter().map(|peer| peer.name).find(|name| *name == peer);
            let case = CASES.iter().find(|(name, _)| *name == case);
            let (name, _) = case.ok_or_else(|| format!("no such case: {line}"))?;
            let costs = taken.costs.entry((cores, peer.unwrap_or(BARE), name));
            let costs = costs.or_default();
            costs.push(parse(cost));
            taken.rounds = taken.rounds.max(costs.len());
        }
        Ok(taken)
    }

    /// As lines of text, to be kept.
    pub(crate) fn text(&self) -> String {
        let number = |cost: &Cost| {
            let (cpu, wall) = (cost.cpu.as_nanos(), cost.wall.as_nanos());
            format!("{} {cpu} {wall}", cost.messages)
        };
        let mut text = String::new();
        for ((cores, peer, case), costs) in &self.costs {
            let cores = match cores {
                Cores::One => "one",
                Cores::All => "all",
            };
            for cost in costs {
                let cost = cost.as_ref().map_or("-".to_owned(), number);
                text += &format!("{cores}|{peer}|{case}|{cost}\n");
            }
        }
        if let Some(idle) = &self.idle {
            text += &format!("all|{IDLE}||{}\n", number(idle));
        }
        text
    }

    fn take(&mut self, round: usize, name: &'static str, case: Case) -> Result<(), String> {
        match case {
            Case::Callers { .. } if round < CALLERS_ROUNDS => {
                self.add(Cores::All, BARE, name, CALLERS_MS)?;
                for peer in order(self.who, round) {
                    self.add(Cores::All, peer, name, CALLERS_MS)?;
                }
            }
            Case::Callers { .. } => {}
            Case::Tell { .. } | Case::Ask { .. } => {
                for peer in order(self.who, round) {
                    self.add(Cores::One, peer, name, SPAN_MS)?;
                    self.add(Cores::All, peer, name, SPAN_MS)?;
                }
            }
        }
        Ok(())
    }

    /// A figure of each round.
    pub(crate) fn figures(
        &self,
        cores: Cores,
        peer: &'static str,
        case: &'static str,
        figure: impl Fn(&Cost) -> f64,
    ) -> Vec<Option<f64>> {
        let costs = self.costs.get(&(cores, peer, case));
        let costs = costs.into_iter().flatten();
        costs.map(|cost| cost.as_ref().map(&figure)).collect()
    }

    fn add(
        &mut self,
        cores: Cores,
        peer: &'static str,
        case: &'static str,
        millis: u64,
    ) -> Result<(), String> {
        let cost = measure(peer, case, millis, cores)?;
        let costs = self.costs.entry((cores, peer, case)).or_default();
        costs.push(cost);
        Ok(())
    }
}

/// CPU time of an idle broker, and for how long it idled.
pub(crate) fn idle() -> Result<Option<Cost>, String> {
    measure(IDLE, "", IDLE_MS, Cores::All)
}

/// All peers, in another order each round: steps of a number that shares no factor with theirs.
fn order(who: &'static [Peer], round: usize) -> impl Iterator<Item = &'static str> {
    let count = who.len();
    let step = [1, 3, 7, 9][round % 4];
    (0..count).map(move |place| who[(round + place * step) % count].name)
}

/// Measures in a process of its own.
fn measure(peer: &str, case: &str, millis: u64, cores: Cores) -> Result<Option<Cost>, String> {
    let program = std::env::current_exe().map_err(|why| why.to_string())?;
    let mut command = Command::new(program);
    command.args(["one", peer, case, &millis.to_string()]);
    if cores == Cores::One {
        command.arg("pinned");
    }
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|why| format!("{peer} {case}: {why}"))?;
    let began = std::time::Instant::now();
    while child.try_wait().is_ok_and(|ended| ended.is_none()) {
        if began.elapsed() > PATIENCE {
            eprintln!("{peer} {case}: not done after {} s", PATIENCE.as_secs());
            // Whether it could be ended shows when it is waited for.
            let _ = child.kill();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().map_err(|why| why.to_string())?;
    if began.elapsed() > PATIENCE {
        return Ok(None);
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let cost = parse(&said).filter(|_| output.status.success());
    cost.map(Some).ok_or_else(|| {
        format!(
            "{peer} {case} ended with {} and said {said:?}",
            output.status
        )
    })
}

/// `MESSAGES CPU_NS WALL_NS`.
pub(crate) fn parse(said: &str) -> Option<Cost> {
    let mut numbers = said.split_whitespace().map(str::parse::<u64>);
    let mut next = || numbers.next()?.ok();
    Some(Cost {
        messages: next()?,
        cpu: Duration::from_nanos(next()?),
        wall: Duration::from_nanos(next()?),
    })
}

#[cfg(test)]
mod tests {
    use ebbtide_peers::{peers, shapes};

    use super::*;

    #[test]
    fn every_round_has_every_peer_once() {
        for (who, round) in (0..20).flat_map(|round| [(peers::ALL, round), (shapes::ALL, round)]) {
            let mut names: Vec<_> = order(who, round).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), who.len(), "round {round}");
        }
    }

    #[test]
    fn what_was_kept_is_read_back() {
        let text = "one|tokio|tell 1→1|10 2000 3000\none|tokio|tell 1→1|-\n\
                    all|bare sleep|callers 50|1 2 3\nall|idle||1 2 3\n";
        let taken = Taken::of_text(peers::ALL, text).expect("it is sound");
        let mut lines: Vec<&str> = text.lines().collect();
        let kept = taken.text();
        let mut again: Vec<&str> = kept.lines().collect();
        lines.sort_unstable();
        again.sort_unstable();
        assert_eq!((lines, taken.rounds), (again, 2));
    }

    #[test]
    fn a_measurement_is_read_back() {
        let cost = parse("10 2000 3000\n").expect("three numbers");
        assert_eq!((cost.messages, cost.cpu_ns()), (10, 200.0));
        assert_eq!(parse("10 2000"), None);
    }
}
