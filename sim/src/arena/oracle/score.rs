//! What the real core makes of a schedule, and the schedule that a policy makes of a run.

use std::sync::{Arc, Mutex};

use ebbtide_core::Journaled;
use ebbtide_core::config::{BrokerConfig, Checked};
use ebbtide_measure::{Cost, Detail, Recorder};
use ebbtide_policies::Policy;
use ebbtide_policies::observation::Setting;
use ebbtide_policies::units::{Duration, Time};

use crate::experiment::record_plan;
use crate::monitor::Monitor;
use crate::plan::{Contender, Plan, PolicySource};
use crate::streams::Streams;
use crate::world::{Audience, World};

use super::schedule::{Schedule, Scheduled};

/// What `schedule` costs in replication `number` of `plan`, for a broker of this configuration.
/// `None` if it leaves what any broker may be set to.
pub(crate) fn cost(
    plan: &Plan,
    config: &BrokerConfig,
    number: u32,
    schedule: &Schedule,
) -> Option<Cost> {
    let start = schedule.start();
    let config = BrokerConfig {
        num_workers: start.workers,
        batch_size: start.batch_size,
        batch_timeout_ms: start.batch_timeout.as_nanos() / 1_000_000,
        ..unpaced(config)
    };
    let config = Checked::new(config).ok()?;
    let policy = Box::new(Scheduled(schedule.clone()));
    Some(run(plan, &config, number, policy).0)
}

/// What a policy costs in a replication, and the settings that it had in force.
pub(crate) fn policy(
    plan: &Plan,
    config: &BrokerConfig,
    number: u32,
    policy: Box<dyn Policy>,
) -> Option<(Cost, Schedule)> {
    let config = Checked::new(unpaced(config).under(&*policy)).ok()?;
    Some(run(plan, &config, number, policy))
}

/// As the arena runs it: bounds are all that the governor knows.
fn unpaced(config: &BrokerConfig) -> BrokerConfig {
    BrokerConfig {
        shrink_window_ms: 0,
        cool_down_ms: 0,
        ..config.clone()
    }
}

fn run(
    plan: &Plan,
    config: &Checked<BrokerConfig>,
    number: u32,
    policy: Box<dyn Policy>,
) -> (Cost, Schedule) {
    let contender = Contender {
        name: String::new(),
        policy: PolicySource::Named,
        config: config.clone(),
    };
    let changes = Arc::new(Mutex::new(Vec::<(Time, Setting)>::new()));
    let heard = changes.clone();
    let recorded = record_plan(plan, &contender, Duration::ZERO, Detail::Summary);
    let start = recorded.setting;
    let recorder = Recorder::new(recorded).with_decision_sink(Box::new(move |record| {
        let change = (record.at, record.applied);
        heard.lock().expect("nobody panics with it").push(change);
    }));
    let state = Journaled::new(
        config.clone(),
        policy,
        Audience::new(recorder, plan.has_callers()),
        None,
    );
    let world = World::new(plan, state, Streams::new(plan.run.seed, number));
    let run = world.run(&Monitor::default()).expect("nobody stops it");
    let changes = changes.lock().expect("nobody panics with it");
    (run.cost, Schedule::new(start, changes.iter().copied()))
}
