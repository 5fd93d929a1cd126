//! Token buckets for calls and for units, in whole numbers: the instant at which a bucket
//! says it will have enough is an instant at which it has enough.

use ebbtide_policies::units::Time;
use serde::{Deserialize, Serialize};

use crate::agents::RateLimit;

/// Grains in a token. A rate of 1/s is then a million grains per nanosecond, so that rates
/// down to a millionth of a token a second come out whole.
const GRAINS_PER_TOKEN: i128 = 1_000_000_000_000_000;
const GRAINS_PER_NANO_AT_ONE_PER_SECOND: f64 = 1e6;

/// A bucket that fills at a rate up to its burst, and may go into debt.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TokenBucket {
    grains: i128,
    filled_at: Time,
    grains_per_nano: i128,
    capacity: i128,
}

impl TokenBucket {
    /// A full bucket.
    pub fn new(limit: RateLimit, now: Time) -> Self {
        let capacity = i128::from(limit.burst.max(1)) * GRAINS_PER_TOKEN;
        let per_nano = limit.rate.as_per_second() * GRAINS_PER_NANO_AT_ONE_PER_SECOND;
        Self {
            grains: capacity,
            filled_at: now,
            grains_per_nano: (per_nano.round() as i128).max(1),
            capacity,
        }
    }

    /// A bucket of another limit that has what this one has, as far as it holds it: debts stay.
    pub fn with_limit(&self, limit: RateLimit, now: Time) -> Self {
        let new = Self::new(limit, now);
        Self {
            grains: self.level(now).min(new.capacity),
            ..new
        }
    }

    /// Whether `tokens` may be taken at `now`: they are there, or the bucket is full and can
    /// hold no more.
    pub fn has(&self, now: Time, tokens: u64) -> bool {
        self.level(now) >= self.needed(tokens)
    }

    /// Whole tokens at `now`; none while in debt.
    pub fn whole_tokens(&self, now: Time) -> u64 {
        u64::try_from(self.level(now) / GRAINS_PER_TOKEN).unwrap_or(0)
    }

    /// Takes `tokens`, into debt if need be.
    pub fn take(&mut self, now: Time, tokens: u64) {
        self.grains = self.level(now) - i128::from(tokens) * GRAINS_PER_TOKEN;
        self.filled_at = now;
    }

    /// The first instant at which [`Self::has`] holds if nothing is taken before.
    pub fn ready_at(&self, now: Time, tokens: u64) -> Time {
        let missing = self.needed(tokens) - self.level(now);
        if missing <= 0 {
            return now;
        }
        let nanos = (missing + self.grains_per_nano - 1) / self.grains_per_nano;
        let nanos = u64::try_from(nanos).unwrap_or(u64::MAX);
        Time::from_nanos(now.as_nanos().saturating_add(nanos))
    }

    fn needed(&self, tokens: u64) -> i128 {
        (i128::from(tokens) * GRAINS_PER_TOKEN).min(self.capacity)
    }

    fn level(&self, now: Time) -> i128 {
        let nanos = i128::from(now.since(self.filled_at).as_nanos());
        (self.grains + nanos * self.grains_per_nano).min(self.capacity)
    }
}

#[cfg(test)]
mod tests {
    use ebbtide_policies::units::Rate;

    use super::*;

    fn bucket(per_s: f64, burst: u32) -> TokenBucket {
        let rate = Rate::per_second(per_s).expect("a valid rate");
        TokenBucket::new(RateLimit { rate, burst }, Time::ZERO)
    }

    #[test]
    fn a_token_comes_back_after_its_share_of_a_second() {
        let mut calls = bucket(4.0, 1);
        assert!(calls.has(Time::ZERO, 1));
        calls.take(Time::ZERO, 1);
        assert!(!calls.has(Time::from_nanos(249_999_999), 1));
        assert_eq!(calls.ready_at(Time::ZERO, 1), Time::from_nanos(250_000_000));
        assert!(calls.has(Time::from_nanos(250_000_000), 1));
    }

    #[test]
    fn a_message_dearer_than_the_bucket_goes_when_it_is_full_and_leaves_a_debt() {
        let mut units = bucket(10.0, 10);
        assert!(units.has(Time::ZERO, 25));
        units.take(Time::ZERO, 25);
        assert_eq!(units.whole_tokens(Time::ZERO), 0);
        assert_eq!(
            units.ready_at(Time::ZERO, 1),
            Time::from_nanos(1_600_000_000)
        );
    }

    #[test]
    fn the_instant_it_names_is_soon_enough_at_odd_rates() {
        let mut calls = bucket(0.3, 2);
        calls.take(Time::ZERO, 2);
        let ready = calls.ready_at(Time::ZERO, 1);
        assert!(calls.has(ready, 1));
        assert!(!calls.has(Time::from_nanos(ready.as_nanos() - 1), 1));
    }
}
