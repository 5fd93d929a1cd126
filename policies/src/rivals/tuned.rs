//! Rivals with settings that were tuned on the arena's tuned half.
//!
//! Found by ranking each with some settings of its own on those scenarios, the least geometric mean of regret at the
//! broker's own price (`docs/arena.md` states the budget). Where none of them beat what its source documents, a rival
//! is not listed.

/// A rival's name, and how the registry is asked for it with tuned settings.
const TUNED: &[(&str, &str)] = &[];

/// The rival `name` with tuned settings, as the registry takes it; `None` where the documented ones are best.
#[must_use]
pub fn tuned(name: &str) -> Option<&'static str> {
    let row = TUNED.iter().find(|(rival, _)| *rival == name);
    row.map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry;

    #[test]
    fn each_is_a_policy_of_that_name_with_other_settings() {
        for (rival, text) in TUNED {
            assert!(text.starts_with(&format!("{rival}(")), "{text}");
            let built = registry::build(text).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(built.name(), *text);
            assert_eq!(tuned(rival), Some(*text));
        }
        assert_eq!(tuned("adaptive"), None);
    }
}
