//! `adaptive` in the toy broker: the objective is held with few workers, a steady load is
//! left alone, an overload is recovered from, and an agent that does not scale is not fed.

use ebbtide_policies::objective::{Measure, Objective};
use ebbtide_policies::registry::build;
use ebbtide_policies::units::Duration;

use crate::toy::{Outcome, Toy, ToyAgent};

const OBJECTIVE: Objective = Objective {
    measure: Measure::Sojourn,
    quantile: 0.95,
    limit: Duration::from_millis(500),
};

fn agent(per_call_s: f64) -> ToyAgent {
    ToyAgent {
        is_batch: false,
        per_call_s,
        per_message_s: 0.0,
        sigma: 0.3,
        knee: None,
    }
}

/// The scenario `remote-agents`, with other phases if need be.
fn remote_agents(phases: Vec<(f64, f64)>, seed: u64) -> Toy {
    let rank = ToyAgent {
        is_batch: true,
        per_message_s: 0.002,
        ..agent(0.030)
    };
    Toy {
        agents: vec![agent(0.010), rank, agent(0.100)],
        phases,
        objective: Some(OBJECTIVE),
        start_s: 1.0,
        workers: 5,
        seed,
    }
}

fn run(policy: &str, toy: &Toy) -> Outcome {
    let mut policy = build(policy).expect("the policy is listed");
    let outcome = toy.run(policy.as_mut());
    eprintln!(
        "seed {} {}: p50 {:.3} p95 {:.3} p99 {:.3}, {:.0} worker-seconds, {:?} {:?} {:?}",
        toy.seed,
        policy.name(),
        outcome.quantile(0.5),
        outcome.quantile(0.95),
        outcome.quantile(0.99),
        outcome.worker_seconds,
        outcome.actions,
        outcome.last,
        outcome.reasons,
    );
    outcome
}

#[test]
fn remote_agents_hold_their_objective_with_half_the_workers() {
    let phases = vec![
        (100.0, 180.0),
        (500.0, 120.0),
        (250.0, 180.0),
        (1000.0, 60.0),
        (100.0, 120.0),
    ];
    for seed in 1..=3 {
        let toy = remote_agents(phases.clone(), seed);
        let (adaptive, fixed) = (run("adaptive", &toy), run("fixed(5)", &toy));
        assert!(adaptive.quantile(0.95) < 0.5);
        assert!(adaptive.worker_seconds < 0.6 * fixed.worker_seconds);
    }
}

#[test]
fn a_constant_load_sees_at_most_one_action_a_minute() {
    for rate in [60.0, 150.0, 190.0, 210.0, 300.0, 420.0, 500.0, 700.0, 850.0] {
        let outcome = run("adaptive", &remote_agents(vec![(rate, 660.0)], 7));
        let settled = outcome.actions.iter().filter(|(at, _)| *at > 60.0);
        assert!(settled.count() <= 10, "{rate}/s");
    }
}

#[test]
fn an_overload_beyond_all_workers_is_recovered_from() {
    let phases = vec![(100.0, 60.0), (2500.0, 20.0), (100.0, 120.0)];
    let outcome = run("adaptive", &remote_agents(phases, 1));
    assert!(outcome.actions.iter().any(|&(_, workers)| workers == 10));
    assert_eq!(outcome.last.workers, 1);
    assert!(outcome.quantile(1.0) < 3.0);
}

#[test]
fn without_load_one_worker_stays() {
    let outcome = run(
        "adaptive",
        &remote_agents(vec![(300.0, 60.0), (0.0, 60.0)], 1),
    );
    assert_eq!(outcome.last.workers, 1);
}

#[test]
fn an_agent_that_delivers_no_more_gets_no_more_workers() {
    // 250 messages a second at most, from 25 calls in flight on; 300 arrive.
    let crowded = ToyAgent {
        knee: Some(25.0),
        ..agent(0.1)
    };
    let toy = Toy {
        agents: vec![crowded],
        ..remote_agents(vec![(100.0, 60.0), (300.0, 300.0)], 3)
    };
    let outcome = run("adaptive", &toy);
    assert!(outcome.reasons.iter().any(|code| code == "agent-crowded"));
    // More are tried now and then, ever more rarely.
    assert!(outcome.worker_seconds < 0.7 * 3_600.0);
}

#[test]
fn batches_carry_a_batch_agents_load() {
    // 3,000 a second are 100 slots one by one, and 8 in batches of 50.
    let rank = ToyAgent {
        is_batch: true,
        per_message_s: 0.002,
        ..agent(0.030)
    };
    let toy = Toy {
        agents: vec![rank],
        ..remote_agents(vec![(200.0, 60.0), (3000.0, 120.0)], 4)
    };
    let outcome = run("adaptive", &toy);
    assert!(outcome.quantile(0.95) < 0.5);
    assert!(outcome.last.workers <= 3, "{:?}", outcome.last);
}

#[test]
fn slow_heavy_tailed_calls_hold_their_objective() {
    // Median 3 s, mean 4.9 s, p95 15.5 s: a language model.
    let model = ToyAgent {
        sigma: 1.0,
        ..agent(3.0)
    };
    let toy = Toy {
        agents: vec![model],
        objective: Some(Objective {
            limit: Duration::from_secs(20),
            ..OBJECTIVE
        }),
        ..remote_agents(vec![(4.0, 900.0)], 5)
    };
    let outcome = run("adaptive", &toy);
    assert!(outcome.quantile(0.95) < 20.0);
    assert!(outcome.worker_seconds < 4_000.0);
    // Four in three minutes, calls scattering so much; over all loads it is one (conformance).
    assert!(outcome.actions.len() <= 20, "{}", outcome.actions.len());
}

#[test]
fn bursts_that_come_again_are_met_with_workers_in_reserve() {
    let phases = [(100.0, 52.0), (600.0, 8.0)].repeat(10);
    let outcome = run("adaptive", &remote_agents(phases, 6));
    // Half of the messages come in bursts; at this price of lateness a few are worth less than
    // workers that idle between them.
    assert!(outcome.quantile(0.95) < 0.75);
    assert!(outcome.worker_seconds < 0.5 * 3_000.0);
    assert!(outcome.reasons.iter().any(|code| code == "jump-expected"));
}
