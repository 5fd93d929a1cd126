//! Unit tests of theory cases: each term of the grammar becomes the scenario it means.

use super::*;
use crate::files::Files;
use crate::plan::Plan;
use crate::scenario::set;
use crate::{Experiment, Monitor, Sinks};

/// The columns of the reference file.
const HEADER: &str = "case,arrivals,call,workers,batch,parallelism,max_waiting,lanes,\
                      agent_limit,attempts,batch_timeout,metric,value,rel_tol,source\n";

fn case(row: &str) -> Case {
    let text = format!("{HEADER}{row}");
    let mut cases = cases(text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    cases.remove(0)
}

#[test]
fn a_row_becomes_a_scenario_that_reads_back_and_can_run() {
    let case = case(
        "x,poisson(rate=4)@high + poisson(rate=5)@low,\
         \"erlang(k=2,mean=0.05)@high + exp(mean=0.1) fail=0.2@low\",3,7,2,9,strict,4,3,,\
         wait_mean@low,0.1,0.02,nobody",
    );
    let scenario = case.scenario.expect("it can be expressed");
    assert_eq!(scenario.agents[1].name, "agent-low");
    assert_eq!(
        scenario.agents[1].failures.as_ref().map(|f| f.share),
        Some(0.2)
    );
    assert_eq!(scenario.agents[0].protect.in_flight_limit, Some(4));
    assert_eq!(scenario.broker.discipline, Discipline::Strict);
    assert_eq!(
        (scenario.broker.max_queue_size, scenario.broker.num_workers),
        (9, 3)
    );
    assert_eq!(scenario.broker.retry_max_attempts, Some(3));
    assert_eq!(
        scenario.run.length,
        Duration::from_nanos(200_000_000_000_000_u64.div_ceil(9))
    );
    let text = scenario.to_ron();
    assert_eq!(Scenario::from_ron(&text), Ok(scenario));
    Plan::new(&text, Files::default()).unwrap_or_else(|error| panic!("{error}\n{text}"));
}

/// They were served by their lanes' weights: the high one waited 0.05 s, the bulk one 0.13 s. As M/G/1
/// has it, whoever comes waits for the rest of the call under way and for all that wait.
#[test]
fn without_lanes_messages_of_several_lanes_go_first_in_first_out() {
    let case = case(
        "x,poisson(rate=3)@high + poisson(rate=4)@normal + poisson(rate=2)@bulk,\
         \"det(value=0.05)@high + exp(mean=0.06)@normal + uniform(low=0.05,high=0.15)@bulk\",\
         1,1,,,,,,,wait_mean@bulk,0.0707,0.02,",
    );
    let scenario = case.scenario.expect("it can be expressed");
    let run = [
        ("warm_up", "\"0s\""),
        ("length", "\"20000s\""),
        ("replications", "1"),
    ];
    let text = run.iter().fold(scenario.to_ron(), |text, (name, value)| {
        set(&text, &format!("run.{name}"), value).unwrap_or_else(|error| panic!("{error}"))
    });
    let plan = Plan::new(&text, Files::default()).unwrap_or_else(|error| panic!("{error}"));
    let experiment = Experiment::run(&plan, &Sinks::default(), &Monitor::default());
    let lanes = &experiment.policies[0].results.by_lane;
    let waits = lanes
        .values()
        .filter_map(|lane| lane.figures.wait_s.mean.mean);
    let waits: Vec<f64> = waits.collect();
    assert_eq!(waits.len(), 3);
    assert!(
        waits.iter().all(|wait| (wait - 0.0707).abs() < 0.005),
        "{waits:?}"
    );
}

#[test]
fn a_batch_agent_is_told_by_its_call() {
    let row = "x,poisson(rate=30),exp(mean=per_call 0.02 + per_item 0.01),1,60,,,,,,0.0125,\
               batch_mean,1,0.02,";
    let scenario = case(row).scenario.expect("it can be expressed");
    let agent = &scenario.agents[0];
    assert_eq!(agent.per_call, Some(Duration::from_millis(20)));
    assert_eq!(agent.noise, Some(Noise::Exponential));
    assert_eq!(scenario.broker.batch_timeout_ms, 13);
    assert_eq!(
        agent.protect.max_batch_timeout,
        Some(Duration::from_nanos(12_500_000))
    );
    Plan::new(&scenario.to_ron(), Files::default()).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn what_cannot_be_expressed_says_so() {
    #[track_caller]
    fn check(arrivals: &str, call: &str, wanted: &str) {
        let case = case(&format!("x,{arrivals},{call},1,1,,,,,,,wait_mean,1,0.02,"));
        let error = case.scenario.expect_err(arrivals);
        assert!(error.contains(wanted), "{error}\n does not say: {wanted}");
    }
    check(
        "fractal(rate=1)",
        "exp(mean=1)",
        "arrival process \"fractal\" is not known",
    );
    check(
        "poisson(rate=1)",
        "cauchy(mean=1)",
        "distribution \"cauchy\" is not known",
    );
    check("poisson(speed=1)", "exp(mean=1)", "poisson lacks rate");
    check(
        "poisson(rate=1)",
        "exp(mean=NaN)",
        "\"NaN\" is not a finite number",
    );
    let unknown = case("x,poisson(rate=1),exp(mean=1),1,1,,,,,,,wait_mode,1,0.02,");
    assert!(unknown.rows[0].selector.is_err());
}
