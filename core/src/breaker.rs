//! The circuit breaker of one agent: closed, open, half-open, recovering.
//!
//! It counts calls, not messages. What a call means for it is decided in `settle.rs`; this
//! file only says whether calls may flow and how many.
//!
//! The breakers that services know (resilience4j, Polly, Failsafe) judge by calls that have ended: so
//! many failures in a row, or a share of a window with a fewest number. That is blind to calls under
//! way, and whoever fails quickly and succeeds slowly is judged by its failures alone after each burst of
//! starts, as a pool that grows makes them. Here calls under way part a row (`row.rs`), and the share is
//! of the calls that ended in the window or of those that started in it, whichever are more.
//!
//! Recovering is a slow start, as TCP has it (Jacobson, SIGCOMM 1988): up to the load that the
//! agent carried when it was last well, the limit doubles round by round; beyond that, where
//! nobody knows what it bears, it doubles no sooner than half an open time after the last step.

#[cfg(test)]
mod tests;

use ebbtide_policies::observation::BreakerState;
use ebbtide_policies::units::{Duration, Time};
use serde::{Deserialize, Serialize};

use crate::config::BreakerConfig;

/// Probes that must succeed before calls flow again.
const PROBES: u32 = 3;
/// The window slides in tenths: fine enough for a share, cheap enough for each call.
const BUCKETS: u64 = 10;

/// What a call's end says about its agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Something was delivered.
    Good,
    /// Nothing was delivered and something failed, timed out or was lost.
    Bad,
    /// Says nothing: 429, snooze, reject, discard, cancel.
    Neutral,
    /// A deadline that the call began late for: nothing by itself. After a run of them others are
    /// called for ([`Breaker::keeps_order`]), whose deadlines speak; where ordering keys keep those
    /// back, the late ones are said to be bad (`probe.rs`).
    Late,
}

/// What a call's end tells.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// What it says about the agent.
    pub health: Health,
    /// The failures in a row that it is one of ([`Row`](crate::row::Row)).
    pub in_a_row: u32,
    /// Whether the call was a half-open breaker's probe.
    pub probe: bool,
    /// Calls in flight when it started, itself included.
    pub in_flight: u32,
}

/// One agent's breaker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Breaker {
    config: BreakerConfig,
    state: State,
    /// Late ends while it is closed or recovering, since the last good one, and when there were so
    /// many that order is no longer kept.
    late: u32,
    unordered: Time,
    window: [Tally; BUCKETS as usize],
    bucket_width: u64,
    /// The bucket that counts now, and when the next one begins.
    newest: u64,
    next_bucket: Time,
    /// Calls in flight that the agent carried when it was last well: their mean, as its good
    /// calls found it in the window before it opened.
    carried: u32,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Tally {
    /// Calls that ended with success or failure.
    calls: u32,
    failures: u32,
    /// Calls that started, less those that ended and said nothing.
    started: i64,
    /// Calls in flight, summed over the good calls.
    in_flight: u64,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum State {
    Closed,
    Open {
        until: Time,
    },
    HalfOpen {
        successes: u32,
    },
    /// `since`: when the limit was last raised.
    Recovering {
        limit: u32,
        successes: u32,
        since: Time,
    },
}

impl Breaker {
    /// Closed.
    #[must_use]
    pub fn new(config: BreakerConfig) -> Self {
        let bucket_width = (config.window().as_nanos() / BUCKETS).max(1);
        Self {
            config,
            state: State::Closed,
            late: 0,
            unordered: Time::ZERO,
            window: [Tally::default(); BUCKETS as usize],
            bucket_width,
            newest: 0,
            next_bucket: Time::from_nanos(bucket_width),
            carried: 1,
        }
    }

    /// Other settings from now on; the time of an open state stands, and a window of another
    /// length begins anew.
    pub fn reconfigure(&mut self, config: BreakerConfig) {
        if config.window_ms == self.config.window_ms {
            self.config = config;
        } else {
            *self = Self {
                state: self.state,
                late: self.late,
                unordered: self.unordered,
                carried: self.carried,
                ..Self::new(config)
            };
        }
    }

    /// How long a call may be under way and part failures ([`Row`](crate::row::Row)).
    #[inline]
    pub fn patience(&self) -> Duration {
        self.config.window()
    }

    /// The state, as observations have it.
    pub fn state(&self) -> BreakerState {
        match self.state {
            State::Closed => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen { .. } => BreakerState::HalfOpen,
            State::Recovering { .. } => BreakerState::Recovering,
        }
    }

    /// Whether calls flow as they please.
    #[inline]
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Whether messages are called for in their order. If not, one that is late for its deadline
    /// lets another of its lane go first: until the breaker is closed, and while as many calls in a
    /// row as would open it were late, none of them good.
    #[inline]
    pub fn keeps_order(&self) -> bool {
        self.is_closed() && self.late < self.fewest_to_open()
    }

    /// Whether a call that started then did so after as many late ones as would open it.
    pub fn follows_a_late_run(&self, started: Time) -> bool {
        self.late >= self.fewest_to_open() && started >= self.unordered
    }

    /// Failures in a row that open it at once, be it as a run or as a share.
    fn fewest_to_open(&self) -> u32 {
        self.config.failures_in_a_row.min(self.config.min_calls)
    }

    /// Whether messages are to fail at once now.
    pub fn fails_fast(&self) -> bool {
        self.config.fail_fast && matches!(self.state, State::Open { .. })
    }

    /// Whether the next call is a probe: of one message, under no batch rule.
    pub fn is_probing(&self) -> bool {
        matches!(self.state, State::HalfOpen { .. })
    }

    /// Most calls in flight that it allows.
    pub fn limit(&self) -> u32 {
        match self.state {
            State::Closed => u32::MAX,
            State::Open { .. } => 0,
            State::HalfOpen { .. } => 1,
            State::Recovering { limit, .. } => limit,
        }
    }

    /// When it leaves the open state.
    pub fn open_until(&self) -> Option<Time> {
        match self.state {
            State::Open { until } => Some(until),
            State::Closed | State::HalfOpen { .. } | State::Recovering { .. } => None,
        }
    }

    /// Its time in the open state is over: probe.
    pub fn half_open(&mut self) {
        self.state = State::HalfOpen { successes: 0 };
    }

    /// A call starts.
    #[inline(always)]
    pub fn call_started(&mut self, now: Time) {
        if matches!(self.state, State::Closed | State::Recovering { .. }) {
            self.bucket(now).started += 1;
        }
    }

    /// A call ended. `bound` is the limit beyond which its own no longer binds. Returns whether
    /// the state changed.
    pub fn call_ended(&mut self, now: Time, ended: Ended, bound: u32) -> bool {
        match (self.state, ended.health) {
            (State::Open { .. }, _) => false,
            (State::HalfOpen { .. }, Health::Neutral | Health::Late) => false,
            (State::HalfOpen { .. }, _) if !ended.probe => false,
            (State::HalfOpen { .. }, Health::Bad) => self.open(now),
            (State::HalfOpen { successes }, Health::Good) => {
                self.probe_succeeded(now, successes + 1, bound)
            }
            (State::Closed | State::Recovering { .. }, Health::Neutral) => {
                self.bucket(now).started -= 1;
                false
            }
            (State::Closed | State::Recovering { .. }, Health::Late) => {
                self.bucket(now).started -= 1;
                if self.late < self.fewest_to_open() {
                    (self.late, self.unordered) = (self.late + 1, now);
                }
                false
            }
            (State::Closed | State::Recovering { .. }, Health::Bad) => {
                let bucket = self.bucket(now);
                bucket.calls += 1;
                bucket.failures += 1;
                self.should_open(ended.in_a_row) && self.open(now)
            }
            (State::Closed | State::Recovering { .. }, Health::Good) => {
                self.succeeded(now, ended.in_flight);
                self.recover(now, bound)
            }
        }
    }

    /// A good call of a closed breaker: it is counted, and nothing else changes. Whether it was
    /// one; if not, [`call_ended`](Self::call_ended) is to be told.
    #[inline(always)]
    pub fn stays_closed(&mut self, now: Time, health: Health, in_flight: u32) -> bool {
        let stays = matches!((self.state, health), (State::Closed, Health::Good));
        if stays {
            self.succeeded(now, in_flight);
        }
        stays
    }

    #[inline(always)]
    fn succeeded(&mut self, now: Time, in_flight: u32) {
        self.late = 0;
        let bucket = self.bucket(now);
        bucket.calls += 1;
        bucket.in_flight += u64::from(in_flight);
    }

    /// A recovery whose limit does not bind is over, called or not. Whether that closed the
    /// breaker.
    pub fn close_within(&mut self, bound: u32) -> bool {
        let over = matches!(self.state, State::Recovering { limit, .. } if limit >= bound);
        if over {
            self.state = State::Closed;
        }
        over
    }

    fn probe_succeeded(&mut self, now: Time, successes: u32, bound: u32) -> bool {
        if successes < PROBES {
            self.state = State::HalfOpen { successes };
            return false;
        }
        self.state = State::Recovering {
            limit: 1,
            successes: 0,
            since: now,
        };
        self.close_within(bound);
        true
    }

    /// The limit doubles each time as many calls as it allows have succeeded, and beyond what
    /// the agent has carried no sooner than a step after it was last raised; until it no longer
    /// binds.
    fn recover(&mut self, now: Time, bound: u32) -> bool {
        let State::Recovering {
            limit,
            successes,
            since,
        } = self.state
        else {
            return false;
        };
        let successes = successes.saturating_add(1);
        let known = limit < self.carried || now.since(since) >= self.config.recovery_step();
        let (limit, successes, since) = if successes >= limit && known {
            (limit.saturating_mul(2), 0, now)
        } else {
            (limit, successes, since)
        };
        self.state = State::Recovering {
            limit,
            successes,
            since,
        };
        self.close_within(bound)
    }

    fn open(&mut self, now: Time) -> bool {
        let (good, in_flight) = self.window.iter().fold((0, 0), |(good, all), bucket| {
            let more = u64::from(bucket.calls - bucket.failures);
            (good + more, all + bucket.in_flight)
        });
        if good > 0 {
            self.carried = u32::try_from(in_flight.div_ceil(good)).unwrap_or(u32::MAX);
        }
        self.state = State::Open {
            until: now + self.config.open(),
        };
        self.late = 0;
        self.window = [Tally::default(); BUCKETS as usize];
        true
    }

    /// Of calls that take long only the quick failures may have ended yet, and of those that started
    /// long ago none started in the window: the share is of whichever are more.
    fn should_open(&self, in_a_row: u32) -> bool {
        let calls: u32 = self.window.iter().map(|bucket| bucket.calls).sum();
        let failures: u32 = self.window.iter().map(|bucket| bucket.failures).sum();
        let started: i64 = self.window.iter().map(|bucket| bucket.started).sum();
        let of = started.max(i64::from(calls)) as f64;
        let share = f64::from(failures) >= self.config.failure_share * of;
        in_a_row >= self.config.failures_in_a_row || (calls >= self.config.min_calls && share)
    }

    /// The bucket of `now`.
    #[inline(always)]
    fn bucket(&mut self, now: Time) -> &mut Tally {
        if now >= self.next_bucket {
            self.slide(now);
        }
        &mut self.window[(self.newest % BUCKETS) as usize]
    }

    #[cold]
    fn slide(&mut self, now: Time) {
        let bucket = now.as_nanos() / self.bucket_width;
        for stale in (self.newest + 1..=bucket).rev().take(BUCKETS as usize) {
            self.window[(stale % BUCKETS) as usize] = Tally::default();
        }
        self.newest = bucket;
        self.next_bucket = Time::from_nanos((bucket + 1).saturating_mul(self.bucket_width));
    }
}
