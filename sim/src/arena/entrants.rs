//! Who is ranked, and in which settings.

use std::sync::Arc;

use ebbtide_measure::ranking::Standing;
use ebbtide_policies::Policy;
use ebbtide_policies::registry::{self, BATCH_RULES, POLICIES};
use ebbtide_policies::rivals::tuned::tuned;

use crate::plan::PolicySource;

/// The policy that the others are judged against.
pub const DEFAULT: &str = "adaptive";
/// Profiles that stand for a pool that nobody steers, and what they are.
pub(super) const PROFILES: [(&str, &str); 2] = [
    (
        "in_process",
        "a profile: one worker of five slots, whatever comes",
    ),
    (
        "remote",
        "a profile: five workers of ten slots, whatever comes",
    ),
];
/// Policies that size batches themselves, and so need no rule for it.
const OWN_BATCHES: [&str; 5] = [DEFAULT, "wva", "chiron", PROFILES[0].0, PROFILES[1].0];
/// How policies are named, for whoever names one that is none.
pub const HELP: &str =
    "policies are named as in a scenario: all, or celery,knative(window: \"30s\")";
/// What is appended to the name of a policy with tuned settings.
const TUNED: &str = ", tuned";

/// A policy in the ranking.
#[derive(Clone, Debug)]
pub struct Entrant {
    /// What the ranking calls it.
    pub name: String,
    /// How the registry (or a profile) is asked for it.
    pub text: String,
    /// What it is.
    pub standing: Standing,
    /// Where it comes from: the registry, or whoever wrote it.
    pub source: PolicySource,
}

impl Entrant {
    /// The default.
    #[must_use]
    pub fn default_policy() -> Self {
        Self {
            name: DEFAULT.to_owned(),
            text: DEFAULT.to_owned(),
            standing: Standing::Default,
            source: PolicySource::Named,
        }
    }

    /// A policy that is not the default, as it is asked for.
    #[must_use]
    pub fn rival(text: &str) -> Self {
        Self {
            name: text.to_owned(),
            text: text.to_owned(),
            standing: Standing::Rival,
            source: PolicySource::Named,
        }
    }

    /// A policy of your own, to be ranked beside the others. It is told the price of lateness.
    #[must_use]
    pub fn own(make: impl Fn() -> Box<dyn Policy> + Send + Sync + 'static) -> Self {
        let name = make().name().to_owned();
        Self {
            text: name.clone(),
            name,
            standing: Standing::Rival,
            source: PolicySource::Own(Arc::new(make)),
        }
    }

    fn tuned(name: &str, text: &str) -> Self {
        Self {
            name: format!("{name}{TUNED}"),
            text: text.to_owned(),
            standing: Standing::TunedRival,
            source: PolicySource::Named,
        }
    }

    /// Whether it is told what lateness costs, and so runs once for each price.
    #[must_use]
    pub fn sees_price(&self) -> bool {
        self.base() == DEFAULT || self.is_own()
    }

    fn is_own(&self) -> bool {
        matches!(self.source, PolicySource::Own(_))
    }

    /// The policies to run, of which the cheapest stands for it: one that sizes only workers is combined with every
    /// batch rule where the scenario has batches; `hindsight` has the fixed rules that are best there, each in some
    /// replication at some price.
    #[must_use]
    pub fn candidates(&self, has_batches: bool, hindsight: &[String]) -> Vec<String> {
        let alone = !has_batches
            || self.is_own()
            || OWN_BATCHES.contains(&self.base())
            || self.text.contains('+');
        if alone {
            return vec![self.text.clone()];
        }
        let with = |rule: &str| format!("{}+{rule}", self.text);
        let ruled = BATCH_RULES.iter().flat_map(|rule| match rule.name {
            "batch" if hindsight.is_empty() => vec![self.text.clone()],
            "batch" => hindsight.iter().map(|best| with(best)).collect(),
            name => vec![with(name)],
        });
        ruled.collect()
    }

    /// The policy's name without its settings.
    fn base(&self) -> &str {
        self.text.split(['(', '+']).next().unwrap_or(&self.text)
    }
}

/// Everybody: the default, every other policy of the registry as documented and as tuned, the profiles.
#[must_use]
pub fn all() -> Vec<Entrant> {
    let mut all = vec![Entrant::default_policy()];
    let names = POLICIES.iter().map(|entry| entry.name);
    for name in names.filter(|name| *name != DEFAULT) {
        all.push(Entrant::rival(name));
        let tuned = tuned(name).filter(|text| *text != name);
        all.extend(tuned.map(|text| Entrant::tuned(name, text)));
    }
    all.extend(PROFILES.map(|(name, _)| Entrant::rival(name)));
    all
}

/// Those of a list such as `adaptive,celery,knative(window: "30s")`, the default always among them and first; of a
/// bare name the tuned variant comes along. `all` is everybody. Nobody is there twice.
///
/// # Errors
///
/// A sentence, if a name is none, or there is none.
pub fn chosen(list: &str) -> Result<Vec<Entrant>, String> {
    let everybody = all();
    let mut chosen = vec![Entrant::default_policy()];
    let texts = registry::list(list).map_err(|error| error.to_string())?;
    if texts.is_empty() {
        return Err("no policy is named".to_owned());
    }
    for text in texts {
        // Brackets with nothing in them say nothing.
        let text = text.strip_suffix("()").unwrap_or(text);
        let named = |it: &&Entrant| {
            text == "all" || it.text == text || it.name.strip_suffix(TUNED) == Some(text)
        };
        let known: Vec<Entrant> = everybody.iter().filter(named).cloned().collect();
        if known.is_empty() {
            registry::build(text).map_err(|error| error.to_string())?;
            chosen.push(Entrant::rival(text));
        }
        chosen.extend(known);
    }
    let mut distinct: Vec<Entrant> = Vec::new();
    for entrant in chosen {
        if !distinct.iter().any(|it| it.text == entrant.text) {
            distinct.push(entrant);
        }
    }
    Ok(distinct)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_there_once_and_can_be_had() {
        let all = all();
        assert_eq!(all[0].standing, Standing::Default);
        for (at, entrant) in all.iter().enumerate() {
            assert!(!all[..at].iter().any(|it| it.name == entrant.name));
            let known = PROFILES.iter().any(|(name, _)| *name == entrant.text);
            assert!(
                known || registry::build(&entrant.text).is_ok(),
                "{}",
                entrant.text
            );
        }
    }

    #[test]
    fn who_sizes_only_workers_is_combined_with_every_batch_rule() {
        let simple = Entrant::rival("simple");
        let best = ["batch(20)", "batch(32)"].map(str::to_owned);
        assert_eq!(simple.candidates(false, &best), ["simple"]);
        assert_eq!(
            simple.candidates(true, &best),
            [
                "simple+aimd",
                "simple+busy",
                "simple+batch(20)",
                "simple+batch(32)"
            ]
        );
        assert_eq!(
            simple.candidates(true, &[]),
            ["simple+aimd", "simple+busy", "simple"]
        );
        let default = Entrant::default_policy();
        assert_eq!(default.candidates(true, &best), ["adaptive"]);
        let said = Entrant::rival("simple+busy");
        assert_eq!(said.candidates(true, &best), ["simple+busy"]);
    }

    #[test]
    fn a_list_has_the_default_first_and_nobody_twice() {
        let names = |list: &str| -> Vec<String> {
            let chosen = chosen(list).unwrap_or_else(|error| panic!("{error}"));
            chosen.into_iter().map(|it| it.name).collect()
        };
        assert_eq!(
            names("fixed(3), adaptive,fixed(3)"),
            ["adaptive", "fixed(3)"]
        );
        assert!(chosen("celary").is_err_and(|error| error.contains("names no policy")));
        for everybody in ["all", "all,all", "simple,all", "all, adaptive()"] {
            assert_eq!(names(everybody).len(), all().len(), "{everybody}");
        }
        assert_eq!(names("all,fixed(3)").len(), all().len() + 1);
        assert_eq!(names("adaptive()"), ["adaptive"]);
        assert_eq!(names("simple()"), names("simple"));
        assert!(chosen(" ").is_err_and(|error| error == "no policy is named"));
        assert!(chosen(" ,").is_err_and(|error| error.contains("place 1")));
    }
}
