//! What a number of workers is expected to cost: the next seconds rolled out, and the value of
//! where they lead.

use crate::observation::{Bounds, Setting};

use super::batches::Batching;
use super::jumps::Hazard;
use super::rollout::Start;
use super::settings::Settings;
use super::standing::Standing;
use super::stream::Stream;
use super::value::{self, Jump, POOLS, Pools, Question, Rules, Value};
use super::workload::Workload;

/// Beyond what the load needs at least, these multiples of it are weighed where the bounds are
/// too wide to weigh all.
const MULTIPLES: [f64; 7] = [0.85, 1.0, 1.15, 1.3, 1.5, 2.0, 3.0];
/// Sweeps a decision while nothing changes …
const SWEEPS: usize = 3;
/// … and after the load has moved, or anything else that the values rest on.
const FRESH_SWEEPS: usize = 24;
/// A load that moved by this factor makes the values stale.
const STALE: f64 = 1.28;

/// What a choice is made for.
pub(super) struct Situation<'a> {
    pub(super) load: &'a Workload,
    pub(super) bounds: Bounds,
    pub(super) present: Setting,
    /// No more workers than this, whatever the bounds: more have been seen not to help.
    pub(super) most_workers: u32,
    pub(super) settings: &'a Settings,
    pub(super) batching: Batching,
    /// Size of the batches that carry most.
    pub(super) fullest: u32,
    pub(super) hazard: Option<Hazard>,
}

/// A setting and what is expected of it.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) setting: Setting,
    /// From now on, in worker-seconds, later ones counting less.
    pub(super) cost: f64,
    /// Workers, lateness and calls per second, in workers, if the load lasts.
    pub(super) cost_per_s: f64,
    /// The part of it that messages which wait now, or come until new workers are there, cause.
    pub(super) late: f64,
    /// Share of messages late once the backlog is gone; 1 where it grows.
    pub(super) late_share: f64,
    pub(super) standing: Standing,
}

/// The value function, and what it was made for.
#[derive(Clone, Debug, Default)]
pub(super) struct Foreseen {
    value: Value,
    /// The load it rests on: messages a second, and slots that they keep busy.
    made_for: (f64, f64),
}

/// All that roll-outs need.
pub(super) struct Outlook<'a> {
    pub(super) situation: &'a Situation<'a>,
    pub(super) stream: Stream,
    pools: Pools,
    standing: [f64; POOLS],
    rules: Rules,
    value: &'a Value,
}

impl Foreseen {
    /// Brings the value function up to date with `situation`.
    pub(super) fn outlook<'a>(&'a mut self, situation: &'a Situation<'a>) -> Outlook<'a> {
        let (load, settings) = (situation.load, situation.settings);
        let stream = Stream::new(load, f64::from(situation.batching.size), settings);
        // Whoever has a backlog may have fuller batches at once.
        let fuller = Stream::new(load, f64::from(situation.fullest), settings);
        let able = stream.with_capacity_of(&fuller);
        let pools = situation.pools();
        let error = settings.rate_errors * load.relative_error();
        let (low, high) = (
            load.scaled((1.0 - error).max(0.0)),
            load.scaled(1.0 + error),
        );
        let below = situation.standing(&low, &pools);
        let mut standing = situation.standing(&high, &pools);
        for (high, low) in standing.iter_mut().zip(below) {
            *high = settings.standing * f64::midpoint(*high, low);
        }
        let lead_s = load.lead_s;
        let rules = Rules::new(
            lead_s,
            settings.horizon_s,
            settings.switch,
            settings.step_errors,
        );
        let jumped = situation.hazard.map(|hazard| {
            let rate = hazard.rate.max(1e-3);
            let standing = situation.standing(&load.scaled(rate / stream.rate), &pools);
            (hazard, able.at_rate(rate), standing)
        });
        let now = (stream.rate, stream.rate * stream.slot_s);
        let moved = |was: f64, is: f64| is > STALE * was || was > STALE * is;
        let is_stale = moved(self.made_for.0, now.0) || moved(self.made_for.1, now.1);
        if is_stale {
            self.made_for = now;
        }
        self.value.update(&Question {
            pools,
            stream: &able,
            standing,
            jump: jumped.as_ref().map(|(hazard, stream, standing)| Jump {
                stream,
                standing: *standing,
                per_s: hazard.per_s,
                ends_per_s: hazard.ends_per_s,
            }),
            rules,
            sweeps: if is_stale { FRESH_SWEEPS } else { SWEEPS },
        });
        Outlook {
            situation,
            stream,
            pools,
            standing,
            rules,
            value: &self.value,
        }
    }
}

impl Situation<'_> {
    /// Most workers that may be asked for.
    pub(super) fn most(&self) -> u32 {
        let Bounds {
            min_workers,
            max_workers,
            ..
        } = self.bounds;
        self.most_workers.clamp(min_workers, max_workers)
    }

    /// Worker counts worth a look: all if they are few, else those around the present, around
    /// what the load needs at least, ever coarser ones above, and where calls begin to take longer.
    fn pools(&self) -> Pools {
        let (least, most) = (self.bounds.min_workers, self.most());
        let mut counts = Vec::with_capacity(2 * POOLS);
        if ((most - least) as usize) < POOLS {
            counts.extend(least..=most);
        } else {
            let batch = f64::from(self.batching.size);
            let needed = self.load.least_slots(batch) / self.load.parallelism;
            counts.extend([least, most, self.present.workers]);
            // The casts saturate.
            counts.extend(MULTIPLES.map(|multiple| (needed * multiple).ceil() as u32));
            if let Some(slots) = self.load.uncrowded_slots(batch) {
                let knee = (slots / self.load.parallelism).ceil() as u32;
                counts.extend([knee, knee.midpoint(self.present.workers)]);
            }
            counts
                .iter_mut()
                .for_each(|it| *it = (*it).clamp(least, most));
            counts.sort_unstable();
            counts.dedup();
        }
        let mut workers = [f64::from(most); POOLS];
        for (to, from) in workers.iter_mut().zip(&counts) {
            *to = f64::from(*from);
        }
        Pools {
            workers,
            count: counts.len().min(POOLS),
        }
    }

    /// What standing lateness and calls cost with each number of workers, if `load` lasts: until
    /// there are more, and no less than with all there are.
    fn standing(&self, load: &Workload, pools: &Pools) -> [f64; POOLS] {
        let all = self.stand(load, f64::from(self.most()));
        let least = all.cost(load, f64::INFINITY);
        let mut costs = [0.0; POOLS];
        for (cost, workers) in costs.iter_mut().zip(&pools.workers[..pools.count]) {
            let until_more = self.stand(load, *workers).cost(load, load.reaction_s);
            *cost = until_more.max(least);
        }
        costs
    }

    fn stand(&self, load: &Workload, workers: f64) -> Standing {
        let slots = workers.max(1.0) * load.parallelism;
        let batch = f64::from(self.batching.size);
        let timeout_s = self.batching.timeout.as_secs_f64();
        let crowded = load.crowded(slots, batch);
        let load = crowded.as_ref().unwrap_or(load);
        Standing::of(load, slots, batch, timeout_s, self.settings.relaxation_s)
    }
}

impl Outlook<'_> {
    /// The worker counts that can be weighed, rising.
    pub(super) fn counts(&self) -> impl Iterator<Item = u32> {
        // Whole and small enough by construction.
        let counts = self.pools.workers[..self.pools.count].iter();
        counts.map(|&workers| workers as u32)
    }

    /// How far growth is looked ahead: until what is ordered now can work.
    pub(super) fn growing_s(&self) -> f64 {
        self.situation.load.lead_s.max(self.rules.step_s)
    }

    /// How far keeping and shrinking are looked ahead: until they can be thought over.
    pub(super) fn keeping_s(&self) -> f64 {
        self.rules.step_s
    }

    /// What `workers` cost if `start` is rolled on for `length_s`, through another stream if the
    /// batches are to be others until then.
    pub(super) fn weigh(
        &self,
        start: &Start,
        workers: u32,
        length_s: f64,
        batching: Option<(&Stream, Batching)>,
    ) -> Candidate {
        let (stream, batching) = batching.unwrap_or((&self.stream, self.situation.batching));
        let rolled = start.roll(stream, workers, length_s);
        let deviation = stream.variance(length_s, self.rules.errors).sqrt();
        let serving = start.able(workers, length_s / 2.0);
        let jumps_per_s = self.situation.hazard.map_or(0.0, |hazard| hazard.per_s);
        let jumped = value::chance(jumps_per_s, length_s);
        let value = (self.value).of(self.index_of(workers), rolled.backlog, deviation, jumped);
        let standing = self.standing[self.index_of(serving)];
        let switch = if workers == start.wanted {
            0.0
        } else {
            self.situation.settings.switch
        };
        let cost = (f64::from(workers) + standing) * length_s
            + rolled.late
            + switch
            + self.rules.discount_over(length_s) * value;
        let lasting = self
            .situation
            .stand(self.situation.load, f64::from(workers));
        let objective = &self.situation.load.objective;
        let late_share = if lasting.is_stable() {
            lasting
                .beyond(objective.measure, objective.limit.as_secs_f64())
                .0
        } else {
            1.0
        };
        Candidate {
            setting: Setting {
                workers,
                batch_size: batching.size,
                batch_timeout: batching.timeout,
            },
            cost: if cost.is_finite() { cost } else { f64::MAX },
            cost_per_s: f64::from(workers) + self.standing[self.index_of(workers)],
            late: rolled.late,
            late_share,
            standing: lasting,
        }
    }

    /// The column of the nearest count that is not fewer.
    fn index_of(&self, workers: u32) -> usize {
        let known = &self.pools.workers[..self.pools.count];
        let at = known.partition_point(|&it| it < f64::from(workers));
        at.min(self.pools.count.saturating_sub(1))
    }
}
