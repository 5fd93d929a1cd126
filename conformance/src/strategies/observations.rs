//! Proptest strategies for observations: plausible ones, and absurd ones whose figures
//! contradict each other and reach the ends of their types. Bounds alone are always valid,
//! since the configuration is checked before a policy sees it.

use ebbtide_policies::latency::LatencyHistogram;
use ebbtide_policies::objective::{Measure, Objective};
use ebbtide_policies::observation::{
    AgentObservation, BlockedTime, Bounds, BreakerState, CallSample, CallStats, Flow, Observation,
    QueueState, Setting, SlotTime, WorkerCounts,
};
use ebbtide_policies::prices::Prices;
use ebbtide_policies::units::{Duration, Rate, Time};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// A run of observations of one broker, in the order of time, bounds and agents unchanged.
pub fn runs(length: usize) -> impl Strategy<Value = Vec<Observation>> {
    (
        bounds(),
        option::of(objective()),
        vec(observation(), 1..=length),
    )
        .prop_map(|(bounds, objective, mut run)| {
            let mut at = Time::ZERO;
            for seen in &mut run {
                at = at + seen.interval;
                seen.at = at;
                seen.bounds = bounds;
                seen.objective = objective;
                seen.setting = within(seen.setting, &bounds);
            }
            run
        })
}

fn within(setting: Setting, bounds: &Bounds) -> Setting {
    Setting {
        workers: setting
            .workers
            .clamp(bounds.min_workers, bounds.max_workers),
        batch_size: (setting.batch_size).clamp(bounds.min_batch_size, bounds.max_batch_size),
        batch_timeout: setting.batch_timeout.min(bounds.max_batch_timeout),
    }
}

/// One observation, any figure of which may be absurd.
pub fn observation() -> impl Strategy<Value = Observation> {
    let pool = (
        setting(),
        any_count(),
        duration(),
        worker_counts(),
        slot_time(),
    );
    let load = (
        queue(),
        flow(),
        histogram(),
        histogram(),
        vec(agent(), 0..5),
    );
    let when = (duration(), any::<bool>());
    (when, pool, load).prop_map(
        |(
            (interval, early),
            (setting, parallelism, worker_start, workers, slots),
            (queue, flow, wait, sojourn, agents),
        )| Observation {
            at: Time::ZERO,
            interval,
            early,
            setting,
            bounds: Bounds {
                min_workers: 1,
                max_workers: 10,
                min_batch_size: 1,
                max_batch_size: 50,
                max_batch_timeout: Duration::from_secs(1),
            },
            objective: None,
            prices: Prices::default(),
            parallelism,
            worker_start,
            workers,
            slots,
            queue,
            flow,
            wait,
            sojourn,
            agents,
        },
    )
}

fn bounds() -> impl Strategy<Value = Bounds> {
    let up_to = |most: u32| prop_oneof![4 => 1..=most, 1 => Just(u32::MAX)];
    (1..20_u32, up_to(50), 1..20_u32, up_to(100), duration()).prop_map(
        |(min_workers, workers, min_batch_size, batch, max_batch_timeout)| Bounds {
            min_workers,
            max_workers: workers.max(min_workers),
            min_batch_size,
            max_batch_size: batch.max(min_batch_size),
            max_batch_timeout,
        },
    )
}

fn objective() -> impl Strategy<Value = Objective> {
    let measure = prop_oneof![Just(Measure::Wait), Just(Measure::Sojourn)];
    let quantile = prop_oneof![0.001..0.999_f64, Just(0.95), Just(0.999_999)];
    (measure, quantile, duration()).prop_map(|(measure, quantile, limit)| Objective {
        measure,
        quantile,
        limit: limit.max(Duration::from_nanos(1)),
    })
}

fn setting() -> impl Strategy<Value = Setting> {
    (any_count(), any_count(), duration()).prop_map(|(workers, batch_size, batch_timeout)| {
        Setting {
            workers,
            batch_size,
            batch_timeout,
        }
    })
}

fn any_count() -> impl Strategy<Value = u32> {
    prop_oneof![8 => 0..20_u32, 1 => any::<u32>(), 1 => Just(u32::MAX)]
}

fn count() -> impl Strategy<Value = u64> {
    prop_oneof![2 => Just(0_u64), 8 => 0..2_000_u64, 1 => any::<u64>(), 1 => Just(u64::MAX)]
}

fn duration() -> impl Strategy<Value = Duration> {
    let millis = (0..5_000_u64).prop_map(Duration::from_millis);
    let any = any::<u64>().prop_map(Duration::from_nanos);
    prop_oneof![
        1 => Just(Duration::ZERO),
        4 => Just(Duration::from_secs(1)),
        8 => millis,
        1 => any,
        1 => Just(Duration::MAX),
    ]
}

/// Hands out what was drawn, for one field after another.
fn one_by_one<T, const N: usize>(drawn: [T; N]) -> impl FnMut() -> T {
    let mut drawn = drawn.into_iter();
    move || {
        drawn
            .next()
            .expect("as many were drawn as there are fields")
    }
}

fn worker_counts() -> impl Strategy<Value = WorkerCounts> {
    [(); 5].map(|()| any_count()).prop_map(|counts| {
        let mut count = one_by_one(counts);
        WorkerCounts {
            wanted: count(),
            starting: count(),
            ready: count(),
            draining: count(),
            busy: count(),
        }
    })
}

fn slot_time() -> impl Strategy<Value = SlotTime> {
    [(); 9].map(|()| duration()).prop_map(|times| {
        let mut time = one_by_one(times);
        SlotTime {
            with_call: time(),
            idle: time(),
            blocked: BlockedTime {
                limit: time(),
                bulkhead: time(),
                breaker: time(),
                paused: time(),
                rate_limit: time(),
                open_batch: time(),
                key: time(),
            },
        }
    })
}

fn queue() -> impl Strategy<Value = QueueState> {
    (count(), count(), count(), option::of(duration()), count()).prop_map(
        |(waiting, delayed, bytes, oldest_wait, max_size)| QueueState {
            waiting,
            delayed,
            bytes,
            oldest_wait,
            max_size,
        },
    )
}

fn flow() -> impl Strategy<Value = Flow> {
    ([(); 8].map(|()| count()), duration()).prop_map(|(counts, batch_wait)| {
        let mut count = one_by_one(counts);
        Flow {
            arrivals: count(),
            refused: count(),
            retries: count(),
            started: count(),
            completed: count(),
            delivered: count(),
            expired: count(),
            dead_lettered: count(),
            batch_wait,
        }
    })
}

fn histogram() -> impl Strategy<Value = LatencyHistogram> {
    vec(duration(), 0..40).prop_map(|latencies| {
        let mut histogram = LatencyHistogram::default();
        latencies
            .into_iter()
            .for_each(|latency| histogram.record(latency));
        histogram
    })
}

fn agent() -> impl Strategy<Value = AgentObservation> {
    // Few names, so that agents come back, swap places and share a name.
    let what = (
        "[abc]",
        any::<bool>(),
        option::of(any_count()),
        option::of(any_count()),
    );
    let limits = (
        option::of(rate()),
        option::of(rate()),
        breaker(),
        any::<bool>(),
    );
    let counts = (
        any_count(),
        [(); 9].map(|()| count()),
        calls(),
        vec(sample(), 0..40),
    );
    (what, limits, counts).prop_map(
        |(
            (name, is_batch, max_batch, limit),
            (call_rate, unit_rate, breaker, paused),
            (in_flight, counts, calls, samples),
        )| {
            let mut count = one_by_one(counts);
            AgentObservation {
                name,
                is_batch,
                max_batch,
                limit,
                call_rate,
                unit_rate,
                breaker,
                paused,
                waiting: count(),
                behind: count(),
                contended_keys: count(),
                in_flight,
                arrivals: count(),
                came_behind: count(),
                moved_up: count(),
                retries: count(),
                delivered: count(),
                units: count(),
                calls,
                samples,
            }
        },
    )
}

fn rate() -> impl Strategy<Value = Rate> {
    prop_oneof![Just(0.0), 0.0..1e3, Just(f64::MAX), Just(f64::MIN_POSITIVE)]
        .prop_map(|per_s| Rate::per_second(per_s).unwrap_or_default())
}

fn breaker() -> impl Strategy<Value = BreakerState> {
    prop_oneof![
        4 => Just(BreakerState::Closed),
        1 => Just(BreakerState::Open),
        1 => Just(BreakerState::HalfOpen),
        1 => Just(BreakerState::Recovering),
    ]
}

fn calls() -> impl Strategy<Value = CallStats> {
    ([(); 4].map(|()| count()), duration()).prop_map(
        |([succeeded, failed, rate_limited, messages], time)| CallStats {
            succeeded,
            failed,
            rate_limited,
            messages,
            time,
        },
    )
}

fn sample() -> impl Strategy<Value = CallSample> {
    (any_count(), any_count(), duration()).prop_map(|(batch, in_flight, time)| CallSample {
        batch,
        in_flight,
        time,
    })
}
