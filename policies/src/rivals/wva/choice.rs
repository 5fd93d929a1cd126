//! Replicas and batch: what each batch asks for, and the best of them.

use super::Settings;
use super::replica::Replica;
use crate::estimate::call_cost::CallLine;
use crate::objective::Measure;
use crate::observation::Observation;

/// Messages that a replica of the model may hold in calls, at most: more take too long to weigh.
const MOST_PLACES: u32 = 4_096;
/// Batches that are weighed, at most, evenly between the bounds.
const BATCHES: u32 = 50;
/// Call times that stand for a target where there is no objective.
const CALLS_WITHOUT_OBJECTIVE: f64 = 3.0;

/// A number of replicas and a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Choice {
    pub(super) replicas: f64,
    pub(super) batch: u32,
    /// Mean time under it, in seconds.
    pub(super) time_s: f64,
}

/// An agent as the model sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) rate: f64,
    pub(super) line: CallLine,
    /// Messages that one of its calls may carry.
    pub(super) most: u32,
}

/// The fewest replicas with any of the batches, then the shortest time; `None` if no batch
/// meets the target.
pub(super) fn choose(settings: &Settings, seen: &Observation, loads: &[Load]) -> Option<Choice> {
    let (least, most) = (seen.bounds.min_batch_size, seen.bounds.max_batch_size);
    let batches: Vec<u32> = match settings.joint && loads.iter().any(|it| it.most > 1) {
        true => (least..=most)
            .step_by((most - least).div_ceil(BATCHES).max(1) as usize)
            .collect(),
        false => vec![seen.setting.batch_size.max(1)],
    };
    let choices = batches
        .iter()
        .filter_map(|&batch| weigh(settings, seen, loads, batch));
    choices.min_by(|a, b| {
        let by_time = a.time_s.total_cmp(&b.time_s);
        a.replicas.total_cmp(&b.replicas).then(by_time)
    })
}

/// What a batch asks for; `None` if it misses the target.
pub(super) fn weigh(
    settings: &Settings,
    seen: &Observation,
    loads: &[Load],
    batch: u32,
) -> Option<Choice> {
    let replicas = |load: &Load| {
        let per_call = batch.min(load.most);
        let slots = seen.parallelism.clamp(1, (MOST_PLACES / per_call).max(1));
        Replica::new(load.line, per_call.min(MOST_PLACES), slots)
    };
    let measure = seen.objective.map_or(Measure::Sojourn, |it| it.measure);
    let mut needed = 0.0;
    for load in loads {
        let replica = replicas(load);
        let limit_s = match seen.objective {
            Some(objective) => objective.limit.as_secs_f64(),
            None => CALLS_WITHOUT_OBJECTIVE * replica.call_s(1.0),
        };
        needed += load.rate / replica.most_rate(measure, limit_s / settings.margin)?;
    }
    let least = f64::from(seen.bounds.min_workers);
    // What is whole but for rounding is whole.
    let count = (needed - 1e-9).ceil().max(least).max(1.0);
    let rate: f64 = loads.iter().map(|it| it.rate).sum();
    let times = loads
        .iter()
        .map(|it| it.rate * replicas(it).at(it.rate / count).sojourn_s);
    Some(Choice {
        replicas: count,
        batch,
        time_s: times.sum::<f64>() / rate.max(f64::MIN_POSITIVE),
    })
}
