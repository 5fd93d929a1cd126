//! Unit tests of agent models: times, failures, hangs, servers, limits.

use super::*;
use crate::agents::Effect;

fn agent(fields: &str) -> Agent {
    let text = format!("(name: \"agent\", {fields})");
    ebbtide_core::text::from_ron(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn model_with(fields: &str, faults: &[Fault]) -> AgentModel {
    AgentModel::new(
        &agent(fields),
        faults,
        &Files::default(),
        Streams::new(1, 0),
    )
}

fn model(fields: &str) -> AgentModel {
    model_with(fields, &[])
}

fn item(number: u64) -> CallItem {
    CallItem {
        key: MessageKey::new(0, 0, number),
        attempt: 0,
        units: 1,
        service: Service::Unknown,
    }
}

fn items(numbers: std::ops::Range<u64>) -> Vec<CallItem> {
    numbers.map(item).collect()
}

fn at(ms: u64) -> Time {
    Time::ZERO + Duration::from_millis(ms)
}

#[track_caller]
fn runs(started: Started) -> CallPlan {
    match started {
        Started::Runs(plan) => plan,
        Started::Waits => panic!("it waits"),
    }
}

/// How long a call takes that starts at `now`.
#[track_caller]
fn length(model: &mut AgentModel, now: Time, items: &[CallItem]) -> Duration {
    let plan = runs(model.start(now, 0, items));
    model.end(now, &plan);
    plan.ends.expect("it ends").since(now)
}

#[test]
fn a_call_time_is_its_messages_luck_alone() {
    let fields = r#"call: Exponential("50ms"), round_trip: Exponential("5ms")"#;
    let (mut one, mut other) = (model(fields), model(fields));
    let first = length(&mut one, at(0), &[item(7)]);
    for number in 0..7 {
        length(&mut other, at(number), &[item(number)]);
    }
    assert_eq!(length(&mut other, at(900), &[item(7)]), first);
    let again = CallItem {
        attempt: 1,
        ..item(7)
    };
    assert_ne!(length(&mut other, at(950), &[again]), first);
}

#[test]
fn cutting_batches_differently_makes_no_work() {
    let mut model = model(r#"per_call: "30ms", per_item: Exponential("2ms")"#);
    let whole = length(&mut model, at(0), &items(0..10));
    let parts = [0..3, 3..4, 4..10].map(|part| length(&mut model, at(0), &items(part)));
    let sum: u64 = parts.iter().map(|part| part.as_nanos()).sum();
    let extra = Duration::from_millis(60).as_nanos();
    assert!(
        (whole.as_nanos() + extra).abs_diff(sum) < 10,
        "{whole:?} {parts:?}"
    );
}

#[test]
fn noise_is_keyed_by_start_time_and_index() {
    let fields = r#"per_call: "30ms", noise: LogNormal(sigma: 0.3)"#;
    let (mut one, mut other) = (model(fields), model(fields));
    let first = length(&mut one, at(5), &items(0..3));
    let second = length(&mut one, at(5), &items(3..5));
    assert_ne!(first, second);
    // Other messages, same instant, same place in it: same noise.
    assert_eq!(length(&mut other, at(5), &items(9..10)), first);
    assert_eq!(length(&mut other, at(5), &items(11..19)), second);
}

#[test]
fn a_traced_service_time_replaces_the_drawn_one() {
    let traced = CallItem {
        service: Service::Stated(Duration::from_millis(7)),
        ..item(0)
    };
    let mut ordinary = model(r#"call: Constant("50ms")"#);
    assert_eq!(
        length(&mut ordinary, at(0), &[traced]),
        Duration::from_millis(7)
    );
    let mut batch = model(r#"per_call: "30ms", per_item: Constant("2ms")"#);
    let mixed = [item(1), traced];
    assert_eq!(length(&mut batch, at(0), &mixed), Duration::from_millis(39));
}

#[test]
fn calls_beyond_the_servers_wait_their_turn() {
    let mut model = model(r#"call: Constant("100ms"), servers: 2"#);
    let first = runs(model.start(at(0), 1, &[item(1)]));
    let second = runs(model.start(at(10), 2, &[item(2)]));
    assert_eq!(model.start(at(20), 3, &[item(3)]), Started::Waits);
    assert_eq!(model.start(at(30), 4, &[item(4)]), Started::Waits);
    let (tag, third) = model.end(at(100), &first).expect("a server is free");
    assert_eq!((tag, third.ends), (3, Some(at(200))));
    let (tag, fourth) = model.end(at(110), &second).expect("a server is free");
    assert_eq!((tag, fourth.ends), (4, Some(at(210))));
    assert_eq!(model.end(at(200), &third), None);
}

#[test]
fn a_cancelled_call_frees_its_server_if_the_agent_listens() {
    let fields = r#"call: Constant("100ms"), servers: 1"#;
    let mut deaf = model(fields);
    let first = runs(deaf.start(at(0), 1, &[item(1)]));
    assert_eq!(deaf.start(at(0), 2, &[item(2)]), Started::Waits);
    assert_eq!(deaf.start(at(0), 3, &[item(3)]), Started::Waits);
    assert_eq!(deaf.cancel(at(50), 1, Some(&first)), Cancelled::WorksOn);
    assert_eq!(deaf.cancel(at(60), 2, None), Cancelled::Stopped(None));
    let (tag, third) = deaf.end(at(100), &first).expect("a server is free");
    assert_eq!((tag, third.ends), (3, Some(at(200))));
    let mut listening = model(&format!("{fields}, stops_on_cancel: true"));
    let first = runs(listening.start(at(0), 1, &[item(1)]));
    assert_eq!(listening.start(at(0), 2, &[item(2)]), Started::Waits);
    match listening.cancel(at(50), 1, Some(&first)) {
        Cancelled::Stopped(Some((2, second))) => assert_eq!(second.ends, Some(at(150))),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_call_that_hangs_never_ends_and_always_stops_on_cancel() {
    let mut model = model(r#"call: Constant("1ms"), hangs: 1, servers: 1"#);
    let hung = runs(model.start(at(0), 1, &[item(1)]));
    assert_eq!(hung.ends, None);
    assert_eq!(model.start(at(0), 2, &[item(2)]), Started::Waits);
    assert!(matches!(
        model.cancel(at(9), 1, Some(&hung)),
        Cancelled::Stopped(Some((2, _)))
    ));
}

#[test]
fn a_crowd_slows_calls_down_by_the_scalability_law() {
    let mut model =
        model(r#"call: Constant("100ms"), slowdown: (limit: 2, alpha: 0.5, beta: 0.1)"#);
    let ends = (0..4).map(|tag| runs(model.start(at(0), tag, &[item(0)])).ends);
    // Beyond by 0, 0, 1, 2: 1 + 0.5·1 + 0.1·1·2 and 1 + 0.5·2 + 0.1·2·3.
    let wanted = [at(100), at(100), at(170), at(260)].map(Some);
    assert_eq!(ends.collect::<Vec<_>>(), wanted);
}

#[test]
fn a_rate_limit_answers_at_once_and_takes_no_server() {
    let mut model = model(
        r#"call: Constant("1s"), round_trip: Constant("2ms"), servers: 2,
           rate_limit: (calls: (rate: "1/s", burst: 1), retry_after: "3s")"#,
    );
    let first = runs(model.start(at(0), 1, &[item(1)]));
    assert_eq!(first.ends, Some(at(1_002)));
    let refused = runs(model.start(at(1), 2, &[item(2)]));
    assert_eq!(refused.ends, Some(at(3)));
    let wait = Duration::from_secs(3);
    assert_eq!(
        refused.result,
        CallResult::All(Verdict::RateLimited(Some(wait)))
    );
    assert_eq!(model.end(at(3), &refused), None);
    assert!(matches!(
        model.start(at(1_000), 3, &[item(3)]),
        Started::Runs(_)
    ));
    assert_eq!(model.start(at(2_000), 4, &[item(4)]), Started::Waits);
}

#[test]
fn messages_of_a_batch_fail_each_by_itself() {
    let mut model = model(r#"per_call: "30ms", failures: (share: 0.3, time: Constant("5ms"))"#);
    let plan = runs(model.start(at(0), 1, &items(0..1_000)));
    let CallResult::Each(verdicts) = plan.result else {
        panic!("{:?}", plan.result);
    };
    let failed = verdicts
        .iter()
        .filter(|verdict| **verdict == Verdict::Failed)
        .count();
    assert!((250..350).contains(&failed), "{failed}");
    assert_eq!(plan.ends, Some(at(30)));
    // Where all fail, the call takes a failing call's time.
    let lost = (0..1_000).find(|n| verdicts[*n as usize] == Verdict::Failed);
    let plan = runs(model.start(at(0), 2, &[item(lost.expect("some"))]));
    assert_eq!(plan.result, CallResult::All(Verdict::Failed));
    assert_eq!(plan.ends, Some(at(5)));
}

#[test]
fn faults_hold_for_calls_that_start_within_them() {
    let fault = |effect| Fault {
        agent: "agent".to_owned(),
        from: at(100),
        until: at(200),
        effect,
    };
    let with = |effect| model_with(r#"call: Constant("10ms")"#, &[fault(effect)]);
    let mut slow = with(Effect::Slow(3.0));
    for (now, wanted) in [(99, 10), (100, 30), (199, 30), (200, 10)] {
        assert_eq!(
            length(&mut slow, at(now), &[item(0)]),
            Duration::from_millis(wanted)
        );
    }
    let mut out = with(Effect::Outage);
    let plan = runs(out.start(at(150), 1, &[item(0)]));
    assert_eq!(plan.result, CallResult::All(Verdict::Failed));
    assert_eq!(plan.ends, Some(at(151)));
    let mut hangs = with(Effect::Hang(1.0));
    assert_eq!(runs(hangs.start(at(150), 1, &[item(0)])).ends, None);
    let mut fails = with(Effect::Fail(1.0));
    let plan = runs(fails.start(at(150), 1, &[item(0)]));
    assert_eq!(plan.result, CallResult::All(Verdict::Failed));
    let mut other = model_with(
        r#"call: Constant("10ms")"#,
        &[Fault {
            agent: "another".to_owned(),
            ..fault(Effect::Slow(3.0))
        }],
    );
    assert_eq!(
        length(&mut other, at(150), &[item(0)]),
        Duration::from_millis(10)
    );
}

#[test]
fn drift_changes_the_time_from_step_to_step() {
    let mut model =
        model(r#"call: Constant("10ms"), drift: Steps([("100ms", 2), ("200ms", 0.5)])"#);
    for (now, wanted) in [(0, 10), (99, 10), (100, 20), (250, 5)] {
        assert_eq!(
            length(&mut model, at(now), &[item(0)]),
            Duration::from_millis(wanted)
        );
    }
}
