use super::*;

const REMOTE_AGENTS: &str = include_str!("../../../scenarios/remote-agents.ron");

#[test]
fn what_is_written_reads_back() {
    let scenario = Scenario::from_ron(REMOTE_AGENTS).expect("it is valid");
    let text = scenario.to_ron();
    assert_eq!(Scenario::from_ron(&text), Ok(scenario), "{text}");
}

#[test]
fn a_setting_that_no_reader_can_take_is_told_its_range() {
    let broker = "(max_queue_size: 18446744073709551616)";
    let text = format!("(run: (length: \"1s\"), traffic: [], agents: [], broker: {broker})");
    let error = Scenario::from_ron(&text).expect_err("2^64 is no u64");
    let message = error.to_string();
    let allowed = "expected a whole number in range; allowed are 0 to 1000000000";
    assert!(message.ends_with(allowed), "{message}");
}
