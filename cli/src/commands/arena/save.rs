//! `--out`: the ranking as a page, JSON and CSV.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use ebbtide_measure::Verdict;
use ebbtide_measure::ranking::{Ranking, Summary};
use ebbtide_plots::ranking_html;

use crate::error::CliError;
use crate::writable;

/// The ranking; its being there, with what a ranking has, says that a directory is an arena's.
const JSON: &str = "ranking.json";
const PAGE: &str = "ranking.html";
const SCENARIOS: &str = "scenarios.csv";
const OVERALL: &str = "overall.csv";

/// Makes sure that the directory is there and may be written into: new, empty, or an earlier ranking's.
///
/// # Errors
/// It holds something else, or cannot be written.
pub(crate) fn check(out: &Path) -> Result<(), CliError> {
    fs::create_dir_all(out).map_err(|error| CliError::unwritable(out, &error))?;
    let mut entries = fs::read_dir(out).map_err(|error| CliError::unreadable(out, &error))?;
    let is_ranking = || writable::is_ours(&out.join(JSON), &["schema", "prices", "overall"]);
    if entries.next().is_some() && !is_ranking() {
        return Err(CliError::bad_input(
            format!("--out {} holds something else", out.display()),
            "name a new or an empty directory, or an earlier ranking's",
        ));
    }
    [JSON, PAGE, SCENARIOS, OVERALL]
        .iter()
        .try_for_each(|name| writable::check_file(&out.join(name)))
}

/// Writes everything, and says where the page is.
///
/// # Errors
/// Something cannot be written.
pub(crate) fn all(out: &Path, ranking: &Ranking) -> Result<PathBuf, CliError> {
    let write = |name: &str, text: &str| {
        let path = out.join(name);
        fs::write(&path, text).map_err(|error| CliError::unwritable(&path, &error))?;
        Ok(path)
    };
    let json = serde_json::to_string_pretty(ranking).expect("rankings have text keys only");
    write(JSON, &format!("{json}\n"))?;
    write(SCENARIOS, &scenarios(ranking))?;
    write(OVERALL, &overall(ranking))?;
    write(PAGE, &ranking_html(ranking))
}

/// A row for each scenario, policy and price.
fn scenarios(ranking: &Ranking) -> String {
    let mut csv = String::from(
        "scenario,half,load_changes,policy,standing,price,setting,cost,cost_ci_low,cost_ci_high,regret,\
         over_best_fixed,over_best_other,worst_run_ratio,verdict_vs_default,first_or_tied,actions_per_min,\
         worker_seconds,lateness_s,calls,p50_s,p95_s,p99_s,within_objective,dead_letters,throughput_per_s,\
         best_setting,best_setting_cost,best_setting_regret\n",
    );
    for scenario in &ranking.scenarios {
        for policy in &scenario.policies {
            for at in &policy.prices {
                let (figures, best) = (&policy.figures, at.best_setting.as_ref());
                let cells = [
                    text(&scenario.name),
                    text(scenario.half.as_deref().unwrap_or_default()),
                    scenario.load_changes.to_string(),
                    text(&policy.name),
                    policy.standing.word().to_owned(),
                    at.price.to_string(),
                    text(&at.setting),
                    number(at.cost.mean),
                    number(at.cost.ci_low),
                    number(at.cost.ci_high),
                    at.regret.to_string(),
                    number(at.over_best_fixed),
                    at.over_best_other.to_string(),
                    at.worst_run_ratio.to_string(),
                    at.verdict_vs_default.map_or("", Verdict::word).to_owned(),
                    at.first_or_tied.to_string(),
                    at.actions_per_min.to_string(),
                    figures.worker_seconds.to_string(),
                    figures.lateness_s.to_string(),
                    figures.calls.to_string(),
                    number(figures.p50_s),
                    number(figures.p95_s),
                    number(figures.p99_s),
                    figures.within_objective.to_string(),
                    figures.dead_letters.to_string(),
                    figures.throughput_per_s.to_string(),
                    text(best.map_or("", |it| &it.setting)),
                    number(best.and_then(|it| it.cost.mean)),
                    number(best.map(|it| it.regret)),
                ];
                csv.push_str(&cells.join(","));
                csv.push('\n');
            }
        }
    }
    csv
}

/// A row for each policy, price and half.
fn overall(ranking: &Ranking) -> String {
    let mut csv = String::from(
        "policy,standing,price,scenarios_of,scenarios,geomean_regret,first_or_tied_share,worst_vs_best_rival,\
         worst_scenario,worst_run_vs_best_rival,worst_run_scenario,over_best_fixed_where_load_changes,\
         geomean_regret_at_best_settings\n",
    );
    for entry in &ranking.overall {
        let halves = [
            ("whole suite", Some(&entry.whole)),
            ("tuned", entry.tuned.as_ref()),
            ("untuned", entry.untuned.as_ref()),
        ];
        for (half, summary) in halves {
            let Some(summary) = summary else { continue };
            let (policy, standing) = (text(&entry.policy), entry.standing.word());
            let row = writeln!(
                csv,
                "{policy},{standing},{},{half},{}",
                entry.price,
                cells(summary)
            );
            row.expect("a string takes any text");
        }
    }
    csv
}

fn cells(summary: &Summary) -> String {
    [
        summary.scenarios.to_string(),
        number(summary.geomean_regret),
        summary.first_or_tied_share.to_string(),
        summary.worst_vs_best_rival.to_string(),
        text(&summary.worst_scenario),
        summary.worst_run_vs_best_rival.to_string(),
        text(&summary.worst_run_scenario),
        number(summary.over_best_fixed_where_load_changes),
        number(summary.geomean_regret_at_best_settings),
    ]
    .join(",")
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// A cell in quotes if it needs them.
fn text(text: &str) -> String {
    if text.contains([',', '"', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
