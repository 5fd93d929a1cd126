//! The page: what was measured, how, and on which machine.

use ebbtide_peers::cases::{CASES, Case};
use ebbtide_peers::measure::Cost;
use ebbtide_peers::peers::YARDSTICK;

use crate::rounds::{Cores, Taken};
use crate::{BARE, goals};

/// Prints it as Markdown.
#[expect(clippy::print_stdout, reason = "the page is what the program is for")]
pub(crate) fn print(taken: &Taken) {
    println!("{}", method(taken.rounds));
    println!("## The goals\n\n{}", goals::table(taken));
    println!("## CPU a message on one core, ns\n");
    println!(
        "{}",
        table(taken, |peer, case| {
            spread(&taken.figures(Cores::One, peer, case, Cost::cpu_ns))
        })
    );
    println!("## The same, as a multiple of tokio's\n");
    println!(
        "{}",
        table(taken, |peer, case| {
            spread(&ratios(
                taken,
                Cores::One,
                Cost::cpu_ns,
                peer,
                YARDSTICK,
                case,
            ))
        })
    );
    println!("## Messages a second on all cores, millions\n");
    println!(
        "{}",
        table(taken, |peer, case| {
            let millions = |cost: &Cost| cost.rate() / 1e6;
            spread(&taken.figures(Cores::All, peer, case, millions))
        })
    );
    println!(
        "## 50 callers of an agent that takes 50 ms\n\n{}",
        callers(taken)
    );
    println!("## Who was compared\n");
    print_who(taken);
}

/// Prints the shapes' tables.
#[expect(
    clippy::print_stdout,
    reason = "the tables are what the program is for"
)]
pub(crate) fn print_shapes(taken: &Taken) {
    println!("CPU a message on one core, ns; {} rounds:\n", taken.rounds);
    let cpu = |peer, case| spread(&taken.figures(Cores::One, peer, case, Cost::cpu_ns));
    println!("{}", table(taken, cpu));
    println!("Messages a second on all cores, millions:\n");
    let millions = |cost: &Cost| cost.rate() / 1e6;
    let rates = |peer, case| spread(&taken.figures(Cores::All, peer, case, millions));
    println!("{}", table(taken, rates));
    println!("The same, as a multiple of the lock's:\n");
    let to_lock = |peer, case| ratios(taken, Cores::All, Cost::rate, peer, "lock", case);
    println!(
        "{}",
        table(taken, |peer, case| spread(&to_lock(peer, case)))
    );
    print_who(taken);
}

#[expect(clippy::print_stdout, reason = "the page is what the program is for")]
fn print_who(taken: &Taken) {
    for peer in taken.who {
        println!("- **{}**: {}.", peer.name, peer.setting);
    }
}

fn method(rounds: usize) -> String {
    format!(
        "# ebbtide beside its peers\n\n\
         Printed by `cargo xtask bench peers`. Messages of 64 bytes, queues and mailboxes of 1024 \
         where the crate has a bound, tokio's runtime with two threads (actix: its own), no \
         tracing subscriber. A consumer adds the message's number to a sum, which is checked: \
         nothing was lost or seen twice. A process for each measurement, as many messages as take \
         about a quarter of a second; {rounds} rounds, in each of which every peer has its turn, \
         in another order; ratios are taken within a round. Figures are medians [lowest–highest]. \
         CPU is that of the whole process, start to end, kept on one core: the steady figure. \
         What runs on all cores depends on where the runtime happens to place producer and \
         consumer, and on what else the machine does.\n\n\
         Machine: {}.\n",
        machine()
    )
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| line.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model);
    format!(
        "{model}, {cores} cores, {} {}",
        std::env::consts::OS,
        std::env::consts::ARCH
    )
}

/// A row a peer, a column a case.
fn table(taken: &Taken, cell: impl Fn(&'static str, &'static str) -> String) -> String {
    let measured = |name| {
        !taken
            .figures(Cores::One, YARDSTICK, name, Cost::rate)
            .is_empty()
    };
    let cases = CASES
        .iter()
        .filter(|(_, case)| !matches!(case, Case::Callers { .. }));
    let cases: Vec<_> = cases
        .map(|(name, _)| *name)
        .filter(|name| measured(name))
        .collect();
    let mut text = format!(
        "| peer | {} |\n|---|{}\n",
        cases.join(" | "),
        "--:|".repeat(cases.len())
    );
    for peer in taken.who {
        let cells: Vec<_> = cases.iter().map(|case| cell(peer.name, case)).collect();
        text += &format!("| {} | {} |\n", peer.name, cells.join(" | "));
    }
    text
}

fn callers(taken: &Taken) -> String {
    let mut text = "| peer | calls a second | of bare sleep |\n|---|--:|--:|\n".to_owned();
    let names = std::iter::once(BARE).chain(taken.who.iter().map(|peer| peer.name));
    for name in names {
        let rates = taken.figures(Cores::All, name, "callers 50", Cost::rate);
        let shares = ratios(taken, Cores::All, Cost::rate, name, BARE, "callers 50");
        text += &format!("| {name} | {} | {} |\n", spread(&rates), spread(&shares));
    }
    text
}

/// A figure of one peer over that of another, round by round.
pub(crate) fn ratios(
    taken: &Taken,
    cores: Cores,
    figure: impl Fn(&Cost) -> f64,
    peer: &'static str,
    to: &'static str,
    case: &'static str,
) -> Vec<Option<f64>> {
    let own = taken.figures(cores, peer, case, &figure);
    let other = taken.figures(cores, to, case, &figure);
    let pairs = own.into_iter().zip(other);
    pairs.map(|(own, other)| Some(own? / other?)).collect()
}

/// The median of the rounds that there are.
pub(crate) fn median(figures: &[Option<f64>]) -> Option<f64> {
    let mut sorted: Vec<f64> = figures.iter().copied().collect::<Option<_>>()?;
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    Some(f64::midpoint(sorted[last / 2], sorted[last.div_ceil(2)]))
}

/// Median, and range in brackets, to three significant figures.
pub(crate) fn spread(figures: &[Option<f64>]) -> String {
    let Some(median) = median(figures) else {
        return if figures.is_empty() {
            "–"
        } else {
            "did not end"
        }
        .to_owned();
    };
    let known = || figures.iter().copied().flatten();
    let (low, high) = (
        known().fold(f64::MAX, f64::min),
        known().fold(0.0, f64::max),
    );
    let digits = (2 - median.log10().floor() as i32).clamp(0, 6) as usize;
    format!("{median:.digits$} [{low:.digits$}–{high:.digits$}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_names_median_and_range() {
        let figures = [Some(3.0), Some(1.0), Some(2.0)];
        assert_eq!(spread(&figures), "2.00 [1.00–3.00]");
        assert_eq!(spread(&[Some(3.0), None]), "did not end");
        assert_eq!(spread(&[]), "–");
    }
}
