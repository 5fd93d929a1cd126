//! How a scenario's simulation and its live run compare, as a table and in words.

use ebbtide_policies::counted::Counted;
use std::fmt::Write as _;

use ebbtide_fidelity::{Agreement, Pace};
use ebbtide_measure::Estimate;
use ebbtide_measure::metric::Unit;

use crate::output::{figure, number, table};

/// A table of the figures, a row each, and below it a line on the messages of each contender.
pub(crate) fn render(scenario: &str, found: &[Agreement]) -> String {
    let mut rows = table::new([
        "policy",
        "figure",
        "simulated",
        "live",
        "difference",
        "allowed",
        "",
    ]);
    for agreement in found {
        for row in &agreement.rows {
            if row.simulated.mean.or(row.live.mean).is_none() {
                continue;
            }
            rows.add_row([
                agreement.policy.clone(),
                row.metric.word().to_owned(),
                figure::estimate(row.metric.unit(), &row.simulated),
                figure::estimate(row.metric.unit(), &row.live),
                signed(&row.difference),
                row.limit
                    .map_or(figure::NOTHING.to_owned(), number::percent),
                if row.holds() == Some(false) {
                    "too far"
                } else {
                    ""
                }
                .to_owned(),
            ]);
        }
    }
    (2..6).for_each(|column| table::align_column(&mut rows, column));
    let mut text = format!("{}\n{}\n", title(scenario, found), rows.trim_fmt());
    for agreement in found {
        let _ = writeln!(text, "{}", messages(agreement));
    }
    text + "\n"
}

fn title(scenario: &str, found: &[Agreement]) -> String {
    let Some(first) = found.first() else {
        return scenario.to_owned();
    };
    let clock = match first.pace {
        Pace::Paused => "the paused clock",
        Pace::Wall => "the clock on the wall",
    };
    let replications = Counted(first.replications.into(), "replication");
    format!("{scenario} by {clock}: {replications}, 95 % intervals")
}

fn signed(difference: &Estimate) -> String {
    let Some(mean) = difference.mean else {
        return figure::NOTHING.to_owned();
    };
    let half = difference.half_width().map(|half| half * 100.0);
    let half = half.map_or(String::new(), |half| format!(" ± {half:.2}"));
    format!("{}{half} %", number::signed_hundredths(mean))
}

/// "adaptive: of 12,000 messages 99.9 % …".
fn messages(agreement: &Agreement) -> String {
    let strains = &agreement.strains;
    let count = |many: u64| number::count(many as f64);
    format!(
        "{}: {} messages, same outcome {}, and within two grains {}{}\n  load {}, batches {}, \
         {} scale actions, {} retries, {} breaker changes, {} expired, bulkhead {}{}",
        agreement.policy,
        count(agreement.pairs.messages),
        number::percent(agreement.pairs.same_share()),
        number::percent(agreement.pairs.close_share()),
        if agreement.is_alike() {
            ""
        } else {
            ": too few"
        },
        number::percent(agreement.utilisation),
        figure::plain(Unit::Count, agreement.batch_mean),
        number::significant(agreement.scale_actions),
        count(strains.retries),
        count(strains.breaker_changes),
        count(strains.expired),
        number::seconds(strains.bulkhead.as_secs_f64()),
        if agreement.is_demanding() {
            ": demanding"
        } else {
            ""
        },
    ) + &late(agreement)
}

/// How late whoever slept was woken by the clock on the wall.
fn late(agreement: &Agreement) -> String {
    let (mean, p95) = agreement.late_s;
    if agreement.pace == Pace::Paused {
        return String::new();
    }
    format!(
        "\n  woken late by {} in the mean, which is simulated, and {} at p95",
        number::seconds(mean),
        number::seconds(p95)
    )
}

/// What all comparisons together found.
#[derive(Debug, Default)]
pub(crate) struct Closing {
    compared: u32,
    demanding: Vec<String>,
    apart: Vec<String>,
}

impl Closing {
    /// Adds what was found in a scenario.
    pub(crate) fn add(&mut self, scenario: &str, found: &[Agreement]) {
        for agreement in found {
            self.compared += 1;
            let clock = if agreement.pace == Pace::Wall {
                ", wall"
            } else {
                ""
            };
            let name = format!("{scenario} ({}{clock})", agreement.policy);
            if !agreement.holds() || !agreement.is_alike() {
                self.apart.push(name);
            } else if agreement.is_demanding() && !self.demanding.iter().any(|it| it == scenario) {
                self.demanding.push(scenario.to_owned());
            }
        }
    }

    /// In a sentence or two.
    pub(crate) fn render(&self) -> String {
        let compared = Counted(self.compared.into(), "comparison");
        let demanding = self.demanding.len();
        let mut text = match self.apart.len() {
            0 => format!("simulated and live agree in {compared}"),
            apart => format!(
                "{apart} of {compared} are too far apart: {}",
                self.apart.join(", ")
            ),
        };
        if demanding > 0 {
            let _ = write!(
                text,
                "; demanding scenarios among those that agree: {demanding}"
            );
        }
        text + "\n"
    }
}
