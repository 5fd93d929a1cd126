//! Policies by name, as configuration and command line choose them.
//!
//! `name`, `name(number)` or `name(setting: value, …)`, and a batch rule after a plus for
//! policies that set only workers: `celery(keepalive: "10s")+aimd`. To add a policy: its file,
//! its `mod` line, and a row in [`POLICIES`]. Profiles such as `remote` are not policies; they
//! live with the configuration, in core.

use crate::batch_rule::{BatchRule, aimd, busy, fixed};
use crate::closest::closest;
use crate::combined::Combined;
use crate::fixed::Fixed;
use crate::model_predictive::Adaptive;
use crate::policy::Policy;
use crate::rivals::{
    azure, celery, chiron, ds2, failsafe, flink, gradient2, hill_climbing, holt_winters, knative,
    laravel, ray_serve, simple, spring, temporal_poller, temporal_rate, wva,
};
use crate::settings::{self, Configured, SettingError};
use crate::threshold::Threshold;

/// What can be chosen by name: a policy, or a batch rule.
#[derive(Debug)]
pub struct Entry<T: ?Sized> {
    /// How it is chosen.
    pub name: &'static str,
    /// What it does, in a line for help texts.
    pub description: &'static str,
    /// Builds it from what stands in the brackets after the name.
    build: fn(brackets: Option<&str>) -> Result<Box<T>, SettingError>,
}

/// Every policy, in the order in which help texts list them.
pub const POLICIES: &[Entry<dyn Policy>] = &[
    Entry {
        name: "fixed",
        description: "keeps the start setting; fixed(7) keeps 7 workers",
        build: policy::<Fixed>,
    },
    Entry {
        name: "threshold",
        description: "backlog per worker, as KEDA and HPA do; threshold(50) for a target of 50",
        build: policy::<Threshold>,
    },
    Entry {
        name: "knative",
        description: "concurrency over a stable and a panic window; knative(0.8) for 80 %",
        build: policy::<knative::Knative>,
    },
    Entry {
        name: "celery",
        description: "a process a request, shrinks 30 s after the last growth",
        build: policy::<celery::Celery>,
    },
    Entry {
        name: "spring",
        description: "a consumer more after twelve busy cycles, one less after twelve idle ones",
        build: policy::<spring::Spring>,
    },
    Entry {
        name: "ray-serve",
        description: "ongoing requests per replica; ray-serve(4) for a target of 4",
        build: policy::<ray_serve::RayServe>,
    },
    Entry {
        name: "temporal-rate",
        description: "Temporal's worker controller: rates, and at once when no slot is free",
        build: policy::<temporal_rate::TemporalRate>,
    },
    Entry {
        name: "temporal-poller",
        description: "a poller more or less with each poll that waited or found a backlog",
        build: policy::<temporal_poller::TemporalPoller>,
    },
    Entry {
        name: "laravel",
        description: "Little's law, and urgency by the objective; laravel-queue-autoscale",
        build: policy::<laravel::Laravel>,
    },
    Entry {
        name: "simple",
        description: "load over 85 %, and the backlog; simple(0.7) for 70 %",
        build: policy::<simple::Simple>,
    },
    Entry {
        name: "azure",
        description: "Azure Functions: the queue over a learned concurrency; azure(16) for a given one",
        build: policy::<azure::Azure>,
    },
    Entry {
        name: "ds2",
        description: "DS2: true rates, the whole step at once; ds2(0.2) for a fifth more workers",
        build: policy::<ds2::Ds2>,
    },
    Entry {
        name: "flink",
        description: "the Flink operator's autoscaler: true rates; flink(60) sixty times as fast",
        build: policy::<flink::Flink>,
    },
    Entry {
        name: "holt-winters",
        description: "a forecast of the rate, staffed by the square root; holt-winters(2) for beta",
        build: policy::<holt_winters::HoltWinters>,
    },
    Entry {
        name: "hill-climbing",
        description: "the .NET thread pool: waves in its size, and what of them throughput shows",
        build: policy::<hill_climbing::HillClimbing>,
    },
    Entry {
        name: "gradient2",
        description: "Netflix's concurrency limit by the gradient of call times",
        build: policy::<gradient2::Gradient2>,
    },
    Entry {
        name: "failsafe",
        description: "failsafe-go's concurrency limit by call times and correlations",
        build: policy::<failsafe::Failsafe>,
    },
    Entry {
        name: "wva",
        description: "llm-d's queueing model: workers and batch for a mean time",
        build: policy::<wva::Wva>,
    },
    Entry {
        name: "chiron",
        description: "after Chiron: workers by how many are busy, batches by back-pressure",
        build: policy::<chiron::Chiron>,
    },
    Entry {
        name: "adaptive",
        description: "the default: predicts what each setting would cost, takes the cheapest",
        build: policy::<Adaptive>,
    },
];

/// Every batch rule, for policies that set only workers.
pub const BATCH_RULES: &[Entry<dyn BatchRule>] = &[
    Entry {
        name: "aimd",
        description: "Clipper's: grows by one, shrinks by a tenth when a batch is late",
        build: rule::<aimd::Aimd>,
    },
    Entry {
        name: "busy",
        description: "takes all that waits and never waits to fill a batch",
        build: rule::<busy::Busy>,
    },
    Entry {
        name: "batch",
        description: "one size; batch(20) for 20 messages",
        build: rule::<fixed::FixedBatch>,
    },
];

fn policy<P>(brackets: Option<&str>) -> Result<Box<dyn Policy>, SettingError>
where
    P: Configured + Policy + 'static,
{
    Ok(Box::new(P::new(settings::read(brackets)?)))
}

fn rule<R>(brackets: Option<&str>) -> Result<Box<dyn BatchRule>, SettingError>
where
    R: Configured + BatchRule + 'static,
{
    Ok(Box::new(R::new(settings::read(brackets)?)))
}

/// Why a text chooses no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnknownPolicy {
    /// No policy or batch rule has that name.
    #[error("{text:?} names no {kind}, {help}")]
    Name {
        /// The whole text that was to choose it.
        text: String,
        /// What was looked for.
        kind: &'static str,
        /// What was probably meant, or what there is.
        help: String,
    },
    /// There is one of that name, and it refuses what stands in the brackets.
    #[error("{name} cannot be had as {text:?}: {fault}")]
    Setting {
        /// The whole text that was to choose it.
        text: String,
        /// The policy or batch rule.
        name: &'static str,
        /// What is wrong.
        fault: SettingError,
    },
}

impl UnknownPolicy {
    /// What is wrong, to follow the name of the field that holds the text: "policy is …".
    #[must_use]
    pub fn problem(&self) -> String {
        match self {
            Self::Name { text, kind, help } => {
                format!("is {text:?}, which names no {kind}, {help}")
            }
            Self::Setting { text, fault, .. } => format!("is {text:?}: {fault}"),
        }
    }
}

/// Builds the policy that `text` chooses, such as `adaptive`, `fixed(7)` or
/// `threshold(target: 50)+busy`; it is named like the text.
///
/// # Errors
/// [`UnknownPolicy`], with what was probably meant.
pub fn build(text: &str) -> Result<Box<dyn Policy>, UnknownPolicy> {
    let mut parts = split(text, '+').into_iter();
    let workers = find(POLICIES, "policy", parts.next().unwrap_or_default(), text)?;
    let batches = match parts.next() {
        Some(part) => Some(find(BATCH_RULES, "batch rule", part, text)?),
        None => None,
    };
    if let Some(part) = parts.next() {
        return Err(UnknownPolicy::Name {
            text: text.to_owned(),
            kind: "policy",
            help: format!("{part} is a second batch rule"),
        });
    }
    if batches.is_none() && workers.name() == text {
        return Ok(workers);
    }
    Ok(Box::new(Combined::new(text.to_owned(), workers, batches)))
}

/// A list with nothing between two of its commas, or before the first, or after the last.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("place {place} of {list:?} is empty, a name belongs there")]
pub struct EmptyPlace {
    /// The list.
    pub list: String,
    /// Which place of it, from 1.
    pub place: usize,
}

/// The texts of a list: commas part them, but not within brackets. A blank text is an empty list.
///
/// # Errors
/// The first [`EmptyPlace`].
pub fn list(texts: &str) -> Result<Vec<&str>, EmptyPlace> {
    if texts.trim().is_empty() {
        return Ok(Vec::new());
    }
    let parts: Vec<_> = split(texts, ',').into_iter().map(str::trim).collect();
    match parts.iter().position(|part| part.is_empty()) {
        Some(before) => Err(EmptyPlace {
            list: texts.to_owned(),
            place: before + 1,
        }),
        None => Ok(parts),
    }
}

/// Builds what `part` of `text` chooses from `entries`.
fn find<T: ?Sized>(
    entries: &[Entry<T>],
    kind: &'static str,
    part: &str,
    text: &str,
) -> Result<Box<T>, UnknownPolicy> {
    let (base, brackets) = match part.split_once('(') {
        Some((base, rest)) => (base, Some(rest)),
        None => (part, None),
    };
    let names = || entries.iter().map(|entry| entry.name);
    let Some(entry) = entries.iter().find(|entry| entry.name == base) else {
        return Err(UnknownPolicy::Name {
            text: text.to_owned(),
            kind,
            help: match closest(base, names()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("allowed are {}", names().collect::<Vec<_>>().join(", ")),
            },
        });
    };
    let refused = |fault| UnknownPolicy::Setting {
        text: text.to_owned(),
        name: entry.name,
        fault,
    };
    let inner = match brackets {
        Some(rest) => Some(rest.strip_suffix(')').ok_or_else(|| {
            refused(SettingError::Unreadable(
                "nothing follows its closing bracket".to_owned(),
            ))
        })?),
        None => None,
    };
    (entry.build)(inner).map_err(refused)
}

/// `text` parted at each `separator` outside brackets and quotes.
pub(crate) fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut depth, mut is_quoted) = (0_u32, false);
    text.split(|letter| {
        match letter {
            '"' => is_quoted = !is_quoted,
            '(' | '[' | '{' if !is_quoted => depth += 1,
            ')' | ']' | '}' if !is_quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        letter == separator && depth == 0 && !is_quoted
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_builds_under_its_own_name_and_with_every_rule() {
        for entry in POLICIES {
            let policy = build(entry.name).expect("a listed policy builds");
            assert_eq!(policy.name(), entry.name);
            for rule in BATCH_RULES {
                let text = format!("{}+{}", entry.name, rule.name);
                assert_eq!(build(&text).expect("any rule fits").name(), text);
            }
        }
    }

    #[test]
    fn brackets_hold_a_number_or_settings_by_name() {
        for text in [
            "fixed(7)",
            "threshold(50)",
            "threshold(target: 50)+batch(20)",
            "simple(load: 0.7, drain: \"1e+1s\")+batch(size: 5, timeout: \"50ms\")",
        ] {
            assert_eq!(build(text).expect(text).name(), text);
        }
        let policy = build("fixed(7)+busy").expect("a number of workers is allowed");
        assert_eq!(policy.start_workers(), Some(7));
    }

    #[track_caller]
    fn check_refused(text: &str, told: &str) {
        let error = build(text).err().expect("not a policy").to_string();
        assert!(error.contains(told), "{error}");
    }

    #[test]
    fn what_is_not_a_policy_is_refused_with_what_there_is() {
        check_refused("", "allowed are fixed, threshold,");
        check_refused("fixd", "did you mean fixed?");
        check_refused("fixed+bussy", "names no batch rule, did you mean busy?");
        check_refused("fixed+busy+aimd", "aimd is a second batch rule");
        check_refused("fixed(7) ", "closing bracket");
        check_refused("fixed(", "closing bracket");
        check_refused("fixed(0)", "workers is 0, allowed are 1 to");
        check_refused("fixed(-1)", "workers is -1, allowed are 1 to 1000");
        check_refused("adaptive(7)", "it takes settings by name only");
        check_refused(
            "threshold(targt: 7)",
            "no setting targt, did you mean target?",
        );
        check_refused("simple(drain: 5)", "drain: 5 has no unit");
        check_refused("simple(load: NaN)", "load is NaN, allowed are 0.05 to 1");
        check_refused("simple(load: 0.7))", "trailing");
    }

    #[test]
    fn a_list_is_parted_outside_brackets() {
        let texts = "fixed, simple(load: 0.7, drain: \"5s\")+batch(20),adaptive";
        let parts = [
            "fixed",
            "simple(load: 0.7, drain: \"5s\")+batch(20)",
            "adaptive",
        ];
        assert_eq!(list(texts).unwrap(), parts);
        assert_eq!(list(" "), Ok(Vec::new()));
    }

    #[test]
    fn an_empty_place_of_a_list_is_shown() {
        for (texts, place) in [("a,,b", 2), (",a", 1), ("a(1,2), ", 2), (",", 1)] {
            let error = list(texts).expect_err(texts);
            let told = format!("place {place} of {texts:?} is empty, a name belongs there");
            assert_eq!(error.to_string(), told);
        }
    }
}
