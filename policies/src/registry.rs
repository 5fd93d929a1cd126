//! Policies by name, as configuration and command line choose them.
//!
//! To add a policy: its file, its `mod` line, and a row in [`POLICIES`]. Profiles such as
//! `remote` are not policies; they live with the configuration, in core.

use crate::fixed::Fixed;
use crate::model_predictive::Adaptive;
use crate::policy::Policy;
use crate::threshold::Threshold;

/// A policy that can be chosen.
#[derive(Debug)]
pub struct Entry {
    /// How it is chosen: `name` or `name(number)`.
    pub name: &'static str,
    /// What it does, in a line for help texts.
    pub description: &'static str,
    /// Builds it; `None` if it does not take this argument.
    build: fn(argument: Option<u32>) -> Option<Box<dyn Policy>>,
}

/// Every policy, in the order in which help texts list them.
pub const POLICIES: &[Entry] = &[
    Entry {
        name: "fixed",
        description: "keeps the start setting; fixed(7) keeps 7 workers",
        build: |argument| match argument {
            None => Some(Box::new(Fixed::at_start_setting())),
            Some(0) => None,
            Some(workers) => Some(Box::new(Fixed::at(workers))),
        },
    },
    Entry {
        name: "threshold",
        description: "backlog per worker, as KEDA and HPA do; threshold(50) for a target of 50",
        build: |argument| match argument {
            None => Some(Box::new(Threshold::default())),
            Some(0) => None,
            Some(target) => Some(Box::new(Threshold::with_target(target))),
        },
    },
    Entry {
        name: "adaptive",
        description: "the default: predicts what each setting would cost, takes the cheapest",
        build: |argument| match argument {
            None => Some(Box::new(Adaptive::default())),
            Some(_) => None,
        },
    },
];

/// No policy answers to a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("policy {name:?} is unknown, allowed are {}", allowed())]
pub struct UnknownPolicy {
    /// The name that was asked for.
    pub name: String,
}

/// Builds the policy called `name`: one of [`POLICIES`], with a whole number in brackets where
/// it takes one, such as `fixed(7)`.
///
/// # Errors
///
/// [`UnknownPolicy`] if no policy has that name, or it does not take that argument.
pub fn build(name: &str) -> Result<Box<dyn Policy>, UnknownPolicy> {
    parse(name)
        .and_then(|(base, argument)| {
            let entry = POLICIES.iter().find(|entry| entry.name == base)?;
            (entry.build)(argument)
        })
        .ok_or_else(|| UnknownPolicy {
            name: name.to_owned(),
        })
}

/// Splits `fixed(7)` into `fixed` and 7.
fn parse(name: &str) -> Option<(&str, Option<u32>)> {
    let Some((base, rest)) = name.split_once('(') else {
        return Some((name, None));
    };
    let argument = rest.strip_suffix(')')?.parse().ok()?;
    Some((base, Some(argument)))
}

fn allowed() -> String {
    let names: Vec<_> = POLICIES.iter().map(|entry| entry.name).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_builds_under_its_own_name() {
        for entry in POLICIES {
            let policy = build(entry.name).expect("a listed policy builds");
            assert_eq!(policy.name(), entry.name);
        }
    }

    #[test]
    fn fixed_takes_a_number_of_workers() {
        let policy = build("fixed(7)").expect("a number of workers is allowed");
        assert_eq!(policy.name(), "fixed(7)");
        assert_eq!(policy.start_workers(), Some(7));
    }

    #[test]
    fn what_is_not_a_policy_is_refused_with_the_names() {
        for name in [
            "",
            "fixd",
            "fixed(",
            "fixed()",
            "fixed(0)",
            "fixed(-1)",
            "fixed(7) ",
        ] {
            let error = build(name).err().expect("not a policy");
            assert!(error.to_string().contains("allowed are fixed"), "{error}");
        }
    }
}
