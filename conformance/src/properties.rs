//! What must hold for any policy: a function for each property, with its limits as constants.
//!
//! The governor of every scene knows bounds alone: no shrink window, no cool-down. What keeps a
//! policy from flapping is its own. Limits are loose enough for any policy that means well; how
//! good a policy is, the arena says.

mod bottleneck;
mod decisions;
mod idles_down;
mod no_echo;
mod no_limit_cycle;
mod ordering_keys;
mod recovers;
mod survives;

pub use bottleneck::{EXTRA_WORKERS as BOTTLENECK_EXTRA_WORKERS, bottleneck};
pub use decisions::{deterministic, finite, within_bounds};
pub use idles_down::{IDLE_S, idles_down};
pub use no_echo::{EXTRA_WORKERS as ECHO_EXTRA_WORKERS, TIMES as ECHO_TIMES, no_echo};
pub use no_limit_cycle::{CHANGES_PER_MINUTE, no_limit_cycle};
pub use ordering_keys::{EXTRA_WORKERS as KEYS_EXTRA_WORKERS, TIMES as KEYS_TIMES, ordering_keys};
pub use recovers::{RECOVERY_S, recovers};
pub use survives::{EXTRA_WORKERS as SURVIVAL_EXTRA_WORKERS, SURVIVAL_S, survives};
