//! The demanding scenarios: those of `fidelity/scenarios/`, built in.
//!
//! Faults, limits, deadlines, waves of load: everything that protects an agent or ends a message
//! is at work in some of them. Apart from the shipped scenarios, which show what the broker is
//! for.

use ebbtide_sim::shipped::Shipped;

macro_rules! demanding {
    ($($name:literal),* $(,)?) => {
        &[$(Shipped {
            name: concat!("demanding/", $name),
            folder: "fidelity/scenarios",
            text: include_str!(concat!("../scenarios/", $name, ".ron")),
        }),*]
    };
}

/// All of them.
pub const DEMANDING: &[Shipped] = demanding![
    "all-at-once",
    "brown-out",
    "callers",
    "crowded",
    "deadlines",
    "full-queue",
    "hangs",
    "limits",
    "outage",
    "servers",
];
