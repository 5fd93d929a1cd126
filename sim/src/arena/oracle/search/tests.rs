//! The search beside every schedule there is, where there are few.

use std::sync::{Arc, mpsc};

use ebbtide_policies::prices::Prices;
use ebbtide_policies::units::Duration;

use super::*;
use crate::arena::oracle::BUDGET;
use crate::arena::oracle::grid::{best_rules, setting};
use crate::files::Files;
use crate::plan::Plan;

/// A rush in the middle of a minute; up to `most` workers.
fn small(agent: &str, rate: [u32; 3], most: u32) -> String {
    let [before, rush, after] = rate;
    format!(
        "(run: (length: \"60s\", warm_up: \"0s\"), traffic: [(arrivals: Phases([(\"{before}/s\", \"20s\"), \
         (\"{rush}/s\", \"17s\"), (\"{after}/s\", \"23s\")]), classes: [(name: \"m\", to: Agent(\"a\"))])], \
         agents: [(name: \"a\", {agent})], broker: (worker_start_ms: 1000, num_workers: 1, max_workers: {most}, \
         max_batch_size: 8, batch_size: 8, delivery_parallelism: 2, objective: \"p95(sojourn) < 500ms\"))"
    )
}

/// The search is within one per cent of the cheapest of all schedules with a change every ten
/// seconds, under `rules`.
#[track_caller]
fn near_the_best(text: &str, rules: &[BatchRule]) {
    let plan = Plan::new(text, Files::default()).unwrap_or_else(|error| panic!("{error}"));
    let config = &plan.contenders[0].config;
    for (number, late) in [(0, 1.0), (0, 10.0), (0, 100.0), (1, 10.0)] {
        let path = Path::new(&plan, config, number);
        let grid = Grid {
            rules: rules.to_vec(),
            ..Grid::new(&plan, config)
        };
        let prices = Prices { late, call: 0.0 };
        let kept = grid.kept(&path, &Monitor::default());
        let search = Search {
            path: &path,
            grid: &grid,
            prices,
            step: Duration::from_secs(10),
            rules: best_rules(&kept, prices, BUDGET.rules),
            budget: BUDGET,
            monitor: &Monitor::default(),
        };
        let found = search.best(&[]).1;
        let best = enumerate(&search);
        assert!(
            found <= 1.01 * best,
            "{late}: found {found}, the best is {best}"
        );
        assert!(
            found >= best * (1.0 - 1e-9),
            "{late}: {found} below the best, {best}"
        );
    }
}

/// The cost of the cheapest of all schedules.
fn enumerate(search: &Search<'_>) -> f64 {
    let workers = search.grid.workers();
    let all = workers.flat_map(|count| {
        search
            .grid
            .rules
            .iter()
            .map(move |rule| setting(count, *rule))
    });
    let all: Vec<Setting> = all.collect();
    let mut least = f64::INFINITY;
    for number in 0..all.len().pow(search.count() as u32) {
        let mut rest = number;
        let steps: Steps = (0..search.count())
            .map(|_| {
                let step = all[rest % all.len()];
                rest /= all.len();
                step
            })
            .collect();
        least = least.min(search.cost(&steps));
    }
    least
}

#[test]
fn it_is_near_the_best_for_an_ordinary_agent() {
    let calls = "call: LogNormal(median: \"100ms\", sigma: 0.5)";
    let rules = [(1, Duration::ZERO)];
    near_the_best(&small(calls, [8, 45, 20], 4), &rules);
    let crowded = format!("{calls}, slowdown: (limit: 4, alpha: 0.1, beta: 0.03)");
    near_the_best(&small(&crowded, [8, 40, 12], 4), &rules);
}

#[test]
fn it_is_near_the_best_for_a_batch_agent() {
    let calls = "per_call: \"300ms\", per_item: Exponential(\"30ms\")";
    let rules = [(1, Duration::ZERO), (8, Duration::from_millis(100))];
    near_the_best(&small(calls, [3, 30, 8], 2), &rules);
}

#[test]
fn more_freedom_finds_cheaper_schedules() {
    let text = small(
        "call: LogNormal(median: \"100ms\", sigma: 0.5)",
        [8, 45, 20],
        4,
    );
    let plan = Plan::new(&text, Files::default()).unwrap_or_else(|error| panic!("{error}"));
    let path = Path::new(&plan, &plan.contenders[0].config, 0);
    let grid = Grid::new(&plan, &plan.contenders[0].config);
    let monitor = Monitor::default();
    let search = |seconds| Search {
        path: &path,
        grid: &grid,
        prices: Prices {
            late: 10.0,
            call: 0.0,
        },
        step: Duration::from_secs(seconds),
        rules: grid.rules.clone(),
        budget: BUDGET,
        monitor: &monitor,
    };
    let kept = Schedule::fixed(setting(3, grid.rules[0]));
    let cost = search(1).cost(&search(1).steps_of(&kept));
    let (paced, paced_cost) = search(10).best(std::slice::from_ref(&kept));
    let (_, free_cost) = search(1).best(&[paced]);
    assert!(paced_cost < 0.95 * cost, "{paced_cost} of {cost}");
    assert!(free_cost < 0.95 * paced_cost, "{free_cost} of {paced_cost}");
}

/// A search with a budget that nobody lives to see the end of.
fn search_endlessly(monitor: &Monitor) -> f64 {
    let text = small("call: Exponential(\"100ms\")", [5, 20, 5], 4);
    let plan = Plan::new(&text, Files::default()).unwrap_or_else(|error| panic!("{error}"));
    let path = Path::new(&plan, &plan.contenders[0].config, 0);
    let grid = Grid::new(&plan, &plan.contenders[0].config);
    let search = Search {
        path: &path,
        prices: Prices {
            late: 10.0,
            call: 0.0,
        },
        step: Duration::from_secs(1),
        rules: grid.rules.clone(),
        grid: &grid,
        budget: Budget {
            runs: u32::MAX,
            ..BUDGET
        },
        monitor,
    };
    let start = Schedule::fixed(setting(2, grid.rules[0]));
    search.best(&[start]).1
}

/// It does not by itself, and one that goes on all the same is found out, not waited for.
#[test]
fn a_search_that_is_stopped_ends() {
    let (tell, told) = mpsc::channel();
    let monitor = Arc::new(Monitor::default());
    let seen = monitor.clone();
    std::thread::spawn(move || tell.send(search_endlessly(&seen)));
    let before = told.recv_timeout(std::time::Duration::from_millis(300));
    assert_eq!(before, Err(mpsc::RecvTimeoutError::Timeout));
    monitor.stop();
    let cost = told.recv_timeout(std::time::Duration::from_secs(60));
    assert!(cost.is_ok_and(f64::is_finite), "it was under way: {cost:?}");
}
