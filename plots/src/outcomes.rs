//! How messages ended, as bars: all replications, the refused beside the accepted.

use ebbtide_measure::{Counts, PolicyResults};

use crate::draw::axis::Axis;
use crate::draw::rows::{Group, Mark, Row, Rows};
use crate::figure::{Chart, Figure, Table};
use crate::format::{counted, percent, quantity};
use crate::input::ReportInput;
use crate::theme::series_look;

/// Outcomes of every policy's messages.
pub(crate) fn figure(input: &ReportInput<'_>) -> Figure {
    let policies = &input.results.policies;
    let ends: Vec<_> = policies
        .iter()
        .map(|entry| ends(&entry.results.total.counts))
        .collect();
    let happened: Vec<usize> = (0..ends.first().map_or(0, Vec::len))
        .filter(|i| ends.iter().any(|of| of[*i].1 > 0))
        .collect();
    let chart = (!happened.is_empty()).then(|| Chart::Rows(chart(policies, &ends, &happened)));
    Figure {
        name: "outcomes".to_owned(),
        policy: None,
        title: "Outcomes".to_owned(),
        summary: summary(policies, &ends),
        table: table(policies, &ends),
        chart,
    }
}

/// Every way in which a message can end, with how many did; what was refused or kept out too.
fn ends(counts: &Counts) -> Vec<(String, u64)> {
    let named = counts.outcomes.named().into_iter();
    let all = named.chain([("refused", counts.refused), ("blocked", counts.blocked)]);
    all.map(|(name, count)| (name.replace('_', "-"), count))
        .collect()
}

fn total(ends: &[(String, u64)]) -> u64 {
    ends.iter().map(|(_, count)| count).sum()
}

fn share(count: u64, of: u64) -> f64 {
    if of == 0 {
        0.0
    } else {
        count as f64 / of as f64
    }
}

fn chart(policies: &[PolicyResults], ends: &[Vec<(String, u64)>], happened: &[usize]) -> Rows {
    let row = |label: &str, policy: usize, outcome: usize| {
        let (count, all) = (ends[policy][outcome].1, total(&ends[policy]));
        Row {
            label: label.to_owned(),
            look: series_look(policy),
            mark: Some(Mark::Bar(share(count, all))),
            value: format!(
                "{} ({})",
                percent(share(count, all)),
                quantity(count as f64)
            ),
        }
    };
    let groups = if policies.len() == 1 {
        let rows = happened.iter().map(|&i| row(&ends[0][i].0, 0, i)).collect();
        vec![Group {
            heading: String::new(),
            rows,
        }]
    } else {
        let group = |&outcome: &usize| Group {
            heading: ends[0][outcome].0.clone(),
            rows: (0..policies.len())
                .map(|policy| row(&policies[policy].policy, policy, outcome))
                .collect(),
        };
        happened.iter().map(group).collect()
    };
    Rows {
        x: Axis::share("share of all messages", 1.0),
        groups,
        zone: None,
    }
}

fn summary(policies: &[PolicyResults], ends: &[Vec<(String, u64)>]) -> String {
    let part = |(entry, ends): (&PolicyResults, &Vec<(String, u64)>)| {
        let delivered = share(ends[0].1, total(ends));
        format!("{} delivers {}", entry.policy, percent(delivered))
    };
    match ends {
        _ if ends.iter().all(|of| total(of) == 0) => "No message was sent.".to_owned(),
        [only] => {
            let all = total(only);
            let delivered = percent(share(only[0].1, all));
            format!(
                "Of {}, {delivered} delivered.",
                counted(all as usize, "message")
            )
        }
        _ => {
            let parts: Vec<_> = policies.iter().zip(ends).map(part).collect();
            let text = parts.join(", ");
            format!("Of all messages, {text}.")
        }
    }
}

/// Counts in full: they are what the JSON has, and must be seen to add up.
fn table(policies: &[PolicyResults], ends: &[Vec<(String, u64)>]) -> Table {
    let mut header = vec!["outcome"];
    header.extend(policies.iter().map(|entry| entry.policy.as_str()));
    let row = |i: usize| {
        let counts = ends.iter().map(|of| of[i].1.to_string());
        [ends[0][i].0.clone()].into_iter().chain(counts).collect()
    };
    let rows = (0..ends.first().map_or(0, Vec::len)).map(row).collect();
    Table::new(&header, rows)
}
