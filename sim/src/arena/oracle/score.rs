//! What the real core makes of a schedule.

use std::collections::BTreeMap;
use std::sync::Mutex;

use ebbtide_core::config::{BrokerConfig, Checked};
use ebbtide_core::{Journaled, Outcome};
use ebbtide_measure::{Detail, Recorder};
use ebbtide_policies::Policy;
use ebbtide_policies::objective::Measure;
use ebbtide_policies::units::{Duration, Time};

use crate::experiment::record_plan;
use crate::monitor::Monitor;
use crate::plan::{Contender, Plan};
use crate::world::{Audience, World};

use super::path::Path;
use super::schedule::{Schedule, Scheduled};
use super::twin::Sums;

/// The broker as the arena runs it, from a schedule's first setting on: bounds are all that the
/// governor knows.
pub(crate) fn config_of(config: &BrokerConfig, start: &Schedule) -> Checked<BrokerConfig> {
    let start = start.start();
    let config = BrokerConfig {
        num_workers: start.workers,
        batch_size: start.batch_size,
        batch_timeout_ms: start.batch_timeout.as_nanos() / 1_000_000,
        shrink_window_ms: 0,
        cool_down_ms: 0,
        ..config.clone()
    };
    Checked::new(config).expect("a schedule stays within the bounds")
}

/// Runs `schedule` in the simulator.
pub(crate) fn run(path: &Path<'_>, schedule: &Schedule) -> Sums {
    let config = config_of(path.config, schedule);
    run_policy(path, &config, Box::new(Scheduled(schedule.clone())))
}

fn run_policy(path: &Path<'_>, config: &Checked<BrokerConfig>, policy: Box<dyn Policy>) -> Sums {
    let plan: &Plan = path.plan;
    let contender = Contender {
        name: String::new(),
        config: config.clone(),
    };
    let recorder = Recorder::new(record_plan(plan, &contender, Duration::ZERO, Detail::Summary));
    let pending = Mutex::new(BTreeMap::new());
    let late = Mutex::new(0.0);
    let state = Journaled::new(config.clone(), policy, Audience::new(recorder, true), None);
    let run = World::new(plan, state, path.streams)
        .with_arrival_sink(Some(Box::new(|arrival| {
            let agent = arrival.agent.map_or(0, |agent| agent.0);
            let message = (arrival.at, agent, arrival.class);
            pending.lock().expect("one thread").insert(arrival.key.mixed(), message);
        })))
        .with_outcome_sink(Some(Box::new(|ended| {
            let sent = pending.lock().expect("one thread").remove(&ended.key.mixed());
            let took = ended.at.since(ended.sent);
            let took = if ended.outcome == Outcome::Delivered {
                took
            } else {
                let deadline = sent.and_then(|(_, _, class)| path.class(class).deadline);
                took.max(deadline.unwrap_or(super::path::LOST))
            };
            let beyond = path.beyond(Measure::Sojourn, took);
            *late.lock().expect("one thread") += beyond * path.work[ended.agent.0 as usize];
        })))
        .run(&Monitor::default())
        .expect("nobody stops it");
    let end: Time = plan.end() + plan.run.tail;
    let mut late_work = *late.lock().expect("one thread");
    for (sent, agent, _) in pending.lock().expect("one thread").values() {
        late_work += path.beyond(Measure::Sojourn, end.since(*sent)) * path.work[*agent as usize];
    }
    let total = &run.books.total;
    Sums {
        worker_seconds: total.figures.worker_seconds.and_then(|sample| sample.value).unwrap_or(0.0),
        late_work,
        calls: 0,
    }
}
