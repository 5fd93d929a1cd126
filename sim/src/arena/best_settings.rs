//! The settings of each rival that did best in one scenario, of all that tuning tried: for information, since only
//! hindsight knows them. The arena runs them beside the others and ranks none of them.

use std::collections::{BTreeMap, BTreeSet};

use ebbtide_policies::registry;

use super::suite;
use super::tune::{Ratios, SEARCHED};

/// What `examples/tune` found, from `scenarios/arena/`.
const SHIPPED: &str = include_str!("../../../scenarios/arena/best_settings.json");

/// Policies' texts by scenario, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BestSettings(BTreeMap<String, Vec<String>>);

impl BestSettings {
    /// Those that are shipped.
    ///
    /// # Panics
    ///
    /// Never: a test reads them.
    #[must_use]
    pub fn shipped() -> Self {
        Self(serde_json::from_str(SHIPPED).expect("a test reads what is shipped"))
    }

    /// As they are shipped.
    ///
    /// # Panics
    ///
    /// Never: there is nothing but text in them.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(&self.0).expect("text") + "\n"
    }

    /// Those of a scenario: none unless it is the suite's own, word for word.
    #[must_use]
    pub fn of(&self, name: &str, text: &str) -> Vec<String> {
        let is_own = suite::all().any(|(_, it)| it.name == name && it.text == text);
        let own = self.0.get(name).filter(|_| is_own);
        own.cloned().unwrap_or_default()
    }

    /// All of them, each once.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        let all: BTreeSet<&String> = self.0.values().flatten().collect();
        all.into_iter().cloned().collect()
    }

    /// Takes those of other scenarios as well.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The best of what a search tried, by scenario and price: `tried` has policies' texts, replications and ratios
    /// over `scenarios`. Settings that the registry knows no more are left out.
    #[must_use]
    pub fn of_search(scenarios: &[&str], tried: &[(String, u32, Ratios)]) -> Self {
        let searched = tried.iter().filter(|(text, replications, _)| {
            *replications == SEARCHED && registry::build(text).is_ok()
        });
        // By scenario, rival and price: the least ratio, and whose it is.
        let mut least: BTreeMap<(&str, &str, usize), (f64, &str)> = BTreeMap::new();
        for (text, _, ratios) in searched {
            for (scenario, prices) in scenarios.iter().zip(ratios) {
                for (price, ratio) in prices.iter().enumerate() {
                    let Some(ratio) = ratio else { continue };
                    let key = (*scenario, rival(text), price);
                    let best = least.entry(key).or_insert((*ratio, text));
                    if ratio < &best.0 {
                        *best = (*ratio, text);
                    }
                }
            }
        }
        let mut all = Self::default();
        for ((scenario, ..), (_, text)) in least {
            let own = all.0.entry(scenario.to_owned()).or_default();
            if !own.iter().any(|it| it == text) {
                own.push(text.to_owned());
            }
        }
        all
    }
}

/// The policy's name without its settings.
pub(super) fn rival(text: &str) -> &str {
    text.split(['(', '+']).next().unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shipped_is_of_the_suite_and_can_be_had() {
        let all = BestSettings::shipped();
        for (scenario, texts) in &all.0 {
            let own = suite::all().find(|(_, it)| it.name == scenario);
            let (_, own) = own.unwrap_or_else(|| panic!("{scenario} is not of the suite"));
            assert_eq!(&all.of(scenario, own.text), texts);
            assert!(all.of(scenario, "another text").is_empty());
            for text in texts {
                assert!(registry::build(text).is_ok(), "{scenario}: {text}");
            }
        }
        assert!(suite::all().all(|(_, it)| all.0.contains_key(it.name)));
    }

    #[test]
    fn the_best_of_each_rival_scenario_and_price_is_found_once() {
        let at = |one: f64, other: Option<f64>| vec![Some(one), other];
        let tried = [
            ("simple", SEARCHED, vec![at(2.0, None), at(1.0, Some(3.0))]),
            (
                "simple(load: 0.9)",
                SEARCHED,
                vec![at(1.5, None), at(1.0, Some(2.0))],
            ),
            (
                "simple(load: 7.0)",
                SEARCHED,
                vec![at(0.1, None), at(0.1, Some(0.1))],
            ),
            ("celery", SEARCHED, vec![at(9.0, None), at(9.0, Some(9.0))]),
            (
                "celery(keepalive: \"1s\")",
                SEARCHED + 1,
                vec![at(1.0, None)],
            ),
        ]
        .map(|(text, replications, ratios)| (text.to_owned(), replications, ratios));
        let best = BestSettings::of_search(&["one", "two"], &tried);
        let of = |scenario: &str| best.0[scenario].clone();
        assert_eq!(of("one"), ["celery", "simple(load: 0.9)"]);
        assert_eq!(of("two"), ["celery", "simple", "simple(load: 0.9)"]);
    }
}
