//! The shipped scenarios: the files of `scenarios/`, built in.
//!
//! Apart so that a new one is a file there and a line here; a test of the command holds that
//! none is forgotten. Deliberately absent: any scenario that exists only in code.

/// A scenario that is built in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shipped {
    /// Its name: the file's without its extension.
    pub name: &'static str,
    /// Its text, with its comments.
    pub text: &'static str,
}

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        &[$(Shipped {
            name: $name,
            text: include_str!(concat!("../../scenarios/", $name, ".ron")),
        }),*]
    };
}

/// All of them, the main job first.
pub const SHIPPED: &[Shipped] = shipped![
    "remote-agents",
    "in-process",
    "llm-agents",
    "batch-agent",
    "burst",
    "diurnal",
    "slow-agent",
    "capacity-cliff",
    "brown-out",
    "mixed",
    "closed-loop",
    "seed-1",
    "seed-1-batch",
    "seed-2",
    "seed-2-batch",
    "seed-3",
    "seed-3-batch",
    "seed-4",
    "seed-4-batch",
    "seed-5",
    "seed-5-batch",
];

/// The one that is called `name`.
#[must_use]
pub fn find(name: &str) -> Option<&'static Shipped> {
    SHIPPED.iter().find(|shipped| shipped.name == name)
}

/// The names of all.
pub fn names() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|shipped| shipped.name)
}
