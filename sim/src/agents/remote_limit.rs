//! Rate limits of the remote side, which answers 429 rather than queue.

use serde::{Deserialize, Serialize};

use ebbtide_core::agents::RateLimit;
use ebbtide_policies::units::{Duration, Time};

use crate::numbers;

/// What a call refused by chance is told to wait where the scenario does not say.
const PAUSE: Duration = Duration::from_secs(1);

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_never(share: &f64) -> bool {
    *share == 0.0
}

/// Calls and units that the remote side lets in. A call is let in when both have enough.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteLimit {
    /// Calls a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<RateLimit>,
    /// Units a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<RateLimit>,
    /// Share of calls refused whatever their rate, 0 to 1, drawn by message and call: others may
    /// have used the limit up.
    #[serde(
        default,
        skip_serializing_if = "is_never",
        deserialize_with = "numbers::share"
    )]
    pub share: f64,
    /// What a refused call is told to wait; absent: until there are tokens enough again, or a
    /// second if it was refused by chance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Duration>,
}

impl RemoteLimit {
    /// Its buckets by name.
    pub(crate) fn buckets(&self) -> impl Iterator<Item = (&'static str, RateLimit)> {
        let named = [("calls", self.calls), ("units", self.units)];
        named
            .into_iter()
            .filter_map(|(name, limit)| Some((name, limit?)))
    }
}

/// The buckets of one limit.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    calls: Option<Bucket>,
    units: Option<Bucket>,
    share: f64,
    retry_after: Option<Duration>,
}

impl Gate {
    pub(super) fn new(limit: &RemoteLimit) -> Self {
        Self {
            calls: limit.calls.map(Bucket::new),
            units: limit.units.map(Bucket::new),
            share: limit.share,
            retry_after: limit.retry_after,
        }
    }

    /// How long a call of so many units has to wait, whose `luck` is from 0 to 1, that excluded; `None`: it may come in.
    pub(super) fn wait(&mut self, now: Time, units: f64, luck: f64) -> Option<Duration> {
        let lacking = |bucket: &mut Option<Bucket>, wanted| {
            bucket
                .as_mut()
                .and_then(|bucket| bucket.lacking(now, wanted))
        };
        let by_chance = (luck < self.share).then_some(PAUSE);
        let by_tokens = lacking(&mut self.calls, 1.0).max(lacking(&mut self.units, units));
        let wait = by_tokens.or(by_chance)?;
        Some(self.retry_after.unwrap_or(wait))
    }

    /// A call of so many units comes in.
    pub(super) fn enter(&mut self, units: f64) {
        if let Some(calls) = &mut self.calls {
            calls.tokens -= 1.0;
        }
        if let Some(tokens) = &mut self.units {
            tokens.tokens -= units;
        }
    }
}

#[derive(Clone, Debug)]
struct Bucket {
    per_ns: f64,
    burst: f64,
    tokens: f64,
    filled: Time,
}

impl Bucket {
    fn new(rate: RateLimit) -> Self {
        let burst = f64::from(rate.burst);
        Self {
            per_ns: rate.rate.as_per_second() / 1e9,
            burst,
            tokens: burst,
            filled: Time::ZERO,
        }
    }

    /// Fills up, and says how long until `wanted` tokens are there; `None`: they are. What is
    /// dearer than the bucket goes when it is full.
    fn lacking(&mut self, now: Time, wanted: f64) -> Option<Duration> {
        let passed = now.since(self.filled).as_nanos() as f64;
        self.tokens = (self.tokens + passed * self.per_ns).min(self.burst);
        self.filled = now;
        // A billionth of a token is rounding, not a lack.
        let lack = wanted.min(self.burst) - self.tokens;
        (lack > 1e-9).then(|| Duration::from_nanos((lack / self.per_ns).ceil() as u64))
    }
}

#[cfg(test)]
mod tests {
    use ebbtide_policies::units::Rate;

    use super::*;

    #[test]
    fn a_gate_refuses_what_is_beyond_its_rate_and_says_until_when() {
        let rate = |per_s, burst| RateLimit {
            rate: Rate::per_second(per_s).expect("finite"),
            burst,
        };
        let mut gate = Gate::new(&RemoteLimit {
            calls: Some(rate(2.0, 2)),
            units: Some(rate(10.0, 10)),
            share: 0.25,
            retry_after: None,
        });
        let at = |ms| Time::ZERO + Duration::from_millis(ms);
        let mut call = |ms, units| {
            let wait = gate.wait(at(ms), units, 0.25);
            if wait.is_none() {
                gate.enter(units);
            }
            wait.map(|wait| wait.as_nanos() / 1_000_000)
        };
        assert_eq!(call(0, 4.0), None);
        assert_eq!(call(0, 4.0), None);
        assert_eq!(call(0, 1.0), Some(500));
        assert_eq!(call(500, 8.0), Some(100));
        assert_eq!(call(600, 8.0), None);
        // Dearer than the bucket: when it is full.
        assert_eq!(call(1_600, 25.0), None);
        assert_eq!(call(3_600, 1.0), None);
        assert_eq!(gate.wait(at(9_000), 1.0, 0.2), Some(PAUSE));
    }
}
