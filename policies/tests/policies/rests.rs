//! Policies that say that they rest: as long as nothing happens they wish for no more than there is.

use ebbtide_policies::registry::{POLICIES, build};
use ebbtide_policies::{Decision, Observation, Policy};

use crate::toy::{Toy, ToyAgent};

/// A policy, and how often it rested.
struct Watched {
    policy: Box<dyn Policy>,
    is_at_rest: bool,
    rested: u32,
}

impl Policy for Watched {
    fn name(&self) -> &str {
        self.policy.name()
    }

    fn start_workers(&self) -> Option<u32> {
        self.policy.start_workers()
    }

    fn decide(&mut self, seen: &Observation) -> Decision {
        let decision = self.policy.decide(seen);
        let (name, at, present) = (self.policy.name(), seen.at, seen.setting.workers);
        if self.is_at_rest && seen.is_quiet() {
            let wish = decision.workers;
            assert!(wish <= f64::from(present), "{name} at {at:?}: {wish}");
            self.rested += 1;
        }
        self.is_at_rest = seen.is_quiet() && self.policy.rests(seen);
        decision
    }
}

/// Whatever was before: little, much, waves, an agent that slows down.
#[test]
fn whoever_rests_wishes_for_no_more_workers_while_nothing_happens() {
    let agent = |knee| ToyAgent {
        is_batch: false,
        per_call_s: 0.08,
        per_message_s: 0.0,
        sigma: 0.3,
        knee,
    };
    let silence = (0.0, 900.0);
    let waves = [(150.0, 10.0), (2.0, 50.0)].repeat(8);
    let loads = [vec![(3.0, 120.0)], vec![(400.0, 90.0)], waves];
    let toys = loads.into_iter().zip(1..).map(|(load, seed)| Toy {
        agents: vec![agent((seed == 2).then_some(8.0))],
        phases: [load, vec![silence, (20.0, 30.0), silence]].concat(),
        objective: "p95(sojourn) < 500ms".parse().ok(),
        start_s: 1.0,
        workers: 2,
        seed,
    });
    let toys: Vec<Toy> = toys.collect();
    let mut resting = Vec::new();
    for entry in POLICIES {
        let mut rested = 0;
        for toy in &toys {
            let mut watched = Watched {
                policy: build(entry.name).expect("the policy is listed"),
                is_at_rest: false,
                rested: 0,
            };
            toy.run(&mut watched);
            rested += watched.rested;
        }
        if rested > 1_000 {
            resting.push(entry.name);
        }
    }
    assert_eq!(resting, ["fixed", "threshold", "adaptive"]);
}
