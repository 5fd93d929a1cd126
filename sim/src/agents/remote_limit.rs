//! Rate limits of the remote side, which answers 429 rather than queue.

use serde::{Deserialize, Serialize};

use ebbtide_core::agents::RateLimit;
use ebbtide_policies::units::{Duration, Time};

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
    /// What a refused call is told to wait; absent: until there are tokens enough again.
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
    retry_after: Option<Duration>,
}

impl Gate {
    pub(super) fn new(limit: &RemoteLimit) -> Self {
        Self {
            calls: limit.calls.map(Bucket::new),
            units: limit.units.map(Bucket::new),
            retry_after: limit.retry_after,
        }
    }

    /// Lets a call of so many units in, or says how long to wait.
    pub(super) fn enter(&mut self, now: Time, units: f64) -> Result<(), Duration> {
        let lacking = |bucket: &mut Option<Bucket>, wanted| {
            bucket
                .as_mut()
                .and_then(|bucket| bucket.lacking(now, wanted))
        };
        let wait = lacking(&mut self.calls, 1.0).max(lacking(&mut self.units, units));
        if let Some(wait) = wait {
            return Err(self.retry_after.unwrap_or(wait));
        }
        if let Some(calls) = &mut self.calls {
            calls.tokens -= 1.0;
        }
        if let Some(tokens) = &mut self.units {
            tokens.tokens -= units;
        }
        Ok(())
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
            retry_after: None,
        });
        let at = |ms| Time::ZERO + Duration::from_millis(ms);
        assert_eq!(gate.enter(at(0), 4.0), Ok(()));
        assert_eq!(gate.enter(at(0), 4.0), Ok(()));
        assert_eq!(gate.enter(at(0), 1.0), Err(Duration::from_millis(500)));
        assert_eq!(gate.enter(at(500), 8.0), Err(Duration::from_millis(100)));
        assert_eq!(gate.enter(at(600), 8.0), Ok(()));
        // Dearer than the bucket: when it is full.
        assert_eq!(gate.enter(at(1_600), 25.0), Ok(()));
        assert_eq!(gate.enter(at(3_600), 1.0), Ok(()));
    }
}
