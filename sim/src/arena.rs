//! The arena: policies ranked on the same messages, by one cost, beside oracles that show how much
//! room is left.
//!
//! Every entrant meets the messages and the luck of every replication; the governor only clamps to the bounds, so
//! policies bring their own pacing. Rivals do not see the price of lateness, so one run of theirs serves all
//! [`PRICES`]; the default runs once for each. What a cost is, `ebbtide_measure::cost` says; what is made of the costs
//! is in `rank.rs` (a scenario) and `overall.rs` (all of them). Deliberately absent: files, and how it looks.

pub mod best_settings;
pub mod entrants;
pub mod oracle;
pub mod overall;
mod rank;
mod runs;
pub mod split;
pub mod suite;
pub mod tune;
mod yardstick;

use ebbtide_measure::ranking::{RankedScenario, Standing};
use ebbtide_policies::units::Time;

use crate::monitor::Monitor;
use crate::plan::Plan;
use entrants::Entrant;

/// Prices of lateness at which policies are ranked, in a message's own work per second late.
pub use oracle::PRICES;

/// The place of the broker's own in [`PRICES`].
pub const MAIN_PRICE: usize = 1;
/// Where more than this share of the oracle's cost is unavoidable, regret divides what is left by nearly nothing.
pub const MOST_UNAVOIDABLE: f64 = 0.9;

/// A scenario, ready to be ranked on.
#[derive(Debug)]
pub struct Arena {
    /// Its name.
    pub name: String,
    /// Its text.
    pub text: String,
    /// The same, checked; the brokers in it are not run.
    pub plan: Plan,
    /// What its oracles found, for the first replications; none if none was ever asked.
    pub known: Vec<oracle::Replication>,
    /// Settings of rivals that did best here, which are shown and not ranked ([`best_settings`]).
    pub best_settings: Vec<String>,
}

impl Arena {
    /// A scenario without oracles.
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<String>, plan: Plan) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
            plan,
            known: Vec::new(),
            best_settings: Vec::new(),
        }
    }

    /// Runs all `entrants` and ranks them; `None` if `monitor` said stop. The first is the default.
    ///
    /// # Errors
    ///
    /// A sentence, if one of the entrants cannot be had on this broker.
    pub fn rank(
        &self,
        entrants: &[Entrant],
        replications: u32,
        monitor: &Monitor,
    ) -> Result<Option<RankedScenario>, String> {
        let field = runs::Field::new(self, entrants)?;
        let Some(runs) = field.run(replications, monitor) else {
            return Ok(None);
        };
        let (best, ranked) = runs
            .into_iter()
            .partition(|(candidate, _)| matches!(candidate.role, runs::Role::Best(_)));
        Ok(Some(rank::scenario(self, entrants, &ranked, &best)))
    }

    /// The settings of a rival that did best here, if it is ranked as its source documents it.
    fn best_settings_of<'a>(&'a self, entrant: &'a Entrant) -> impl Iterator<Item = &'a str> {
        let known = self.best_settings.iter().map(String::as_str);
        known.filter(|text| {
            entrant.standing == Standing::Rival && best_settings::rival(text) == entrant.text
        })
    }

    /// Runs that [`rank`](Self::rank) will make, and how long each is.
    #[must_use]
    pub fn work(&self, entrants: &[Entrant], replications: u32) -> (u64, Time) {
        let runs = runs::count(self, entrants, replications);
        (runs, self.plan.end())
    }
}
