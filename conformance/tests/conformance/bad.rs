//! Eleven policies that are bad on purpose, each in one way that policies are in earnest.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use ebbtide_conformance::Property;
use ebbtide_policies::decision::Decision;
use ebbtide_policies::observation::Observation;
use ebbtide_policies::policy::Policy;

use crate::plain::{Plain, busy, decision};

/// A bad policy, and the property that is there to catch it.
pub(crate) struct Bad {
    pub(crate) name: &'static str,
    pub(crate) caught_by: Property,
    decide: fn(&mut State, &Observation) -> Decision,
}

/// What any of them remembers.
#[derive(Clone, Debug, Default)]
struct State {
    plain: Plain,
    sum: f64,
    most: f64,
    retries: f64,
}

/// A bad policy at work.
struct AtWork(&'static Bad, State);

impl Bad {
    pub(crate) fn make(&'static self) -> Box<dyn Policy> {
        Box::new(AtWork(self, State::default()))
    }
}

impl Policy for AtWork {
    fn name(&self) -> &str {
        self.0.name
    }

    fn decide(&mut self, seen: &Observation) -> Decision {
        (self.0.decide)(&mut self.1, seen)
    }
}

pub(crate) const BAD: [Bad; 11] = [
    Bad {
        name: "integral wind-up",
        caught_by: Property::Bottleneck,
        decide: integral_wind_up,
    },
    Bad {
        name: "unit slip",
        caught_by: Property::Recovers,
        decide: unit_slip,
    },
    Bad {
        name: "wrong sign",
        caught_by: Property::IdlesDown,
        decide: wrong_sign,
    },
    Bad {
        name: "no hysteresis",
        caught_by: Property::NoLimitCycle,
        decide: no_hysteresis,
    },
    Bad {
        name: "reaction to own retries",
        caught_by: Property::NoEcho,
        decide: own_retries,
    },
    Bad {
        name: "NaN on an empty interval",
        caught_by: Property::Finite,
        decide: nan_on_empty,
    },
    Bad {
        name: "a slot for whatever waits",
        caught_by: Property::OrderingKeys,
        decide: slots_for_all,
    },
    Bad {
        name: "division by zero workers",
        caught_by: Property::Survives,
        decide: division_by_zero,
    },
    Bad {
        name: "sticky maximum",
        caught_by: Property::IdlesDown,
        decide: sticky_maximum,
    },
    Bad {
        name: "ignored bounds",
        caught_by: Property::WithinBounds,
        decide: ignored_bounds,
    },
    Bad {
        name: "random choice",
        caught_by: Property::Deterministic,
        decide: random_choice,
    },
];

/// The error is summed up while the pool cannot follow, and the sum is never let go.
fn integral_wind_up(state: &mut State, seen: &Observation) -> Decision {
    state.sum += 0.02 * (seen.queue.waiting as f64 - f64::from(seen.parallelism));
    decision(seen, within_bounds(seen, state.sum.ceil()))
}

/// Milliseconds are taken for seconds: the slots seem to be busy for a thousandth of the time.
fn unit_slip(state: &mut State, seen: &Observation) -> Decision {
    let workers = state.plain.workers(seen, busy(seen) / 1e3);
    decision(seen, workers)
}

/// Free slots ask for more workers, busy ones for fewer.
fn wrong_sign(_: &mut State, seen: &Observation) -> Decision {
    let slots = f64::from(seen.setting.workers) * f64::from(seen.parallelism);
    let error = busy(seen) / slots - 0.5;
    let wanted = f64::from(seen.setting.workers) - error.signum();
    decision(seen, within_bounds(seen, wanted))
}

/// What one interval needs is what is asked for, at once.
fn no_hysteresis(_: &mut State, seen: &Observation) -> Decision {
    let needed = busy(seen) / f64::from(seen.parallelism) / 0.8;
    decision(seen, within_bounds(seen, needed.ceil()))
}

/// Retries count as load, as if somebody had sent them.
fn own_retries(state: &mut State, seen: &Observation) -> Decision {
    let (first, again) = (seen.flow.arrivals as f64, seen.flow.retries as f64);
    state.retries += 0.03 * (again / first.max(1.0) - state.retries);
    let workers = state
        .plain
        .workers(seen, busy(seen) * (1.0 + state.retries));
    decision(seen, workers)
}

/// Whatever stands behind its ordering key is to have a slot of its own.
fn slots_for_all(state: &mut State, seen: &Observation) -> Decision {
    let workers = state.plain.workers(seen, busy(seen));
    let behind = seen.behind() as f64 / f64::from(seen.parallelism);
    decision(seen, within_bounds(seen, workers + behind.ceil()))
}

/// The mean call time of an interval without calls is nothing divided by nothing.
fn nan_on_empty(state: &mut State, seen: &Observation) -> Decision {
    let calls = seen.agents.iter().map(|agent| &agent.calls);
    let (time_s, ended) = calls.fold((0.0, 0.0), |(time_s, ended), calls| {
        (
            time_s + calls.time.as_secs_f64(),
            ended + calls.succeeded as f64,
        )
    });
    let mean_s: f64 = time_s / ended;
    let workers = state.plain.workers(seen, busy(seen));
    decision(seen, workers + 0.0 * mean_s)
}

/// The backlog is shared out among the workers that are ready, of which there may be none.
fn division_by_zero(state: &mut State, seen: &Observation) -> Decision {
    let each = seen.queue.waiting / u64::from(seen.workers.ready);
    let workers = state.plain.workers(seen, busy(seen));
    let much = if each > 1_000 { 1.0 } else { 0.0 };
    decision(seen, within_bounds(seen, workers + much))
}

/// What was once needed is needed for ever.
fn sticky_maximum(state: &mut State, seen: &Observation) -> Decision {
    state.most = state.most.max(state.plain.workers(seen, busy(seen)));
    decision(seen, within_bounds(seen, state.most))
}

/// Asks for whatever the load would need, whether there may be so many or not.
fn ignored_bounds(state: &mut State, seen: &Observation) -> Decision {
    let workers = state.plain.workers(seen, busy(seen));
    let most = f64::from(seen.bounds.max_workers);
    decision(seen, if workers < most { workers } else { 1.5 * most })
}

/// Chooses among batch sizes that seem equally good to it by a throw of dice.
fn random_choice(state: &mut State, seen: &Observation) -> Decision {
    let workers = state.plain.workers(seen, busy(seen));
    let thrown = RandomState::new().hash_one(0) % 10;
    Decision {
        batch_size: 10.0 + thrown as f64,
        ..decision(seen, workers)
    }
}

fn within_bounds(seen: &Observation, workers: f64) -> f64 {
    let (least, most) = (seen.bounds.min_workers, seen.bounds.max_workers);
    workers.clamp(f64::from(least), f64::from(most))
}
