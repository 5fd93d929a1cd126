//! The settings that an oracle may choose from, and the best one to keep.

use ebbtide_core::BrokerConfig;
use ebbtide_measure::Cost;
use ebbtide_policies::observation::Setting;
use ebbtide_policies::prices::Prices;
use ebbtide_policies::units::Duration;

use crate::monitor::Monitor;
use crate::plan::Plan;

use super::path::Path;
use super::twin::Twin;

/// Batch sizes, as far as the bounds allow them: about half as many again each.
const SIZES: [u32; 9] = [1, 2, 3, 5, 8, 12, 20, 32, 50];
/// Batch timeouts in milliseconds, as far as the bounds allow them.
const TIMEOUTS_MS: [u64; 7] = [0, 20, 50, 100, 250, 500, 1_000];

/// Batch size and timeout.
pub(crate) type BatchRule = (u32, Duration);

/// All settings within a broker's bounds: workers, each under every batch rule.
#[derive(Clone, Debug)]
pub(crate) struct Grid {
    pub(crate) min_workers: u32,
    pub(crate) max_workers: u32,
    /// One only, the broker's own, where nothing is sent in batches.
    pub(crate) rules: Vec<BatchRule>,
}

impl Grid {
    pub(crate) fn new(plan: &Plan, config: &BrokerConfig) -> Self {
        let own = (config.batch_size, config.batch_timeout());
        let batches = plan.agents.iter().any(|agent| agent.is_batch());
        let rules = if batches && config.enable_batching && config.max_batch_size > 1 {
            batch_rules(config)
        } else {
            vec![own]
        };
        Self {
            min_workers: config.min_workers,
            max_workers: config.max_workers,
            rules,
        }
    }

    /// Every number of workers.
    pub(crate) fn workers(&self) -> std::ops::RangeInclusive<u32> {
        self.min_workers..=self.max_workers
    }

    /// What each setting comes to if it is kept, in the twin; not of all if `monitor` says stop.
    pub(crate) fn kept(&self, path: &Path<'_>, monitor: &Monitor) -> Vec<(Setting, Cost)> {
        let all = self.workers().flat_map(|workers| {
            let rules = self.rules.iter();
            rules.map(move |rule| setting(workers, *rule))
        });
        all.take_while(|_| !monitor.is_stopped())
            .map(|setting| (setting, Twin::new(path, setting).finish()))
            .collect()
    }
}

/// Workers under a batch rule.
pub(crate) const fn setting(workers: u32, (batch_size, batch_timeout): BatchRule) -> Setting {
    Setting {
        workers,
        batch_size,
        batch_timeout,
    }
}

/// The cheapest of what was kept.
pub(crate) fn cheapest(kept: &[(Setting, Cost)], prices: Prices) -> Setting {
    let total = |(_, cost): &&(Setting, Cost)| cost.total(prices);
    let least = kept
        .iter()
        .min_by(|one, other| total(one).total_cmp(&total(other)));
    least.expect("a grid has a setting").0
}

/// The batch rules that do best at these numbers of workers and overall, at most `most`.
pub(crate) fn best_rules(kept: &[(Setting, Cost)], prices: Prices, most: usize) -> Vec<BatchRule> {
    let mut ranked: Vec<(f64, Setting)> = kept
        .iter()
        .map(|(setting, cost)| (cost.total(prices), *setting))
        .collect();
    ranked.sort_by(|one, other| one.0.total_cmp(&other.0));
    let best = ranked.first().map_or(1, |(_, setting)| setting.workers);
    let largest = ranked.iter().map(|(_, setting)| setting.workers).max();
    // The best of all; with a full pool, as in a rush; with half of the best one, as in a lull.
    let at = [best, largest.unwrap_or(best), best.div_ceil(2)];
    let leaders = at.iter().filter_map(|workers| {
        let of = |(_, setting): &&(f64, Setting)| setting.workers == *workers;
        ranked.iter().find(of)
    });
    let mut rules: Vec<BatchRule> = Vec::new();
    for (_, setting) in leaders.chain(&ranked) {
        let rule = (setting.batch_size, setting.batch_timeout);
        if rules.len() < most && !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    rules
}

fn batch_rules(config: &BrokerConfig) -> Vec<BatchRule> {
    let bounds = config.min_batch_size..=config.max_batch_size;
    let sizes = SIZES.into_iter().filter(|size| bounds.contains(size));
    let mut sizes: Vec<u32> = sizes.chain([config.max_batch_size]).collect();
    sizes.dedup();
    let most = config.max_batch_timeout();
    let timeouts = TIMEOUTS_MS.into_iter().map(Duration::from_millis);
    let timeouts: Vec<Duration> = timeouts.filter(|timeout| *timeout <= most).collect();
    let rules = sizes.into_iter().flat_map(|size| {
        // A single message waits for nobody.
        let timeouts = if size == 1 {
            &timeouts[..1]
        } else {
            &timeouts[..]
        };
        timeouts.iter().map(move |timeout| (size, *timeout))
    });
    rules.collect()
}
