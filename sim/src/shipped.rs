//! The shipped scenarios: the files of `scenarios/`, built in.
//!
//! Apart so that a new one is a file there and a line here; a test of the command holds that
//! none is forgotten. Deliberately absent: any scenario that exists only in code.

use crate::arena::suite;

/// A scenario that is built in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shipped {
    /// Its name: the file's without its extension.
    pub name: &'static str,
    /// Where its file is in the source tree, and where paths in it count from.
    pub folder: &'static str,
    /// Its text, with its comments.
    pub text: &'static str,
}

macro_rules! shipped {
    ($folder:literal: $($name:literal),* $(,)?) => {
        &[$($crate::shipped::Shipped {
            name: $name,
            folder: $folder,
            text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../", $folder, "/", $name, ".ron")),
        }),*]
    };
}
pub(crate) use shipped;

/// Short waves of load under every policy but `fixed`, each with settings that are quick enough to go along
/// with them: for decision parity, simulated and live. Not one of the [`SHIPPED`], which show what the
/// broker is for.
pub const WAVES: &str = include_str!("../scenarios/waves.ron");

/// All of them, the main job first.
pub const SHIPPED: &[Shipped] = shipped![
    "scenarios":
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

/// The one that is called `name`, the arena's included.
#[must_use]
pub fn find(name: &str) -> Option<&'static Shipped> {
    all().find(|shipped| shipped.name == name)
}

/// The names of all, the arena's included.
pub fn names() -> impl Iterator<Item = &'static str> {
    all().map(|shipped| shipped.name)
}

fn all() -> impl Iterator<Item = &'static Shipped> {
    SHIPPED
        .iter()
        .chain(suite::all().map(|(_, shipped)| shipped))
}
