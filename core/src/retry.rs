//! Whether a failed message is tried again, and when: the one place where that is decided.
//!
//! Backoff doubles with each attempt up to its cap, less a random share of it (jitter), so
//! that messages that failed together do not come back together. The budget is a bucket that
//! first arrivals fill with a share of a retry each: an outage empties it and cannot become
//! a storm.

use ebbtide_policies::units::Duration;
use serde::{Deserialize, Serialize};

use crate::config::{AgentConfig, BrokerConfig};

/// Retries are counted in millionths, so that a share of one is a whole number.
const MILLION: u64 = 1_000_000;

/// How often and after how long one agent's messages are tried again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetryRule {
    max_attempts: u32,
    backoff: Duration,
    backoff_max: Duration,
    jitter: f64,
}

/// What is left of the budget that all agents share, if there is one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Retries(Option<Budget>);

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Budget {
    per_arrival: u64,
    left: u64,
    most: u64,
}

/// What becomes of a message after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Tried again after this long.
    After(Duration),
    /// Its attempts are spent.
    AttemptsSpent,
    /// The budget has nothing left.
    BudgetSpent,
}

impl RetryRule {
    /// The agent's own settings; where it has none the broker's.
    #[must_use]
    pub fn of(agent: &AgentConfig, broker: &BrokerConfig) -> Self {
        let max_attempts = agent.retry_max_attempts.or(broker.retry_max_attempts);
        Self {
            max_attempts: max_attempts.unwrap_or(u32::MAX),
            backoff: agent.retry_backoff.unwrap_or(broker.retry_backoff()),
            backoff_max: (agent.retry_backoff_max).unwrap_or(broker.retry_backoff_max()),
            jitter: broker.retry_jitter,
        }
    }

    /// Whether attempts never end.
    #[must_use]
    pub fn is_unlimited(&self) -> bool {
        self.max_attempts == u32::MAX
    }

    /// The pause of an agent that said "too many requests" and no more.
    #[must_use]
    pub fn first_backoff(&self) -> Duration {
        self.backoff.min(self.backoff_max)
    }

    fn backoff(&self, attempts: u32, luck: u64) -> Duration {
        let doublings = attempts.saturating_sub(1).min(62);
        let full = (self.backoff * (1 << doublings)).min(self.backoff_max);
        full.mul_f64(1.0 - self.jitter * unit_interval(luck, attempts))
    }
}

impl Retries {
    /// As `config` has it, with its reserve.
    #[must_use]
    pub fn new(config: &BrokerConfig) -> Self {
        let reserve = u64::from(config.retry_budget_reserve);
        Self(config.retry_budget.map(|share| Budget {
            per_arrival: (share * MILLION as f64).round() as u64,
            left: reserve * MILLION,
            most: reserve.max(1) * MILLION,
        }))
    }

    /// Other settings from now on; what is left of the budget stays.
    pub fn reconfigure(&mut self, config: &BrokerConfig) {
        let left = self.0.as_ref().map(|budget| budget.left);
        *self = Self::new(config);
        if let (Some(budget), Some(left)) = (&mut self.0, left) {
            budget.left = left.min(budget.most);
        }
    }

    /// A first arrival was accepted.
    pub fn arrived(&mut self) {
        if let Some(budget) = &mut self.0 {
            budget.left = (budget.left + budget.per_arrival).min(budget.most);
        }
    }

    /// Decides over a message that has now spent `attempts`, and takes its retry from the
    /// budget. `luck` is the message's own random word.
    pub fn decide(&mut self, rule: &RetryRule, attempts: u32, luck: u64) -> Retry {
        if attempts >= rule.max_attempts {
            return Retry::AttemptsSpent;
        }
        if let Some(budget) = &mut self.0 {
            let Some(left) = budget.left.checked_sub(MILLION) else {
                return Retry::BudgetSpent;
            };
            budget.left = left;
        }
        Retry::After(rule.backoff(attempts, luck))
    }
}

/// A number in [0, 1) from a message's luck and attempt: SplitMix64's finaliser (Steele, Lea
/// and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
fn unit_interval(luck: u64, attempt: u32) -> f64 {
    let mut z = luck.wrapping_add(u64::from(attempt).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    (z >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retries(jitter: f64, budget: Option<f64>, reserve: u32) -> (RetryRule, Retries) {
        let config = BrokerConfig {
            retry_jitter: jitter,
            retry_budget: budget,
            retry_budget_reserve: reserve,
            retry_max_attempts: Some(20),
            ..BrokerConfig::default()
        };
        let rule = RetryRule::of(&AgentConfig::new("agent"), &config);
        (rule, Retries::new(&config))
    }

    #[test]
    fn backoff_doubles_up_to_its_cap() {
        let (rule, mut it) = retries(0.0, None, 0);
        let after = |it: &mut Retries, n| match it.decide(&rule, n, 7) {
            Retry::After(pause) => pause.as_secs_f64(),
            spent @ (Retry::AttemptsSpent | Retry::BudgetSpent) => panic!("{spent:?}"),
        };
        assert_eq!([1, 2, 3].map(|n| after(&mut it, n)), [0.1, 0.2, 0.4]);
        assert_eq!(after(&mut it, 19), 30.0);
        assert_eq!(it.decide(&rule, 20, 7), Retry::AttemptsSpent);
    }

    #[test]
    fn jitter_only_shortens_and_depends_on_the_luck() {
        let (rule, mut it) = retries(0.5, None, 0);
        let pauses: Vec<_> = (0..100).map(|luck| it.decide(&rule, 1, luck)).collect();
        assert!(pauses.iter().any(|pause| *pause != pauses[0]));
        for pause in pauses {
            let Retry::After(pause) = pause else {
                panic!("{pause:?}")
            };
            assert!((0.05..=0.1).contains(&pause.as_secs_f64()), "{pause:?}");
        }
    }

    #[test]
    fn the_budget_is_a_share_of_first_arrivals_beyond_the_reserve() {
        let (rule, mut it) = retries(0.0, Some(0.2), 2);
        let granted = |it: &mut Retries| matches!(it.decide(&rule, 1, 0), Retry::After(_));
        assert_eq!([0; 3].map(|_| granted(&mut it)), [true, true, false]);
        for _ in 0..5 {
            it.arrived();
        }
        assert_eq!([0; 2].map(|_| granted(&mut it)), [true, false]);
    }
}
