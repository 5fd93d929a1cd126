//! What the user changes while the broker runs: policy, pins, dry runs.

use ebbtide_core::event::WorkerChange::{Gone, Ready, Starting};
use ebbtide_core::event::{DecisionRecord, Withheld, Withholding};
use ebbtide_core::message::WorkerId;
use ebbtide_policies::registry;

use crate::rig::{Rig, asks, elastic, ms};

fn withheld(record: &DecisionRecord) -> Option<(Withholding, u32)> {
    let withheld: Option<Withheld> = record.withheld;
    withheld.map(|it| (it.by, it.setting.workers))
}

#[test]
fn another_policy_decides_from_the_next_tick_on() {
    let mut rig = Rig::with(elastic(), asks(&[2]));
    rig.advance(100);
    rig.state.switch_policy(ms(150), asks(&[3]));
    assert_eq!(rig.state.setting().workers, 2);
    rig.advance(200);
    assert_eq!(rig.state.setting().workers, 3);
    let policies: Vec<_> = rig.decisions().into_iter().map(|it| it.policy).collect();
    assert_eq!(policies, ["asks", "asks"]);
}

#[test]
fn a_policy_that_names_its_workers_has_them_at_once_and_room_for_as_long_as_it_rules() {
    let mut rig = Rig::with(elastic(), asks(&[]));
    let fixed = |workers| registry::build(workers).expect("it exists");
    rig.state.switch_policy(ms(10), fixed("fixed(5)"));
    assert_eq!(rig.state.setting().workers, 5);
    rig.state.check();
    rig.advance(100);
    let seen = rig.decisions()[0].observation.clone().expect("kept");
    assert_eq!((seen.bounds.max_workers, seen.workers.starting), (5, 4));
    rig.state.switch_policy(ms(110), asks(&[9]));
    assert_eq!(rig.state.setting().workers, 3, "the user's bound again");
    rig.state.check();
    rig.advance(200);
    assert_eq!(rig.state.setting().workers, 3);
}

#[test]
fn pinned_workers_stay_whatever_is_decided_until_the_pin_is_taken_out() {
    let mut rig = Rig::with(elastic(), asks(&[1, 3]));
    rig.state
        .pin_workers(ms(10), Some(2))
        .expect("within bounds");
    rig.state.worker_ready(ms(10), WorkerId(1));
    rig.advance(100);
    rig.advance(200);
    assert_eq!(rig.workers()[2..], [(1, Starting), (1, Ready)], "at once");
    let told: Vec<_> = rig.decisions().iter().map(withheld).collect();
    let pinned = |workers| Some((Withholding::Pinned, workers));
    assert_eq!(told, [pinned(1), pinned(3)]);
    rig.state.pin_workers(ms(210), None).expect("no number");
    assert_eq!(rig.state.setting().workers, 2, "until a decision");
    rig.state.switch_policy(ms(220), asks(&[1]));
    rig.advance(300);
    assert_eq!(rig.workers().last(), Some(&(1, Gone)));
    assert_eq!(rig.decisions()[2].withheld, None);
}

#[test]
fn a_pin_beyond_the_bounds_is_refused_and_changes_nothing() {
    let mut rig = Rig::with(elastic(), asks(&[]));
    let refused = rig
        .state
        .pin_workers(ms(10), Some(4))
        .expect_err("too many");
    assert_eq!(
        refused.to_string(),
        "workers is 4, allowed are 1 to 3 (min_workers, max_workers)"
    );
    assert!(rig.state.pin_workers(ms(10), Some(0)).is_err());
    assert_eq!(rig.state.setting().workers, 1);
}

#[test]
fn a_dry_run_decides_logs_and_counts_and_applies_nothing() {
    let mut rig = Rig::with(elastic(), asks(&[3, 1, 2]));
    rig.state.set_dry_run(ms(0), true);
    rig.advance(100);
    rig.advance(200);
    let dry: Vec<_> = rig.decisions().iter().map(withheld).collect();
    let would = |workers| Some((Withholding::DryRun, workers));
    assert_eq!(dry, [would(3), would(1)]);
    let records = rig.decisions();
    assert_eq!(
        (records[0].decision.workers, records[0].applied.workers),
        (3.0, 1)
    );
    assert_eq!(rig.state.books().dry_changes, 1, "1 is what there is");
    assert_eq!(rig.workers(), [(0, Starting), (0, Ready)]);
    rig.state.set_dry_run(ms(250), false);
    rig.advance(300);
    assert_eq!(rig.workers().last(), Some(&(1, Starting)));
    assert_eq!(rig.decisions()[2].withheld, None);
}
