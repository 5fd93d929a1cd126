//! The oracles of one replication, one after another.

use std::ops::Range;

use ebbtide_core::config::{BrokerConfig, Checked};
use ebbtide_measure::Cost;
use ebbtide_policies::observation::Setting;
use ebbtide_policies::prices::Prices;
use ebbtide_policies::units::Duration;
use ebbtide_policies::{Policy, registry};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::monitor::Monitor;
use crate::plan::Plan;

use super::grid::{Grid, best_rules, cheapest};
use super::path::Path;
use super::schedule::Schedule;
use super::search::{Budget, Search};
use super::{PACE, PRICES, fluid, score as core};

/// Policies that look at prices, and may do something else at each.
const PRICED: [&str; 1] = ["adaptive"];

/// Twin and core agree if what they say differs by less than this share.
const AGREE: f64 = 1e-6;

/// A schedule and what the core made of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// The schedule.
    pub schedule: Schedule,
    /// What it cost.
    pub cost: Cost,
}

impl Found {
    /// Itself, or the other if that is cheaper by the core.
    fn or(self, other: Self, prices: Prices) -> Self {
        if other.cost.total(prices) < self.cost.total(prices) {
            other
        } else {
            self
        }
    }
}

/// The oracles of one replication at one price.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AtPrice {
    /// Of lateness, in a message's own work per second late.
    pub price: f64,
    /// The best setting to keep.
    pub fixed: Found,
    /// The best paced schedule found.
    pub paced: Found,
    /// The best schedule found that may change at every tick.
    pub free: Found,
    /// The fluid lower bound, in worker-seconds.
    pub fluid: f64,
}

/// The oracles of one replication.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replication {
    /// Which, from 0.
    pub number: u32,
    /// The least late work of any setting that is kept and ready from the start.
    pub least_late_work: f64,
    /// For each of [`PRICES`].
    pub prices: Vec<AtPrice>,
}

/// Finds the oracles of replication `number` for a broker of this configuration; `starts` are
/// schedules to do at least as well as, of policies say. `None` if a scenario's bounds leave what a broker may be set to.
#[must_use]
pub fn find(
    plan: &Plan,
    config: &Checked<BrokerConfig>,
    number: u32,
    starts: &[Schedule],
    budget: Budget,
) -> Option<Replication> {
    find_until(plan, config, number, starts, budget, &Monitor::default())
}

/// The same; `None` as well if `monitor` says stop before it is found.
fn find_until(
    plan: &Plan,
    config: &Checked<BrokerConfig>,
    number: u32,
    starts: &[Schedule],
    budget: Budget,
    monitor: &Monitor,
) -> Option<Replication> {
    let path = Path::new(plan, config, number);
    let grid = Grid::new(plan, config);
    let kept = grid.kept(&path, monitor);
    if monitor.is_stopped() {
        return None;
    }
    let mut finder = Finder {
        path: &path,
        number,
        grid: &grid,
        kept: &kept,
        budget,
        monitor,
        paced: starts
            .iter()
            .map(|it| it.rounded(PACE, plan.run.length))
            .collect(),
        free: starts.to_vec(),
    };
    let late = kept.iter().map(|(_, cost)| cost.late_work);
    let prices: Option<Vec<AtPrice>> = PRICES.iter().map(|price| finder.at(*price)).collect();
    Some(Replication {
        number,
        least_late_work: late.fold(f64::INFINITY, f64::min),
        prices: prices?,
    })
}

/// The oracles of some replications of a plan's first broker, side by side, started from the
/// schedules of these policies: of all of them, or from the first on without a gap if `monitor` says stop, or a policy
/// or a setting cannot be had.
#[must_use]
pub fn find_all(
    plan: &Plan,
    numbers: Range<u32>,
    policies: &[String],
    budget: Budget,
    monitor: &Monitor,
) -> Vec<Replication> {
    let config = &plan.contenders[0].config;
    monitor.expect(u64::from(numbers.end - numbers.start), plan.end());
    let of = |number: u32| -> Option<Replication> {
        if monitor.is_stopped() {
            return None;
        }
        let starts = policies.iter().flat_map(|name| {
            prices_for(name).iter().map(|late| {
                let policy = registry::build(name).ok()?;
                let config = BrokerConfig {
                    price_late: *late,
                    ..BrokerConfig::clone(config)
                };
                let (_, schedule) = core::policy(plan, &config, number, policy)?;
                (!monitor.is_stopped()).then_some(schedule)
            })
        });
        let starts: Option<Vec<Schedule>> = starts.collect();
        let found = find_until(plan, config, number, &starts?, budget, monitor);
        monitor.passed(plan.run.length);
        found
    };
    let found: Vec<Option<Replication>> = numbers.into_par_iter().map(of).collect();
    found.into_iter().map_while(|found| found).collect()
}

/// Prices of lateness at which a policy is worth a run: one, if it does the same at any.
fn prices_for(policy: &str) -> &'static [f64] {
    let is_priced = PRICED.iter().any(|name| policy.starts_with(name));
    if is_priced { &PRICES } else { &PRICES[..1] }
}

/// What the core makes of a schedule in a replication.
#[must_use]
pub fn score(plan: &Plan, config: &BrokerConfig, number: u32, schedule: &Schedule) -> Option<Cost> {
    core::cost(plan, config, number, schedule)
}

/// The fluid lower bound of a replication, in worker-seconds.
#[must_use]
pub fn bound(plan: &Plan, config: &Checked<BrokerConfig>, number: u32, prices: Prices) -> f64 {
    fluid::bound(&Path::new(plan, config, number), prices)
}

/// What a policy costs in a replication, and the schedule that it made.
#[must_use]
pub fn run_of(
    plan: &Plan,
    config: &BrokerConfig,
    number: u32,
    policy: Box<dyn Policy>,
) -> Option<(Cost, Schedule)> {
    core::policy(plan, config, number, policy)
}

struct Finder<'f> {
    path: &'f Path<'f>,
    number: u32,
    grid: &'f Grid,
    kept: &'f [(Setting, Cost)],
    budget: Budget,
    monitor: &'f Monitor,
    /// To start from, and what was found so far.
    paced: Vec<Schedule>,
    free: Vec<Schedule>,
}

impl Finder<'_> {
    fn at(&mut self, late: f64) -> Option<AtPrice> {
        let prices = Prices {
            late,
            call: self.path.config.price_call,
        };
        let fixed = self.scored(Schedule::fixed(cheapest(self.kept, prices)))?;
        let mut starts = self.paced.clone();
        starts.push(fixed.schedule.clone());
        let paced = self.searched(PACE, prices, &starts)?;
        let paced = fixed.clone().or(paced, prices);
        self.paced.push(paced.schedule.clone());
        let mut starts = self.free.clone();
        starts.push(paced.schedule.clone());
        starts.push(fixed.schedule.clone());
        let free = self.searched(self.path.config.control_interval(), prices, &starts)?;
        let free = paced.clone().or(free, prices);
        self.free.push(free.schedule.clone());
        Some(AtPrice {
            price: late,
            fluid: fluid::bound(self.path, prices),
            fixed,
            paced,
            free,
        })
    }

    /// The cheapest schedule by the core: the one found, and if the core does not agree with the
    /// twin, any that it started from.
    fn searched(&self, step: Duration, prices: Prices, starts: &[Schedule]) -> Option<Found> {
        let search = Search {
            path: self.path,
            grid: self.grid,
            prices,
            step,
            rules: best_rules(self.kept, prices, self.budget.rules),
            budget: self.budget,
            monitor: self.monitor,
        };
        let (schedule, twin) = search.best(starts);
        if self.monitor.is_stopped() {
            return None;
        }
        let found = self.scored(schedule)?;
        if (found.cost.total(prices) - twin).abs() <= AGREE * twin {
            return Some(found);
        }
        let others = starts
            .iter()
            .filter_map(|start| self.scored(search.stepped(start)));
        Some(others.fold(found, |least, other| least.or(other, prices)))
    }

    fn scored(&self, schedule: Schedule) -> Option<Found> {
        let cost = core::cost(self.path.plan, self.path.config, self.number, &schedule)?;
        Some(Found { schedule, cost })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Files;

    const TEXT: &str = "(run: (length: \"120s\"), traffic: [(arrivals: Mmpp([(\"2/s\", \"20s\"), \
        (\"12/s\", \"10s\")]), classes: [(name: \"m\", to: Agent(\"a\"))])], agents: [(name: \"a\", \
        call: Exponential(\"300ms\"))], broker: (delivery_parallelism: 1, max_workers: 8, \
        num_workers: 2, objective: \"p95(sojourn) < 500ms\"))";

    #[test]
    fn policies_that_count_as_unpriced_do_the_same_at_any_price() {
        let plan = Plan::new(TEXT, Files::default()).unwrap_or_else(|error| panic!("{error}"));
        let config = &plan.contenders[0].config;
        let schedule = |name: &str, price_late: f64| {
            let config = BrokerConfig {
                price_late,
                ..BrokerConfig::clone(config)
            };
            let policy = registry::build(name).unwrap_or_else(|error| panic!("{error}"));
            core::policy(&plan, &config, 0, policy).expect("it runs").1
        };
        for entry in registry::POLICIES {
            let differs = schedule(entry.name, PRICES[0]) != schedule(entry.name, PRICES[2]);
            let counts = prices_for(entry.name).len() > 1;
            assert_eq!(differs, counts, "{}", entry.name);
        }
    }

    /// It is stopped as soon as one replication is found, of far more than anybody waits for.
    #[test]
    fn what_is_finished_before_a_stop_is_not_lost() {
        let text = TEXT
            .replace("120s", "10s")
            .replace("max_workers: 8", "max_workers: 3");
        let plan = Plan::new(&text, Files::default()).unwrap_or_else(|error| panic!("{error}"));
        let monitor = Monitor::default();
        let budget = Budget {
            width: 1,
            rules: 1,
            runs: 1,
        };
        let all = |numbers, monitor: &Monitor| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
            let find = || find_all(&plan, numbers, &[], budget, monitor);
            pool.expect("a thread").install(find)
        };
        let found = std::thread::scope(|scope| {
            let search = scope.spawn(|| all(0..1_000_000, &monitor));
            while monitor.progress() == 0.0 {
                std::thread::yield_now();
            }
            monitor.stop();
            search.join().expect("it ends")
        });
        assert!(!found.is_empty() && found.len() < 1_000_000);
        assert_eq!(found[..1], all(0..1, &Monitor::default()));
        assert!(all(0..2, &monitor).is_empty());
    }

    #[test]
    fn the_cheaper_is_kept() {
        let found = |seconds: f64, workers: u32| Found {
            schedule: Schedule::fixed(Setting {
                workers,
                batch_size: 1,
                batch_timeout: Duration::ZERO,
            }),
            cost: Cost {
                worker_seconds: seconds,
                ..Cost::default()
            },
        };
        let prices = Prices {
            late: 1.0,
            call: 0.0,
        };
        let least = |one: &Found, other: &Found| one.clone().or(other.clone(), prices);
        let (dear, cheap, as_dear) = (found(2.0, 1), found(1.0, 2), found(2.0, 3));
        assert_eq!(least(&dear, &cheap), cheap);
        assert_eq!(least(&cheap, &dear), cheap);
        assert_eq!(least(&dear, &as_dear), dear);
    }
}
