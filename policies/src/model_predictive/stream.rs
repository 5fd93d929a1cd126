//! The whole load as one stream of messages through the pool, for one batch size: what comes,
//! what a pool carries away, and what lateness costs. The value iteration and the roll-out
//! reckon in messages of the average kind.

use crate::estimate::crowding::SlowDown;
use crate::objective::Measure;

use super::settings::Settings;
use super::workload::{STRIP_SHARES, Workload};

/// Points of the table of a call's own lateness.
const POINTS: usize = 24;
/// A rate below this, in messages a second, is none.
const LEAST_RATE: f64 = 1e-3;

/// One stream.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    /// Messages per second.
    pub(super) rate: f64,
    /// Standard error of that.
    pub(super) error: f64,
    /// Slot-seconds of a message.
    pub(super) slot_s: f64,
    /// Most messages per second that the agents' own limits let through.
    most_rate: f64,
    /// Agents that slow down when crowded: their share of the slots in use, and how.
    crowded: Vec<(f64, SlowDown)>,
    /// Slots of a worker.
    parallelism: f64,
    /// Share of the slots that count under a rate limit.
    token_share: f64,
    /// Standard deviations by which what waits came faster than usual.
    burst_errors: f64,
    /// Variance of arrivals, in squared messages a second.
    arrival_variance: f64,
    /// What a late message costs a second, in workers.
    pub(super) late_price: f64,
    /// How old a message of a queue in which all wait alike may be, in seconds.
    pub(super) limit_s: f64,
    /// Messages of a backlog that are no older than that.
    pub(super) in_time: f64,
    /// Priced lateness of calls that start with this much of the limit left: from all to none.
    calls_late: [f64; POINTS],
}

impl Stream {
    pub(super) fn new(load: &Workload, batch: f64, settings: &Settings) -> Self {
        let (mut rate, mut busy, mut waits, mut worth) = (0.0, 0.0, 0.0, 0.0);
        let (mut most_rate, mut arrivals, mut errors) = (0.0, 0.0, 0.0);
        for agent in &load.agents {
            let carried = agent.max_batch.min(batch);
            // What only has a backlog counts a little, so that its work is known.
            let served = agent.served_rate(carried).max(LEAST_RATE);
            rate += served;
            busy += served * agent.slot_s(carried);
            waits += served * agent.waits;
            worth += served * agent.waits * agent.work_s(load.largest_batch) / load.parallelism;
            arrivals += served * agent.dispersion.max(1.0);
            errors += agent.error * agent.error;
            most_rate += agent.most_rate(carried);
        }
        let rate = f64::max(rate, LEAST_RATE);
        let limit_s = load.limit_s() / load.aging();
        let mut stream = Self {
            rate,
            error: errors.sqrt(),
            slot_s: (busy / rate).max(1e-9),
            most_rate,
            crowded: Vec::new(),
            parallelism: load.parallelism,
            token_share: settings.token_share,
            burst_errors: settings.burst_errors,
            arrival_variance: arrivals,
            late_price: load.price_late * worth / waits.max(LEAST_RATE),
            limit_s,
            in_time: rate * limit_s + settings.burst_errors * (arrivals * limit_s).sqrt(),
            calls_late: [0.0; POINTS],
        };
        for agent in load
            .agents
            .iter()
            .filter(|agent| agent.slow_down != SlowDown::NONE)
        {
            let carried = agent.max_batch.min(batch);
            let share = agent.served_rate(carried) * agent.slot_s(carried) / busy.max(1e-9);
            stream.crowded.push((share, agent.slow_down));
        }
        if load.objective.measure == Measure::Sojourn {
            stream.fill_calls_late(load, batch);
        }
        stream
    }

    fn fill_calls_late(&mut self, load: &Workload, batch: f64) {
        let limit_s = load.limit_s();
        for agent in &load.agents {
            let carried = agent.max_batch.min(batch);
            let price = load.price_late * agent.work_s(load.largest_batch) / load.parallelism;
            let part = price * agent.served_rate(carried) / self.rate;
            let call_s = agent.line.time_s(carried);
            for (at, late) in self.calls_late.iter_mut().enumerate() {
                let left_s = limit_s * (1.0 - at as f64 / (POINTS - 1) as f64);
                let strips = STRIP_SHARES.iter().zip(agent.spread);
                let strips =
                    strips.map(|(share, spread)| share * (call_s * spread - left_s).max(0.0));
                *late += part * strips.sum::<f64>();
            }
        }
        // What no wait adds to is part of the standing lateness.
        let least = self.calls_late[0];
        self.calls_late.iter_mut().for_each(|late| *late -= least);
    }

    /// The same stream at another rate, that of the average kind of messages.
    pub(super) fn at_rate(&self, rate: f64) -> Self {
        let arrival_variance = self.arrival_variance * rate / self.rate;
        Self {
            rate,
            error: 0.0,
            arrival_variance,
            in_time: rate * self.limit_s
                + self.burst_errors * (arrival_variance * self.limit_s).sqrt(),
            ..self.clone()
        }
    }

    /// The same stream with what the pool carries of `other`, if that is more.
    pub(super) fn with_capacity_of(&self, other: &Self) -> Self {
        if other.slot_s >= self.slot_s {
            return self.clone();
        }
        Self {
            slot_s: other.slot_s,
            most_rate: self.most_rate.max(other.most_rate),
            ..self.clone()
        }
    }

    /// Messages a second that `workers` workers carry away.
    pub(super) fn capacity(&self, workers: f64) -> f64 {
        let slots = workers * self.parallelism;
        let slower =
            |(share, slow_down): &(f64, SlowDown)| share * (slow_down.factor(share * slots) - 1.0);
        let slower: f64 = self.crowded.iter().map(slower).sum();
        let by_slots = slots / (self.slot_s * (1.0 + slower));
        if self.most_rate.is_finite() {
            self.most_rate.min(by_slots * self.token_share)
        } else {
            by_slots
        }
    }

    /// What lateness costs a second, in workers, with `backlog` messages, the first of them
    /// `age_s` old and `overdue` of them older than the limit, while `served` a second start.
    pub(super) fn late(&self, overdue: f64, age_s: f64, served: f64) -> f64 {
        let passed = (age_s / self.limit_s).clamp(0.0, 1.0) * (POINTS - 1) as f64;
        // In range by the clamp.
        let below = (passed as usize).min(POINTS - 2);
        let part = passed - below as f64;
        let calls =
            self.calls_late[below] + part * (self.calls_late[below + 1] - self.calls_late[below]);
        self.late_price * overdue + served * calls
    }

    /// Variance of the backlog after `length_s` seconds, in squared messages, with an error of
    /// the rate of `errors` standard errors. That of call times is left out: slots that would
    /// be idle take up most of it, and with it pools come out too large.
    pub(super) fn variance(&self, length_s: f64, errors: f64) -> f64 {
        let drift = errors * self.error * length_s;
        self.arrival_variance * length_s + drift * drift
    }
}
