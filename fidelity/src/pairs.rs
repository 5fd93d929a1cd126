//! Messages of two runs, paired by their keys.

use std::collections::BTreeMap;

use ebbtide_core::message::{AgentId, Outcome};
use ebbtide_policies::units::{Duration, Time};
use ebbtide_sim::streams::MessageKey;
use serde::Serialize;

/// How a message ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Its outcome.
    pub outcome: Outcome,
    /// From when its sender asked.
    pub sojourn: Duration,
}

impl Ending {
    /// The ending of a message sent at `sent`.
    #[must_use]
    pub fn new(outcome: Outcome, sent: Time, at: Time) -> Self {
        Self {
            outcome,
            sojourn: at.since(sent),
        }
    }
}

/// The endings of a run's messages; of a broadcast's copies, by agent.
pub type Endings = BTreeMap<(MessageKey, AgentId), Ending>;

/// How alike two runs ended, message by message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pairs {
    /// Messages that ended in either run. Those that ended in one alone, since the other
    /// refused them or did not come to an end, are like nothing.
    pub messages: u64,
    /// Of these, with the same outcome.
    pub same_outcome: u64,
    /// Of these, with sojourns no further apart than was allowed.
    pub close: u64,
}

impl Pairs {
    /// Pairs the messages of two runs; sojourns may be `apart` at most.
    #[must_use]
    pub fn of(one: &Endings, other: &Endings, apart: Duration) -> Self {
        let mut pairs = Self {
            messages: other.keys().filter(|key| !one.contains_key(key)).count() as u64,
            ..Self::default()
        };
        for (key, mine) in one {
            pairs.messages += 1;
            let theirs = other.get(key);
            if let Some(theirs) = theirs.filter(|theirs| theirs.outcome == mine.outcome) {
                let (more, less) = (
                    mine.sojourn.max(theirs.sojourn),
                    mine.sojourn.min(theirs.sojourn),
                );
                pairs.same_outcome += 1;
                pairs.close += u64::from(more <= less + apart);
            }
        }
        pairs
    }

    /// Adds those of another replication.
    pub fn add(&mut self, other: Self) {
        self.messages += other.messages;
        self.same_outcome += other.same_outcome;
        self.close += other.close;
    }

    /// Share with the same outcome (0–1); 1 of none.
    #[must_use]
    pub fn same_share(&self) -> f64 {
        share(self.same_outcome, self.messages)
    }

    /// Share with the same outcome and close sojourns (0–1); 1 of none.
    #[must_use]
    pub fn close_share(&self) -> f64 {
        share(self.close, self.messages)
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        1.0
    } else {
        part as f64 / whole as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endings(of: &[(u64, Outcome, u64)]) -> Endings {
        let row = |&(number, outcome, sojourn_ms): &(u64, Outcome, u64)| {
            let sojourn = Duration::from_millis(sojourn_ms);
            let key = (MessageKey::new(0, 0, number), AgentId(0));
            (key, Ending { outcome, sojourn })
        };
        of.iter().map(row).collect()
    }

    #[test]
    fn a_pair_is_close_with_the_same_outcome_two_grains_apart_and_no_more() {
        use Outcome::{Delivered, Expired};
        let one = endings(&[
            (0, Delivered, 10),
            (1, Delivered, 10),
            (2, Expired, 10),
            (3, Delivered, 10),
        ]);
        let other = endings(&[
            (0, Delivered, 12),
            (1, Delivered, 13),
            (2, Delivered, 10),
            (4, Delivered, 10),
        ]);
        let pairs = Pairs::of(&one, &other, Duration::from_millis(2));
        let expected = Pairs {
            messages: 5,
            same_outcome: 2,
            close: 1,
        };
        assert_eq!(pairs, expected);
        assert_eq!(Pairs::of(&other, &one, Duration::from_millis(2)), expected);
    }
}
