//! Where the default's cost beyond the oracle's comes from: its regret as a product of three factors.
//!
//! The default runs four times on the same messages: as it is, and told what comes within the next start-up and two
//! seconds (`oracle/peek.rs`); and both again with workers that are ready as soon as they are ordered.
//!
//! | factor | is | what it shows |
//! |---|---|---|
//! | start-up | what being told saves, over what it saves where workers start at once | workers are ordered on what is seen, and are ready a start-up later |
//! | detection | what being told of the next two seconds saves where workers start at once | a change shows late, and noise looks like one |
//! | rest | told, over the oracle | beliefs of calls and costs that are wrong or taken cautiously, and what only longer foresight can have |
//!
//! Runs are held against runs of the same world, so that no oracle is needed for the one where workers start at once:
//! it would pay less for workers that are starting, and the difference would be the oracle's. All is less what is
//! unavoidable, as in regret. A factor below 1 says that what should help did not: the default did worse with it.

use ebbtide_core::BrokerConfig;
use ebbtide_core::config::Checked;
use ebbtide_measure::{Cost, Prices};
use ebbtide_policies::registry;
use rayon::prelude::*;
use serde::Serialize;

use super::entrants::DEFAULT;
use super::oracle::{Replication, peek, run_of};
use super::{Arena, MOST_UNAVOIDABLE, PRICES};
use crate::monitor::Monitor;
use crate::plan::Plan;

/// A scenario's regret at one price, and its factors.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Split {
    /// The price of lateness.
    pub price: f64,
    /// The default's cost over the paced oracle's: the product of the three that follow.
    pub regret: f64,
    /// The share of workers that are not ready at once.
    pub start_up: f64,
    /// That of what is not seen at once.
    pub detection: f64,
    /// What is left to one who is told.
    pub rest: f64,
    /// Whether this scenario counts in means, as in the ranking.
    pub in_means: bool,
}

/// The costs of the default in one replication at one price.
#[derive(Clone, Copy, Default)]
struct Costs {
    as_it_is: Cost,
    told: Cost,
    at_once: Cost,
    at_once_told: Cost,
}

/// What they come to less what is unavoidable, summed over replications.
#[derive(Clone, Copy, Default)]
struct Net {
    oracle: f64,
    as_it_is: f64,
    told: f64,
    at_once: f64,
    at_once_told: f64,
    unavoidable: f64,
}

impl Arena {
    /// Whether regret can be split: an oracle is known, and what comes can be told. What callers of closed loops will
    /// send cannot, since it depends on what becomes of their messages.
    #[must_use]
    pub fn can_be_split(&self) -> bool {
        !self.known.is_empty() && !self.plan.has_callers()
    }

    /// Splits the default's regret at each price, over the replications that have an oracle; `None` if it [cannot
    /// be](Self::can_be_split), if the broker cannot be run, or if `monitor` said stop.
    #[must_use]
    pub fn split(&self, monitor: &Monitor) -> Option<Vec<Split>> {
        if !self.can_be_split() {
            return None;
        }
        let jobs: Vec<(usize, &Replication)> = (0..PRICES.len())
            .flat_map(|price| self.known.iter().map(move |known| (price, known)))
            .collect();
        let costs: Option<Vec<Costs>> = jobs
            .par_iter()
            .map(|(price, known)| self.costs(PRICES[*price], known.number, monitor))
            .collect();
        let costs = costs?;
        let of_price = costs.chunks(self.known.len());
        let split = |(price, costs): (usize, &[Costs])| {
            let all = self.known.iter().zip(costs);
            let net = all.map(|(known, costs)| self.net(price, known, costs));
            net.fold(Net::default(), Net::and).split(PRICES[price])
        };
        Some(of_price.enumerate().map(split).collect())
    }

    fn costs(&self, price: f64, number: u32, monitor: &Monitor) -> Option<Costs> {
        let at_once = self.plan.clone().with_workers_at_once();
        let both = |plan: &Plan, start_ms: Option<u64>| -> Option<(Cost, Cost)> {
            let own = &self.plan.contenders[0].config;
            let config = BrokerConfig {
                price_late: price,
                worker_start_ms: start_ms.unwrap_or(own.worker_start_ms),
                ..BrokerConfig::clone(own)
            };
            let config = Checked::new(config).ok()?;
            if monitor.is_stopped() {
                return None;
            }
            let policy = registry::build(DEFAULT).ok()?;
            let (cost, _) = run_of(plan, &config, number, policy)?;
            Some((cost, peek::cost(plan, &config, number, price)?))
        };
        let (as_it_is, told) = both(&self.plan, None)?;
        let (at_once, at_once_told) = both(&at_once, Some(0))?;
        monitor.passed(self.plan.run.length);
        Some(Costs {
            as_it_is,
            told,
            at_once,
            at_once_told,
        })
    }

    fn net(&self, price: usize, known: &Replication, costs: &Costs) -> Net {
        let prices = Prices {
            late: PRICES[price],
            call: self.plan.contenders[0].config.price_call,
        };
        let oracles = known.prices.iter();
        let foreseen = oracles.flat_map(|at| [at.paced.cost.late_work, at.free.cost.late_work]);
        let least = foreseen.fold(known.least_late_work, f64::min);
        // Each world has its own least: in one where workers start at once less may be late.
        let least_of = |one: &Cost, other: &Cost| least.min(one.late_work).min(other.late_work);
        let here = prices.late * least_of(&costs.as_it_is, &costs.told);
        let there = prices.late * least_of(&costs.at_once, &costs.at_once_told);
        Net {
            oracle: known.prices[price].paced.cost.total(prices) - here,
            as_it_is: costs.as_it_is.total(prices) - here,
            told: costs.told.total(prices) - here,
            at_once: costs.at_once.total(prices) - there,
            at_once_told: costs.at_once_told.total(prices) - there,
            unavoidable: here,
        }
    }
}

impl Net {
    fn and(self, other: Self) -> Self {
        Self {
            oracle: self.oracle + other.oracle,
            as_it_is: self.as_it_is + other.as_it_is,
            told: self.told + other.told,
            at_once: self.at_once + other.at_once,
            at_once_told: self.at_once_told + other.at_once_told,
            unavoidable: self.unavoidable + other.unavoidable,
        }
    }

    fn split(self, price: f64) -> Split {
        let detection = self.at_once / self.at_once_told;
        Split {
            price,
            regret: self.as_it_is / self.oracle,
            start_up: self.as_it_is / self.told / detection,
            detection,
            rest: self.told / self.oracle,
            in_means: self.unavoidable <= MOST_UNAVOIDABLE * (self.oracle + self.unavoidable),
        }
    }
}

/// The geometric means at one price over the scenarios that count; `None` if none does.
#[must_use]
pub fn mean<'s>(splits: impl Iterator<Item = &'s Split>, price: f64) -> Option<Split> {
    let own = |it: &&Split| it.in_means && it.price.total_cmp(&price).is_eq();
    let all: Vec<&Split> = splits.filter(own).collect();
    let mean = |of: fn(&Split) -> f64| {
        let logs: f64 = all.iter().map(|it| of(it).ln()).sum();
        (logs / all.len() as f64).exp()
    };
    (!all.is_empty()).then(|| Split {
        price,
        regret: mean(|it| it.regret),
        start_up: mean(|it| it.start_up),
        detection: mean(|it| it.detection),
        rest: mean(|it| it.rest),
        in_means: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_factors_make_the_regret_in_one_scenario_and_in_the_mean() {
        let net = |as_it_is: f64| Net {
            oracle: 100.0,
            as_it_is,
            told: 110.0,
            at_once: 120.0,
            at_once_told: 100.0,
            unavoidable: 50.0,
        };
        let splits = [net(150.0).split(10.0), net(132.0).split(10.0)];
        let product = |it: &Split| it.start_up * it.detection * it.rest;
        for split in &splits {
            assert!((product(split) - split.regret).abs() < 1e-9, "{split:?}");
        }
        let close = |found: f64, expected: f64| (found - expected).abs() < 1e-9;
        assert!(close(splits[1].start_up, 1.0) && close(splits[1].detection, 1.2));
        let mean = mean(splits.iter(), 10.0).expect("two count");
        assert!(close(product(&mean), mean.regret) && close(mean.rest, 1.1));
        assert_eq!(super::mean(splits.iter(), 1.0), None);
        // Nine tenths and more unavoidable.
        let out = Net {
            unavoidable: 901.0,
            ..net(150.0)
        };
        assert!(!out.split(10.0).in_means && splits[0].in_means);
    }
}
