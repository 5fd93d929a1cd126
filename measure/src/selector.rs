//! One figure of one part of a run, as text: `p95(sojourn)`, `p99(sojourn, class=chat)`,
//! `throughput(agent=write)`, or its path in the JSON: `sojourn_s.p95`,
//! `by_class.chat.sojourn_s.p95`.
//!
//! Thresholds, "run until" and comparisons all name figures this way.

use std::fmt;
use std::str::FromStr;

use crate::books::Scope;
use crate::metric::Metric;

/// Names one figure of a run or of one of its parts.
///
/// ```
/// use ebbtide_measure::{Metric, Scope, Selector, Stat};
///
/// let selector: Selector = "p99(sojourn, class=chat)".parse()?;
/// assert_eq!(selector.metric, Metric::Sojourn(Stat::P99));
/// assert_eq!(selector.scope, Scope::Class("chat".to_owned()));
/// assert_eq!("by_class.chat.sojourn_s.p99".parse(), Ok(selector));
/// # Ok::<(), ebbtide_measure::selector::SelectorError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Selector {
    /// Which figure.
    pub metric: Metric,
    /// Of which part of the run.
    pub scope: Scope,
}

/// Text that names no figure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelectorError {
    /// There is no such figure.
    #[error("{found:?} is no figure, allowed are {}", Metric::vocabulary())]
    Unknown {
        /// What was written.
        found: String,
    },
    /// What stands beside the figure names no part of a run.
    #[error("{found:?} is no part of a run, allowed is one of agent=NAME, lane=NAME, class=NAME")]
    Scope {
        /// What was written.
        found: String,
    },
    /// The figure is not kept for such a part.
    #[error("{metric} is kept for {kept}, not for {found}")]
    NotKept {
        /// The figure.
        metric: Metric,
        /// For which parts it is.
        kept: &'static str,
        /// The part.
        found: String,
    },
}

impl Selector {
    /// `metric` of the whole run.
    #[must_use]
    pub const fn total(metric: Metric) -> Self {
        Self {
            metric,
            scope: Scope::Total,
        }
    }

    fn kept(self) -> Result<Self, SelectorError> {
        if self.metric.is_kept_for(&self.scope) {
            return Ok(self);
        }
        Err(SelectorError::NotKept {
            metric: self.metric,
            kept: if self.metric.is_kept_for(&Scope::Agent(String::new())) {
                "the whole run and by agent"
            } else {
                "the whole run"
            },
            found: scope_text(&self.scope),
        })
    }
}

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        match from_path(text) {
            Some(selector) => selector.kept(),
            None => from_words(text)?.kept(),
        }
    }
}

/// Reads `sojourn_s.p95` and `by_class.chat.sojourn_s.p95`. A name may hold full stops, so the
/// figure's path is looked for at the end.
fn from_path(text: &str) -> Option<Selector> {
    if let Some(metric) = Metric::from_path(text) {
        return Some(Selector::total(metric));
    }
    let (part, rest) = text.split_once('.')?;
    let (name, metric) = Metric::all().find_map(|metric| {
        let name = rest.strip_suffix(metric.path())?.strip_suffix('.')?;
        Some((name.to_owned(), metric))
    })?;
    let scope = match part {
        "by_agent" => Scope::Agent(name),
        "by_lane" => Scope::Lane(name),
        "by_class" => Scope::Class(name),
        _ => return None,
    };
    Some(Selector { metric, scope })
}

/// Reads `throughput`, `throughput(agent=write)`, `p95(sojourn)`, `p95(sojourn, class=chat)`.
fn from_words(text: &str) -> Result<Selector, SelectorError> {
    let unknown = || SelectorError::Unknown {
        found: text.to_owned(),
    };
    let Some((function, arguments)) = text.split_once('(') else {
        let metric = Metric::from_word(text).or_else(|| Metric::from_path(text));
        return metric.map(Selector::total).ok_or_else(unknown);
    };
    let arguments = arguments.trim_end().strip_suffix(')').ok_or_else(unknown)?;
    let function = function.trim();
    let (first, second) = match arguments.split_once(',') {
        Some((first, second)) => (first.trim(), Some(second.trim())),
        None => (arguments.trim(), None),
    };
    if let Some(metric) = Metric::from_word(&format!("{function}({first})")) {
        let scope = second.map_or(Ok(Scope::Total), read_scope)?;
        return Ok(Selector { metric, scope });
    }
    let metric = Metric::from_word(function).or_else(|| Metric::from_path(function));
    let metric = metric.ok_or_else(unknown)?;
    let scope = read_scope(arguments.trim())?;
    Ok(Selector { metric, scope })
}

fn read_scope(text: &str) -> Result<Scope, SelectorError> {
    let scope = text.split_once('=').and_then(|(part, name)| {
        let name = name.trim().to_owned();
        match part.trim() {
            _ if name.is_empty() || name.contains(',') => None,
            "agent" => Some(Scope::Agent(name)),
            "lane" => Some(Scope::Lane(name)),
            "class" => Some(Scope::Class(name)),
            _ => None,
        }
    });
    scope.ok_or_else(|| SelectorError::Scope {
        found: text.to_owned(),
    })
}

fn scope_text(scope: &Scope) -> String {
    match scope {
        Scope::Total => "the whole run".to_owned(),
        Scope::Agent(name) => format!("agent={name}"),
        Scope::Lane(name) => format!("lane={name}"),
        Scope::Class(name) => format!("class={name}"),
    }
}

/// As a threshold writes it; reads back as the same selector.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.metric.word();
        if self.scope == Scope::Total {
            return f.write_str(word);
        }
        let scope = scope_text(&self.scope);
        match word.strip_suffix(')') {
            Some(open) => write!(f, "{open}, {scope})"),
            None => write!(f, "{word}({scope})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Stat;

    fn scopes() -> [Scope; 4] {
        [
            Scope::Total,
            Scope::Agent("write".to_owned()),
            Scope::Lane("high".to_owned()),
            Scope::Class("v1.2 chat".to_owned()),
        ]
    }

    #[test]
    fn what_is_written_reads_back_as_the_same_selector() {
        for metric in Metric::all() {
            for scope in scopes() {
                let selector = Selector { metric, scope };
                let read = selector.to_string().parse();
                if metric.is_kept_for(&selector.scope) {
                    assert_eq!(read, Ok(selector));
                } else {
                    let error = read.expect_err("not kept");
                    assert!(matches!(error, SelectorError::NotKept { .. }), "{error}");
                }
            }
        }
    }

    #[test]
    fn paths_of_the_json_are_selectors_too() {
        #[track_caller]
        fn check(path: &str, metric: Metric, scope: Scope) {
            assert_eq!(path.parse(), Ok(Selector { metric, scope }));
        }
        check("throughput_per_s", Metric::ThroughputPerS, Scope::Total);
        let p95 = Metric::Sojourn(Stat::P95);
        check("sojourn_s.p95", p95, Scope::Total);
        let class = Scope::Class("v1.2 chat".to_owned());
        check("by_class.v1.2 chat.sojourn_s.p95", p95, class);
        let agent = Scope::Agent("write".to_owned());
        check(
            "throughput_per_s(agent=write)",
            Metric::ThroughputPerS,
            agent,
        );
        check(" p95 ( sojourn ) ".trim(), p95, Scope::Total);
    }

    #[track_caller]
    fn check_error(text: &str, expected: &str) {
        let error = text.parse::<Selector>().expect_err("no selector");
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn errors_say_what_was_found_and_what_is_allowed() {
        let vocabulary = "mean, p50, p90, p95, p99, p99.9 or max of wait, service or sojourn \
            (such as p95(sojourn)), or offered, throughput, success_rate, loss_share, \
            dead_share, waiting_share, utilisation, workers_mean, workers_max, worker_seconds, \
            lateness, calls, batch_mean, queue_mean, queue_max, scale_actions, events_simulated";
        for text in ["p97(sojourn)", "p95(latency)", "p95(sojourn", "speed", ""] {
            check_error(
                text,
                &format!("{text:?} is no figure, allowed are {vocabulary}"),
            );
        }
        let allowed = "is no part of a run, allowed is one of agent=NAME, lane=NAME, class=NAME";
        check_error("p95(sojourn, chat)", &format!("\"chat\" {allowed}"));
        check_error("p95(sojourn, agent=)", &format!("\"agent=\" {allowed}"));
        check_error("throughput(tenant=a)", &format!("\"tenant=a\" {allowed}"));
        let two = "agent=a, class=b";
        check_error(&format!("mean(wait, {two})"), &format!("{two:?} {allowed}"));
        check_error(
            "workers_mean(agent=a)",
            "workers_mean is kept for the whole run, not for agent=a",
        );
        check_error(
            "p95(service, class=a)",
            "p95(service) is kept for the whole run and by agent, not for class=a",
        );
    }
}
