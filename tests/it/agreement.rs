//! What `simulate` predicts is what the broker does: scenarios on the live broker, on paused
//! time, against their simulation. The whole suite is `ebbtide bench fidelity`; here is what a
//! minute has room for.

use ebbtide_fidelity::{Agreement, DEMANDING, Pace, Twist, compare};
use ebbtide_sim::Plan;
use ebbtide_sim::files::Files;
use ebbtide_sim::scenario::set;
use ebbtide_sim::shipped;

fn plan(text: &str, settings: &[(&str, &str)]) -> Plan {
    let mut text = text.to_owned();
    for (path, value) in settings {
        text = set(&text, path, value).expect("the place is there");
    }
    Plan::new(&text, Files::default()).expect("a scenario without faults")
}

fn shipped(name: &str, settings: &[(&str, &str)]) -> Plan {
    plan(shipped::find(name).expect("it is shipped").text, settings)
}

fn run(plan: &Plan, contender: usize, twist: Option<Twist>) -> Agreement {
    compare(plan, contender, 1, Pace::Paused, twist, &|| ()).expect("it can run live")
}

/// Every contender, figures and messages. Whether it was demanding.
#[track_caller]
fn check(name: &str, plan: &Plan) -> bool {
    let agrees = |contender| {
        let agreement = run(plan, contender, None);
        let (policy, pairs) = (&agreement.policy, &agreement.pairs);
        assert!(agreement.holds(), "{name} under {policy}: {agreement:#?}");
        assert!(agreement.is_alike(), "{name} under {policy}: {pairs:?}");
        agreement.is_demanding()
    };
    (0..plan.contenders.len()).fold(false, |demanding, contender| agrees(contender) | demanding)
}

#[test]
fn shipped_scenarios_run_live_as_they_are_simulated() {
    let short = [("run.length", "2min")];
    for name in ["burst", "batch-agent", "closed-loop", "mixed", "slow-agent"] {
        check(name, &shipped(name, &short));
    }
    for name in ["seed-1-batch", "seed-4", "seed-5-batch"] {
        check(name, &shipped(name, &[]));
    }
}

#[test]
fn demanding_scenarios_run_live_as_they_are_simulated() {
    let demanding = DEMANDING
        .iter()
        .filter(|it| check(it.name, &plan(it.text, &[])));
    let demanding: Vec<&str> = demanding.map(|it| it.name).collect();
    assert!(demanding.len() >= 8, "no more are demanding: {demanding:?}");
}

/// A live side that is not what was simulated is found out.
#[track_caller]
fn bites(plan: &Plan, twist: Twist) {
    assert!(run(plan, 0, None).holds(), "without a twist they agree");
    let twisted = run(plan, 0, Some(twist));
    assert!(!twisted.holds(), "nobody noticed {twist:?}: {twisted:#?}");
}

#[test]
fn an_agent_five_per_cent_slower_is_found_out() {
    let plan = shipped("burst", &[("run.length", "2min")]);
    bites(&plan, Twist::Slower(1.05));
}

#[test]
fn deliveries_in_waves_are_found_out() {
    let settings = [("run.length", "1min"), ("policies", "[\"fixed(1)\"]")];
    bites(&shipped("closed-loop", &settings), Twist::Waves);
}

#[test]
fn a_batch_timer_that_starts_at_collection_is_found_out() {
    let settings = [
        ("run.length", "1min"),
        ("policies", "[\"fixed(1)\"]"),
        ("traffic.0.arrivals", "Poisson(\"60/s\")"),
    ];
    bites(
        &shipped("batch-agent", &settings),
        Twist::TimerFromCollection,
    );
}
