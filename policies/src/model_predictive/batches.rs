//! Which batch size and timeout: those with which the load as it is costs least, workers,
//! lateness and calls together, whatever number of workers that takes.

use crate::observation::{Bounds, Setting};
use crate::units::Duration;

use super::settings::Settings;
use super::standing::Standing;
use super::workload::Workload;

/// Batches beyond this many times those seen are not weighed: their call time is a guess.
const BATCH_STEP: f64 = 2.0;
/// Timeouts that are weighed besides none and the present one, as shares of the limit.
const TIMEOUT_SHARES: [f64; 3] = [0.05, 0.12, 0.25];
/// How much cheaper another batch size or timeout must be, as a share of the workers needed, to
/// be worth a change.
const RETUNE_GAIN: f64 = 0.02;
/// The same for smaller batches, which are capacity given away.
const SMALLER_GAIN: f64 = 0.05;
/// A load is weighed as it is and at this many standard errors more.
const ERRORS: f64 = 1.1;
/// Worker counts that are tried from the fewest that carry the load.
const COUNTS: u32 = 6;
/// What a load beyond all workers costs: its excess is late by this much, in seconds.
const OVERLOAD_S: f64 = 10.0;

/// A batch size and timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Batching {
    pub(super) size: u32,
    pub(super) timeout: Duration,
}

/// What a choice is made for.
pub(super) struct Choice<'a> {
    pub(super) load: &'a Workload,
    pub(super) bounds: Bounds,
    pub(super) present: Setting,
    pub(super) settings: &'a Settings,
}

impl Choice<'_> {
    /// The batching to use.
    pub(super) fn best(&self) -> Batching {
        let bounds = &self.bounds;
        let present = Batching {
            size: (self.present.batch_size).clamp(bounds.min_batch_size, bounds.max_batch_size),
            timeout: self.present.batch_timeout.min(bounds.max_batch_timeout),
        };
        if !self.load.has_batches() {
            return present;
        }
        let high = self.load.scaled(1.0 + ERRORS * self.load.relative_error());
        let mut best = (self.cost(present, &high), present);
        // Timeouts first: a small size would end the same waits, and cost capacity when the
        // load grows.
        for timeout in self.timeouts() {
            self.try_one(
                &mut best,
                Batching { timeout, ..present },
                RETUNE_GAIN,
                &high,
            );
        }
        for size in self.sizes() {
            let is_smaller = size < best.1.size.max(present.size);
            let gain = if is_smaller {
                SMALLER_GAIN
            } else {
                RETUNE_GAIN
            };
            let other = Batching { size, ..best.1 };
            self.try_one(&mut best, other, gain, &high);
        }
        best.1
    }

    /// The size of the batches that carry most, for when a backlog is to be worked off.
    pub(super) fn fullest(&self) -> u32 {
        let needed = |size: u32| self.load.least_slots(f64::from(size));
        let sizes = self.sizes().into_iter();
        let size = sizes.min_by(|&a, &b| needed(a).total_cmp(&needed(b)));
        size.unwrap_or(self.present.batch_size)
    }

    fn try_one(&self, best: &mut (f64, Batching), other: Batching, gain: f64, high: &Workload) {
        if other == best.1 {
            return;
        }
        let cost = self.cost(other, high);
        let needed = self.load.least_slots(f64::from(other.size)) / self.load.parallelism;
        if cost + gain * needed.max(1.0) < best.0 {
            *best = (cost, other);
        }
    }

    /// Workers, lateness and calls per second, in workers, with the best number of workers.
    fn cost(&self, batching: Batching, high: &Workload) -> f64 {
        let Bounds {
            min_workers,
            max_workers,
            ..
        } = self.bounds;
        let batch = f64::from(batching.size);
        let needed = self.load.least_slots(batch) / self.load.parallelism;
        // The cast saturates.
        let least = (needed.ceil() as u32).clamp(min_workers, max_workers);
        let mut best = f64::INFINITY;
        for workers in least..=least.saturating_add(COUNTS).min(max_workers) {
            let mut lateness = 0.0;
            for load in [self.load, high] {
                let slots = f64::from(workers) * load.parallelism;
                let timeout_s = batching.timeout.as_secs_f64();
                let relaxation_s = self.settings.relaxation_s;
                let standing = Standing::of(load, slots, batch, timeout_s, relaxation_s);
                let excess = (standing.utilisation - 1.0).max(0.0);
                lateness += 0.5 * standing.cost(load, f64::INFINITY);
                lateness += 0.5 * OVERLOAD_S * load.price_late * excess * f64::from(workers);
            }
            let cost = f64::from(workers) + lateness;
            if cost >= best {
                break;
            }
            best = cost;
        }
        best
    }

    /// Batch sizes worth a look: doubling ones, within the bounds and not far beyond what any
    /// agent has been seen with, or the present.
    fn sizes(&self) -> Vec<u32> {
        let Bounds {
            min_batch_size,
            max_batch_size,
            ..
        } = self.bounds;
        let batch_agents = (self.load.agents.iter()).filter(|agent| agent.max_batch > 1.0);
        let seen = batch_agents.fold(1.0, |most: f64, agent| most.max(agent.line.seen_up_to));
        // The cast saturates.
        let trusted = ((BATCH_STEP * seen) as u32).max(self.present.batch_size);
        let most = trusted.clamp(min_batch_size, max_batch_size);
        let mut sizes = Vec::with_capacity(8);
        let mut size = min_batch_size.max(1);
        while size < most {
            sizes.push(size);
            size = size.saturating_mul(2);
        }
        sizes.push(most);
        sizes
    }

    fn timeouts(&self) -> Vec<Duration> {
        let (limit, longest) = (self.load.objective.limit, self.bounds.max_batch_timeout);
        let mut timeouts = vec![Duration::ZERO];
        timeouts.extend(TIMEOUT_SHARES.map(|share| limit.mul_f64(share).min(longest)));
        timeouts.dedup();
        timeouts
    }
}
