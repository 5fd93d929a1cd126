//! The oracles that are shipped hold: the core still makes of their schedules what it made when they were
//! found. A sample, one replication a scenario, as whole runs take a while.

use ebbtide_measure::{Cost, Prices};
use ebbtide_sim::arena::oracle::cache::{Cache, key};
use ebbtide_sim::arena::oracle::{Found, PACE, bound, score};
use ebbtide_sim::arena::suite;
use ebbtide_sim::{Plan, Scenario};

use crate::plan;

/// Costs are the same on one platform; on others `ln` and `exp` differ in their last bits.
const SAME: f64 = 1e-6;

#[track_caller]
fn check(name: &str, plan: &Plan, number: u32, found: &Found) {
    let config = &plan.contenders[0].config;
    let cost = score(plan, config, number, &found.schedule).expect("it was run before");
    let parts = |cost: &Cost| [cost.worker_seconds, cost.late_work, cost.calls];
    for (is, was) in parts(&cost).into_iter().zip(parts(&found.cost)) {
        assert!(
            (is - was).abs() <= SAME * was.max(1.0),
            "{name}: replication {number} costs {cost:?} now, and {:?} when its oracle was found; \
             search again: ebbtide oracle scenarios/arena/*/*.ron --cache scenarios/arena/oracles.json",
            found.cost
        );
    }
}

#[test]
fn shipped_schedules_cost_what_they_did() {
    let cache = Cache::shipped();
    let mut checked = 0;
    for (index, (_, shipped)) in suite::all().enumerate() {
        let Some(plan) = plan(shipped) else { continue };
        let entry = cache
            .entries()
            .iter()
            .find(|entry| entry.scenario == shipped.name);
        let entry = entry.unwrap_or_else(|| panic!("{} has no oracles", shipped.name));
        let replication = &entry.replications[index % entry.replications.len()];
        let at = &replication.prices[index % replication.prices.len()];
        check(shipped.name, &plan, replication.number, &at.paced);
        if index % 4 == 0 {
            check(shipped.name, &plan, replication.number, &at.fixed);
            check(shipped.name, &plan, replication.number, &at.free);
            let known = key(shipped.text, &plan);
            assert_eq!(
                known.as_ref(),
                Some(&entry.key),
                "{} has changed",
                shipped.name
            );
        }
        checked += 1;
    }
    assert!(checked >= 20, "only {checked} were there to be scored");
}

#[test]
fn shipped_bounds_are_what_is_found_now() {
    for entry in Cache::shipped().entries() {
        let shipped = ebbtide_sim::shipped::find(&entry.scenario).expect("it is of the suite");
        let Some(plan) = plan(shipped) else { continue };
        let config = &plan.contenders[0].config;
        for replication in &entry.replications {
            for at in &replication.prices {
                let prices = Prices {
                    late: at.price,
                    call: config.price_call,
                };
                let found = bound(&plan, config, replication.number, prices);
                assert!(
                    (found - at.fluid).abs() <= SAME * at.fluid,
                    "{}: {found}, shipped is {}",
                    entry.scenario,
                    at.fluid
                );
            }
        }
    }
}

#[test]
fn no_oracle_is_dearer_than_what_it_must_beat_or_cheaper_than_the_bound() {
    for entry in Cache::shipped().entries() {
        let shipped = ebbtide_sim::shipped::find(&entry.scenario).expect("it is of the suite");
        let scenario = Scenario::from_ron(shipped.text).unwrap_or_else(|error| panic!("{error}"));
        for (replication, number) in entry.replications.iter().zip(0..) {
            assert_eq!(replication.number, number, "{}", entry.scenario);
            for at in &replication.prices {
                let prices = Prices {
                    late: at.price,
                    call: scenario.broker.price_call,
                };
                let [fixed, paced, free] =
                    [&at.fixed, &at.paced, &at.free].map(|found| found.cost.total(prices));
                let name = &entry.scenario;
                let slack = 1.0 + 1e-9;
                assert!(
                    paced <= fixed * slack,
                    "{name}: paced {paced}, fixed {fixed}"
                );
                assert!(free <= paced * slack, "{name}: free {free}, paced {paced}");
                assert!(
                    at.fluid <= free * slack,
                    "{name}: fluid {}, free {free}",
                    at.fluid
                );
                let on_pace = |(time, _): &(ebbtide_core::units::Time, _)| {
                    time.as_nanos() % PACE.as_nanos() == 0
                };
                assert!(at.paced.schedule.changes().iter().all(on_pace), "{name}");
            }
        }
    }
}
