//! Oracles: how cheap a run could have been for one that knows it beforehand.
//!
//! | oracle | what it is |
//! |---|---|
//! | fixed | the best setting to keep, in hindsight: of workers × batch size × batch timeout, ready from the start, chosen for each replication. A real setting, which an adaptive policy may beat |
//! | paced | the best schedule found that changes at multiples of [`PACE`] only |
//! | free | the best schedule found that may change at every tick |
//! | peek | the default, told the arrivals of the next start-up time and two seconds ([`peek`]) |
//! | fluid | a lower bound that nothing attains ([`fluid`]) |
//!
//! Paced and free are found by a search (`search.rs`) of a fixed [`Budget`] on a fast twin of the
//! broker (`twin.rs`); what they cost is what the real core makes of them. Neither is dearer than
//! the best fixed setting or than any schedule that was handed in to start from (paced: rounded to
//! its pace), and free is no dearer than paced. All is found for one replication, with the luck that every
//! policy meets there, and is the same on any number of threads. [`cache`] keeps what was found.

pub mod cache;
mod find;
pub mod fluid;
mod grid;
mod path;
pub mod peek;
pub mod schedule;
mod score;
mod search;
mod twin;

pub use find::{AtPrice, Found, Replication, bound, find, find_all, run_of, score};
pub use schedule::Schedule;
pub use search::Budget;

use ebbtide_policies::units::Duration;

/// Between two changes of a paced schedule, at least; it changes at its multiples.
pub const PACE: Duration = Duration::from_secs(10);

/// What the oracles are found for: prices of lateness in a message's own work per second late.
pub const PRICES: [f64; 3] = [1.0, 10.0, 100.0];

/// Replications whose oracles are shipped; regret is over these.
pub const REPLICATIONS: u32 = 3;

/// What a search may do for one replication and price.
pub const BUDGET: Budget = Budget {
    width: 2,
    rules: 3,
    runs: 50,
};
