//! The search for the cheapest setting: along workers, then timeout, then batch size, then
//! down the workers again, since the cost falls and rises once along each. Pacing is not its
//! business: the answer holds for the moment alone.

use crate::observation::{Bounds, Setting};
use crate::units::Duration;

use super::weigh::{Candidate, Situation};

/// Up to this many worker counts are all weighed; of more, some.
const FEW_COUNTS: u32 = 12;
/// Beyond what the load needs at least, these multiples of it are weighed.
const MULTIPLES: [f64; 5] = [1.15, 1.3, 1.5, 2.0, 3.0];
/// Batches beyond this many times those seen are not weighed: their call time is a guess.
const BATCH_STEP: f64 = 2.0;
/// Timeouts that are weighed besides none and the present one, as shares of the limit.
const TIMEOUT_SHARES: [f64; 3] = [0.05, 0.12, 0.25];
/// How much cheaper another batch size or timeout must be, in workers, to be worth a change.
const RETUNE_GAIN: f64 = 0.02;
/// The same for smaller batches, which are capacity given away.
const SMALLER_GAIN: f64 = 0.1;

/// The cheapest setting, and the others that were weighed on the way.
pub(super) fn choose(situation: &Situation) -> (Candidate, Vec<Candidate>) {
    let mut search = Search {
        situation,
        best: situation.weigh(bounded(situation)),
        tried: Vec::with_capacity(32),
    };
    for workers in worker_counts(situation) {
        search.weigh(
            Setting {
                workers,
                ..search.best.setting
            },
            0.0,
        );
    }
    if situation.load.has_batches() {
        let (sizes, timeouts) = (batch_sizes(situation), timeouts(situation));
        // Timeouts first: a small size would end the same waits, and cost capacity when the
        // load grows.
        for &batch_timeout in &timeouts {
            search.weigh(
                Setting {
                    batch_timeout,
                    ..search.best.setting
                },
                RETUNE_GAIN,
            );
        }
        for &batch_size in &sizes {
            let setting = Setting {
                batch_size,
                ..search.best.setting
            };
            let is_smaller = batch_size < setting.batch_size.max(situation.present.batch_size);
            search.weigh(
                setting,
                if is_smaller {
                    SMALLER_GAIN
                } else {
                    RETUNE_GAIN
                },
            );
        }
        let largest = sizes.iter().copied().fold(1, u32::max);
        let longest = timeouts.iter().copied().fold(Duration::ZERO, Duration::max);
        search.descend(largest, longest);
    }
    (search.best, search.tried)
}

struct Search<'a> {
    situation: &'a Situation<'a>,
    best: Candidate,
    tried: Vec<Candidate>,
}

impl Search<'_> {
    /// Weighs `setting`, once, and keeps it if it is cheaper than the best by more than `gain`.
    fn weigh(&mut self, setting: Setting, gain: f64) {
        let is_known = |candidate: &Candidate| candidate.setting == setting;
        if is_known(&self.best) || self.tried.iter().any(is_known) {
            return;
        }
        let mut candidate = self.situation.weigh(setting);
        if candidate.cost < self.best.cost - gain {
            std::mem::swap(&mut self.best, &mut candidate);
        }
        self.tried.push(candidate);
    }

    /// Other batches may do with fewer workers: the chosen ones, the largest, or the largest
    /// that wait a little to fill.
    fn descend(&mut self, largest: u32, timeout: Duration) {
        let least = self.situation.bounds.min_workers;
        for _ in 0..FEW_COUNTS {
            let workers = self.best.setting.workers.saturating_sub(1);
            if workers < least {
                break;
            }
            let fewer = Setting {
                workers,
                ..self.best.setting
            };
            let fuller = Setting {
                batch_size: largest,
                ..fewer
            };
            self.weigh(fewer, 0.0);
            self.weigh(fuller, RETUNE_GAIN);
            self.weigh(
                Setting {
                    batch_timeout: timeout,
                    ..fuller
                },
                RETUNE_GAIN,
            );
            if self.best.setting.workers > workers {
                break;
            }
        }
    }
}

/// The present setting, within the bounds.
fn bounded(situation: &Situation) -> Setting {
    let Bounds {
        min_workers,
        min_batch_size,
        max_batch_size,
        ..
    } = situation.bounds;
    let present = situation.present;
    Setting {
        workers: present.workers.clamp(min_workers, most_workers(situation)),
        batch_size: present.batch_size.clamp(min_batch_size, max_batch_size),
        batch_timeout: present
            .batch_timeout
            .min(situation.bounds.max_batch_timeout),
    }
}

fn most_workers(situation: &Situation) -> u32 {
    let Bounds {
        min_workers,
        max_workers,
        ..
    } = situation.bounds;
    situation.most_workers.clamp(min_workers, max_workers)
}

/// Worker counts worth a look: all if they are few, else those around the present, around what
/// the load needs at least, and ever coarser ones above.
fn worker_counts(situation: &Situation) -> Vec<u32> {
    let (least, most) = (situation.bounds.min_workers, most_workers(situation));
    if most - least < FEW_COUNTS {
        return (least..=most).collect();
    }
    let load = situation.load;
    let batch = f64::from(situation.present.batch_size.max(1));
    let needed = load.least_slots(batch) / load.parallelism;
    let near = |w: u32| [w.saturating_sub(1), w, w.saturating_add(1)];
    let mut counts = Vec::with_capacity(16);
    counts.extend(near(situation.present.workers));
    // The casts saturate.
    counts.extend(near((needed.ceil() as u32).saturating_add(1)));
    counts.extend(MULTIPLES.map(|multiple| (needed * multiple).ceil() as u32));
    counts.extend([least, most]);
    counts.iter_mut().for_each(|w| *w = (*w).clamp(least, most));
    counts.sort_unstable();
    counts.dedup();
    counts
}

/// Batch sizes worth a look: doubling ones, within the bounds and not far beyond what any
/// agent has been seen with, or the present.
fn batch_sizes(situation: &Situation) -> Vec<u32> {
    let Bounds {
        min_batch_size,
        max_batch_size,
        ..
    } = situation.bounds;
    let batch_agents = (situation.load.agents.iter()).filter(|agent| agent.max_batch > 1.0);
    let seen = batch_agents.fold(1.0, |most: f64, agent| most.max(agent.line.seen_up_to));
    // The cast saturates.
    let trusted = ((BATCH_STEP * seen) as u32).max(situation.present.batch_size);
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

fn timeouts(situation: &Situation) -> Vec<Duration> {
    let limit = situation.load.objective.limit;
    let mut timeouts = vec![Duration::ZERO];
    timeouts.extend(TIMEOUT_SHARES.map(|share| limit.mul_f64(share)));
    timeouts.retain(|timeout| *timeout <= situation.bounds.max_batch_timeout);
    timeouts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model_predictive::fixtures::{ordinary, remote_agents};
    use crate::model_predictive::workload::Workload;

    const BOUNDS: Bounds = Bounds {
        min_workers: 1,
        max_workers: 10,
        min_batch_size: 1,
        max_batch_size: 50,
        max_batch_timeout: Duration::from_secs(1),
    };

    fn situation(load: &Workload, workers: u32) -> Situation<'_> {
        Situation {
            load,
            bounds: BOUNDS,
            present: Setting {
                workers,
                batch_size: 20,
                batch_timeout: Duration::from_millis(100),
            },
            ready: workers,
            starting: 0,
            most_workers: u32::MAX,
        }
    }

    #[test]
    fn remote_agents_get_the_known_pools_and_batches_sent_at_once() {
        for (rate, pool) in [
            (100.0, 1..=1),
            (500.0, 3..=3),
            (250.0, 2..=2),
            (1000.0, 4..=5),
        ] {
            let mut load = remote_agents(rate);
            load.lead_s = 0.0;
            for present in [1, 5, 10] {
                let (best, tried) = choose(&situation(&load, present));
                let workers = best.setting.workers;
                assert!(
                    pool.contains(&workers),
                    "{rate}/s from {present}: {workers}"
                );
                assert!(best.setting.batch_timeout <= Duration::from_millis(25));
                assert!(
                    tried
                        .iter()
                        .all(|other| other.cost >= best.cost - RETUNE_GAIN)
                );
            }
        }
    }

    #[test]
    fn a_backlog_that_would_be_late_is_worth_more_workers() {
        let mut load = remote_agents(250.0);
        load.agents[2].waiting = 800.0;
        let (best, _) = choose(&situation(&load, 2));
        assert!(best.setting.workers > 4, "{:?}", best.setting);
    }

    #[test]
    fn a_backlog_that_is_gone_before_help_arrives_is_not() {
        let mut load = remote_agents(100.0);
        load.agents[2].waiting = 20.0;
        assert_eq!(choose(&situation(&load, 1)).0.setting.workers, 1);
    }

    #[test]
    fn batches_are_the_lever_of_a_batch_agent() {
        let mut load = remote_agents(1.0);
        load.agents.drain(..1);
        load.agents.truncate(1);
        load.agents[0].rate = 2_000.0; // 64 slots one by one, 7 in batches of 20
        let mut one_by_one = situation(&load, 1);
        one_by_one.present.batch_size = 1;
        let (best, _) = choose(&one_by_one);
        assert_eq!(best.setting.workers, 1);
        assert!(best.setting.batch_size >= 16, "{:?}", best.setting);
    }

    #[test]
    fn a_large_range_of_workers_is_searched_coarsely_but_well() {
        let mut load = ordinary(5_000.0, 0.1, 1.0); // 500 slots
        load.lead_s = 0.0;
        let mut wide = situation(&load, 3);
        wide.bounds.max_workers = 100_000;
        let (best, tried) = choose(&wide);
        assert!(
            (51..=56).contains(&best.setting.workers),
            "{:?}",
            best.setting
        );
        assert!(tried.len() < 20);
    }

    #[test]
    fn no_load_needs_the_fewest_workers() {
        let load = Workload {
            agents: Vec::new(),
            ..ordinary(1.0, 1.0, 1.0)
        };
        assert_eq!(choose(&situation(&load, 7)).0.setting.workers, 1);
    }
}
