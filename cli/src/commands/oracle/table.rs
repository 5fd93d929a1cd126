//! The oracles of a scenario as a table: means over its replications, in worker-seconds.

use ebbtide_core::units::Duration;
use ebbtide_measure::{Cost, Prices};
use ebbtide_policies::counted::Counted;
use ebbtide_sim::Plan;
use ebbtide_sim::arena::oracle::cache::Entry;
use ebbtide_sim::arena::oracle::{AtPrice, Found, PRICES, Replication};

use crate::output::figure::NOTHING;
use crate::output::{number, table};

/// What each oracle costs at each price; with a second search of ten times the budget, what
/// that gains.
pub(super) fn text(
    entry: &Entry,
    peek: &[Vec<Cost>],
    tenfold: Option<&[Replication]>,
    plan: &Plan,
) -> String {
    let price_call = plan.contenders[0].config.price_call;
    let mut header = vec![
        "price",
        "best fixed",
        "fixed",
        "paced",
        "free",
        "peek",
        "fluid",
        "unavoidable",
    ];
    if tenfold.is_some() {
        header.extend(["paced at 10×", "free at 10×"]);
    }
    let mut rows = table::new(header);
    for (index, late) in PRICES.into_iter().enumerate() {
        let prices = Prices {
            late,
            call: price_call,
        };
        let all: Vec<&Replication> = entry.replications.iter().collect();
        let mean = |of: &dyn Fn(&AtPrice) -> f64| mean(&all, index, of);
        let total = |found: &Found| found.cost.total(prices);
        let (paced, free) = (mean(&|at| total(&at.paced)), mean(&|at| total(&at.free)));
        let told = peek.iter().map(|costs| costs[index].total(prices));
        let told = told.sum::<f64>() / peek.len() as f64;
        let mut row = vec![
            format!("{late}×"),
            fixed(&all, index, plan),
            whole(mean(&|at| total(&at.fixed))),
            whole(paced),
            whole(free),
            if peek.is_empty() {
                NOTHING.to_owned()
            } else {
                whole(told)
            },
            // A lower bound, rounded to one.
            whole(mean(&|at| at.fluid).floor()),
            format!("{:.0} %", 100.0 * unavoidable(&all, index, prices) / paced),
        ];
        if let Some(tenfold) = tenfold {
            let more: Vec<&Replication> = tenfold.iter().collect();
            let gain = |then: f64, of: &dyn Fn(&AtPrice) -> &Found| {
                let now = self::mean(&more, index, &|at| total(of(at)));
                format!("{} %", number::signed_hundredths(now / then - 1.0))
            };
            row.push(gain(paced, &|at| &at.paced));
            row.push(gain(free, &|at| &at.free));
        }
        rows.add_row(row);
    }
    let count = entry.replications.len();
    let runs = if count == 1 { "run" } else { "runs" };
    format!("{}, {count} {runs}, worker-seconds\n{rows}", entry.scenario)
}

fn mean(all: &[&Replication], index: usize, of: &dyn Fn(&AtPrice) -> f64) -> f64 {
    let sum: f64 = all
        .iter()
        .map(|replication| of(&replication.prices[index]))
        .sum();
    sum / all.len().max(1) as f64
}

/// What the least lateness that anybody attained costs, on the average.
fn unavoidable(all: &[&Replication], index: usize, prices: Prices) -> f64 {
    let least = |replication: &&Replication| {
        let at = &replication.prices[index];
        let found = [&at.paced, &at.free].map(|found| found.cost.late_work);
        let late_work = found
            .into_iter()
            .fold(replication.least_late_work, f64::min);
        let cost = Cost {
            late_work,
            ..Cost::default()
        };
        cost.lateness(prices)
    };
    all.iter().map(least).sum::<f64>() / all.len().max(1) as f64
}

/// The settings that are best to keep, the most frequent one.
fn fixed(all: &[&Replication], index: usize, plan: &Plan) -> String {
    let has_batches = plan.agents.iter().any(|agent| agent.is_batch());
    let mut settings: Vec<String> = Vec::new();
    for replication in all {
        let setting = replication.prices[index].fixed.schedule.start();
        let (size, timeout) = (setting.batch_size, setting.batch_timeout);
        let workers = Counted(setting.workers.into(), "worker");
        let batches = match timeout {
            _ if !has_batches => String::new(),
            Duration::ZERO => format!(", batch {size}"),
            _ => format!(", batch {size} in {timeout}"),
        };
        settings.push(format!("{workers}{batches}"));
    }
    let count = |text: &&String| settings.iter().filter(|other| other == text).count();
    settings
        .iter()
        .max_by_key(count)
        .cloned()
        .unwrap_or_default()
}

fn whole(value: f64) -> String {
    format!("{value:.0}")
}
