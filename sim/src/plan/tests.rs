use crate::traffic::Traffic;

use super::*;

const REMOTE_AGENTS: &str = include_str!("../../../scenarios/remote-agents.ron");

fn plan(text: &str) -> Plan {
    Plan::new(text, Files::default()).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn traffic_comes_in_order_and_as_often_as_was_said() {
    let plan = plan(REMOTE_AGENTS);
    let mut traffic = Traffic::new(&plan, Streams::new(1, 0));
    let mut last = Time::ZERO;
    let mut sent = 0;
    while let Some(arrival) = traffic.next() {
        assert!(last <= arrival.at && arrival.at < plan.end());
        last = arrival.at;
        sent += 1;
    }
    let expected = plan.loads()[0].messages;
    assert_eq!(expected, 195_000.0);
    assert!(
        (f64::from(sent) - expected).abs() < 5.0 * expected.sqrt(),
        "{sent}"
    );
}
