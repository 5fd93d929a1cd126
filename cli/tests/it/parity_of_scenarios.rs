//! `parity` of every shipped policy on every scenario that can run live: by the clock on the
//! wall, on several threads, for a second of each. So many wait side by side that all of them
//! are a minute's work.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use ebbtide_core::BrokerConfig;
use ebbtide_core::config::Checked;
use ebbtide_fidelity::{DEMANDING, NotLive, journalled};
use ebbtide_policies::registry::POLICIES;
use ebbtide_policies::units::Duration;
use ebbtide_sim::Plan;
use ebbtide_sim::files::Files;
use ebbtide_sim::scenario::set;
use ebbtide_sim::shipped::{SHIPPED, Shipped};

use crate::command::Room;

/// Runs at a time.
const SIDE_BY_SIDE: usize = 24;

/// Messages that a run should have at most, if its load allows.
const MESSAGES: f64 = 1_000.0;

/// A second of the scenario, or less where that is a great many messages, with ticks in quick
/// succession.
fn plan(shipped: &Shipped, policy: &str) -> Plan {
    let text = set(shipped.text, "policies", &format!("[{policy:?}]")).expect("it may be set");
    let text = set(&text, "expect", "[]").expect("it may be set");
    let mut plan = Plan::new(&text, Files::default()).expect("a scenario without faults");
    let messages: f64 = plan.loads().iter().map(|load| load.messages).sum();
    let seconds = MESSAGES / (messages / plan.run.length.as_secs_f64()).max(1.0);
    plan.run.length = Duration::from_secs_f64(seconds.clamp(0.6, 1.0));
    plan.run.tail = Duration::ZERO;
    let config = plan.contenders[0].config.clone().into_inner();
    let config = BrokerConfig {
        control_interval_ms: 20,
        shrink_window_ms: config.shrink_window_ms.min(40),
        worker_start_ms: config.worker_start_ms.min(5),
        ..config
    };
    plan.contenders[0].config = Checked::new(config).expect("within the ranges");
    plan
}

/// Runs one, and has the command run it again. How often the setting changed.
fn check(room: &Room, number: usize, shipped: &Shipped, policy: &str) -> u64 {
    let (scenario, file) = (shipped.name, format!("{number}.journal"));
    let path: PathBuf = room.path().join(&file);
    let changes = match journalled(&plan(shipped, policy), 0, &path) {
        Ok(changes) => changes,
        Err(NotLive::WorkerDeaths | NotLive::WorkerStart) => return 0,
        Err(reason) => panic!("{scenario}: {reason}"),
    };
    let run = room.run(&["parity", &file]);
    let told = format!("{scenario} under {policy}: {}{}", run.stdout, run.stderr);
    assert_eq!(run.code, 0, "{told}");
    let same = "parity: every observation and every decision is the same, byte for byte\n";
    assert!(run.stdout.ends_with(same), "{told}");
    std::fs::remove_file(path).expect("it was written");
    changes
}

#[test]
fn every_policy_replays_on_every_scenario_that_can_run_live() {
    let scenarios = SHIPPED.iter().chain(DEMANDING);
    let policies = || POLICIES.iter().map(|entry| entry.name);
    let runs: Vec<_> = scenarios
        .flat_map(|shipped| policies().map(move |policy| (shipped, policy)))
        .collect();
    let (room, next) = (Room::new(), AtomicUsize::new(0));
    let changes: BTreeMap<&str, AtomicU64> = policies()
        .map(|policy| (policy, AtomicU64::new(0)))
        .collect();
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some((shipped, policy)) = runs.get(number) else {
                        break;
                    };
                    let changed = check(&room, number, shipped, policy);
                    changes[policy].fetch_add(changed, Ordering::Relaxed);
                }
            });
        }
    });
    // Some policies need more than a second before they decide anything.
    let all = changes.len();
    let changed = changes.into_values().map(AtomicU64::into_inner);
    let steered = changed.filter(|changes| *changes >= 5).count();
    assert!(
        steered * 2 > all,
        "{steered} of {all} policies changed anything"
    );
}
