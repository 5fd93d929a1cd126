//! Scenes without limits: any load, any arrivals, any trouble, for what must hold of each decision.

use proptest::prelude::*;

use super::loads::{Load, loads};
use crate::scene::Scene;

/// Seconds of a scene: what breaks a rule for decisions does so soon.
const LENGTH_S: u64 = 60;

/// A minute of any load with any trouble.
pub fn scenes() -> impl Strategy<Value = Scene> {
    (loads(), arrivals(), troubles()).prop_map(|(load, arrivals, trouble)| {
        let mut scene = load.scene(arrivals.of(&load), LENGTH_S);
        trouble.befalls(&mut scene);
        scene
    })
}

/// How messages come.
#[derive(Clone, Copy, Debug)]
enum Course {
    Steady,
    /// Twenty seconds each of the load, of nothing, of twice the load.
    Silence,
    Bursts,
    Closed,
}

impl Course {
    fn of(self, load: &Load) -> String {
        let rate = load.per_s();
        match self {
            Self::Steady => load.steady(),
            Self::Silence => {
                let twice = 2.0 * rate;
                format!(
                    "Phases([(\"{rate}/s\", \"20s\"), (\"0/s\", \"20s\"), (\"{twice}/s\", \"20s\")])"
                )
            }
            Self::Bursts => {
                let burst = load.most_per_s().min(4.0 * rate);
                format!(
                    "Bursts(base: \"{rate}/s\", burst: \"{burst}/s\", every: \"20s\", length: \"3s\")"
                )
            }
            Self::Closed => {
                let callers = (rate.ceil() as u32).max(1);
                format!("Closed(callers: {callers}, think: Exponential(\"1s\"))")
            }
        }
    }
}

fn arrivals() -> impl Strategy<Value = Course> {
    prop_oneof![
        2 => Just(Course::Steady),
        2 => Just(Course::Silence),
        1 => Just(Course::Bursts),
        1 => Just(Course::Closed),
    ]
}

/// What goes wrong meanwhile.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    None,
    /// Every worker dies, a third of the way.
    Deaths,
    Outage,
    Failures,
    /// The remote side answers 429 beyond so many calls a second.
    TooMany(u32),
    Limit(u32),
    /// The pool may have only so many workers.
    FewWorkers(u32),
}

impl Trouble {
    fn befalls(self, scene: &mut Scene) {
        match self {
            Self::None => {}
            Self::Deaths => {
                let deaths = "worker_deaths: [(at: \"19500ms\", workers: 10)]";
                scene.world.push(deaths.to_owned());
            }
            Self::Outage => {
                let outage =
                    "faults: [(agent: \"it\", from: \"20s\", until: \"40s\", effect: Outage)]";
                scene.world.push(outage.to_owned());
            }
            Self::Failures => {
                let failures = "failures: (share: 0.3, time: Constant(\"1ms\"))";
                scene.agent.push(failures.to_owned());
            }
            Self::TooMany(per_s) => scene.agent.push(format!(
                "rate_limit: (calls: (rate: \"{per_s}/s\", burst: {per_s}))"
            )),
            Self::Limit(calls) => scene
                .agent
                .push(format!("protect: (in_flight_limit: {calls})")),
            Self::FewWorkers(most) => {
                scene
                    .broker
                    .retain(|field| !field.starts_with("num_workers"));
                let few = format!("num_workers: {most}, max_workers: {most}");
                scene.broker.push(few);
            }
        }
    }
}

fn troubles() -> impl Strategy<Value = Trouble> {
    prop_oneof![
        2 => Just(Trouble::None),
        2 => Just(Trouble::Deaths),
        1 => Just(Trouble::Outage),
        1 => Just(Trouble::Failures),
        1 => (1_u32..10).prop_map(Trouble::TooMany),
        1 => (1_u32..10).prop_map(Trouble::Limit),
        2 => (2_u32..10).prop_map(Trouble::FewWorkers),
    ]
}
