//! `parity` of every shipped policy on every scenario that can run live: by the clock on the
//! wall, on several threads, for a second of each; and of every policy on waves that it goes along with.
//! So many wait side by side that all of them are a minute's work.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use ebbtide_core::BrokerConfig;
use ebbtide_core::config::Checked;
use ebbtide_fidelity::{DEMANDING, NotLive, Steering, journalled};
use ebbtide_policies::registry::POLICIES;
use ebbtide_policies::units::Duration;
use ebbtide_sim::Plan;
use ebbtide_sim::files::Files;
use ebbtide_sim::scenario::set;
use ebbtide_sim::shipped::{SHIPPED, Shipped, WAVES};

use crate::command::Room;

/// Runs at a time.
const SIDE_BY_SIDE: usize = 24;

/// Changes of the setting without which a run says little of decisions.
const CHANGES: u64 = 5;

/// On a machine that has no time for them they come late: a run with fewer is followed by one of twice
/// its length, up to so many times.
const LONGER: u32 = 4;

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

/// Runs one until its setting has changed often enough, and has the command run it again: it is the same
/// each time. Whether it can run live.
fn check(room: &Room, number: usize, scenario: &str, plan: &Plan, steering: Steering) -> bool {
    let mut plan = plan.clone();
    let mut told = Vec::new();
    for _ in 0..=LONGER {
        let Some(changes) = replayed(room, number, scenario, &plan, steering) else {
            return false;
        };
        if changes >= CHANGES {
            return true;
        }
        told.push((plan.run.length, changes));
        plan.run.length = plan.run.length * 2;
    }
    let policy = &plan.contenders[0].name;
    panic!("{scenario} under {policy}: too few changes in runs of {told:?}");
}

/// Runs one, and has the command run it again: it is the same. How often its setting changed; nothing if
/// it cannot run live.
fn replayed(
    room: &Room,
    number: usize,
    scenario: &str,
    plan: &Plan,
    steering: Steering,
) -> Option<u64> {
    let (policy, file) = (&plan.contenders[0].name, format!("{number}.journal"));
    let path: PathBuf = room.path().join(&file);
    let changes = match journalled(plan, 0, steering, &path) {
        Ok(changes) => changes,
        Err(NotLive::WorkerDeaths | NotLive::WorkerStart) => return None,
        Err(reason) => panic!("{scenario}: {reason}"),
    };
    let run = room.run(&["parity", &file]);
    let told = format!("{scenario} under {policy}: {}{}", run.stdout, run.stderr);
    assert_eq!(run.code, 0, "{told}");
    let same = "parity: every observation and every decision is the same, byte for byte\n";
    assert!(run.stdout.ends_with(same), "{told}");
    std::fs::remove_file(path).expect("it was written");
    Some(changes)
}

/// Runs `runs` of them, so many side by side. How many can run live.
fn check_all(runs: usize, check: impl Fn(&Room, usize) -> bool + Sync) -> usize {
    let (room, next, live) = (Room::new(), AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= runs {
                        break;
                    }
                    let is_live = check(&room, number);
                    live.fetch_add(usize::from(is_live), Ordering::Relaxed);
                }
            });
        }
    });
    live.into_inner()
}

#[test]
fn every_policy_replays_on_every_scenario_that_can_run_live() {
    let scenarios = SHIPPED.iter().chain(DEMANDING);
    let runs: Vec<_> = scenarios
        .flat_map(|shipped| POLICIES.iter().map(move |entry| (shipped, entry.name)))
        .collect();
    let live = check_all(runs.len(), |room, number| {
        let (shipped, policy) = runs[number];
        let plan = plan(shipped, policy);
        check(room, number, shipped.name, &plan, Steering::Bounds)
    });
    assert!(live * 10 > runs.len() * 9, "{live} of {}", runs.len());
}

/// Nobody but the policy changes the setting.
#[test]
fn every_policy_goes_along_with_waves_by_the_clock_on_the_wall() {
    let waves = Plan::new(WAVES, Files::default()).expect("a scenario without faults");
    let names = waves.contenders.iter().map(|it| it.name.as_str());
    let names: Vec<&str> = names.collect();
    let live = check_all(names.len(), |room, number| {
        let mut plan = waves.clone();
        plan.contenders = vec![waves.contenders[number].clone()];
        check(room, number, "waves", &plan, Steering::Policy)
    });
    assert_eq!(live, POLICIES.len() - 1, "all but `fixed`: {names:?}");
}
