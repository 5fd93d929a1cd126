use super::*;

const REMOTE_AGENTS: &str = include_str!("../../../scenarios/remote-agents.ron");

#[test]
fn what_is_written_reads_back() {
    let scenario = Scenario::from_ron(REMOTE_AGENTS).expect("it is valid");
    let text = scenario.to_ron();
    assert_eq!(Scenario::from_ron(&text), Ok(scenario), "{text}");
}
