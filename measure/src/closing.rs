//! The books of one run, made from what its recorder summed up.

use std::collections::BTreeMap;

use ebbtide_core::event::Account;
use ebbtide_core::message::Lane;
use ebbtide_core::units::{Duration, Time};

use crate::books::{Books, Group};
use crate::calls::Calls;
use crate::cost::Cost;
use crate::figures::{Figures, Sample, Times};
use crate::histogram::{OPEN_TOLERANCE, Ranked};
use crate::ledger::Cell;
use crate::level::Section;
use crate::record::{Recorder, WindowSums};
use crate::run::{Curves, Run, RunDetail};

/// A window below this has no rates: a trace of one instant is one.
const SHORTEST_SPAN: Duration = Duration::from_nanos(1_000);

impl Recorder {
    /// The run, once its window is closed and its unfinished messages are counted.
    pub(crate) fn into_run(mut self, end: Time, events_simulated: Option<u64>) -> Run {
        let total = self.ledger.merged(|_| true);
        let mut calls = Calls::default();
        for agent in &self.calls {
            calls.merge(agent);
        }
        let detail = self.timeline.take().map(|timeline| RunDetail {
            warm_up: self.plan.warm_up,
            length: self.plan.length,
            end,
            parallelism: self.plan.parallelism,
            objective: self.plan.objective,
            faults: self.plan.faults.clone(),
            series: timeline.series,
            sojourns: timeline.sojourns.finish(),
            pool: timeline.pool,
            decisions: timeline.decisions,
            curves: Curves {
                wait: total.wait.ranked().curve(),
                service: calls.length.ranked().curve(),
                sojourn: total.sojourn.ranked().curve(),
            },
        });
        let books = Books {
            total: self.whole(&total, &calls, events_simulated),
            by_agent: self.agents(),
            by_lane: self.lanes(),
            by_class: self.classes(),
        };
        Run {
            books,
            cost: self.cost(),
            late_messages: self.ledger.late_messages(),
            detail,
        }
    }

    fn cost(&self) -> Cost {
        let work = |account: &Account| self.plan.agents[account.agent.0 as usize].work_s;
        Cost {
            worker_seconds: self.sum(|sums| sums.pool.alive).seconds(),
            lateness_s: self.ledger.late(|_| 1.0) / 1e9,
            late_work: self.ledger.late(work) / 1e9,
            calls: self.calls_started as f64,
        }
    }

    fn whole(&self, cell: &Cell, calls: &Calls, events_simulated: Option<u64>) -> Group<Sample> {
        let mut group = self.group(cell, self.sum(|sums| sums.queue.waiting));
        let mut busy = Section::default();
        for agent in self.sections(|sums| &sums.pool.busy_by_agent) {
            busy.append(*agent);
        }
        self.add_calls(&mut group.figures, calls, busy);
        let figures = &mut group.figures;
        let pool = self.sum(|sums| sums.pool.alive);
        let alive = pool.seconds();
        figures.batch_mean = Some(share(calls.batched, calls.batches));
        figures.workers_mean = Some(self.per_second(alive));
        figures.workers_max = Some(Sample::exact(pool.peak as f64));
        figures.worker_seconds = Some(Sample::exact(alive));
        figures.scale_actions = Some(Sample::exact(self.scale_actions as f64));
        figures.events_simulated = events_simulated.map(|events| Sample::exact(events as f64));
        group
    }

    fn agents(&self) -> BTreeMap<String, Group<Sample>> {
        let waiting = self.sections(|sums| &sums.queue.by_agent);
        let busy = self.sections(|sums| &sums.pool.busy_by_agent);
        let agents = self.plan.agents.iter().zip(&self.calls).enumerate();
        agents
            .map(|(id, (agent, calls))| {
                let mut group = self.part(at(waiting, id), |a| a.agent.0 as usize == id);
                self.add_calls(&mut group.figures, calls, at(busy, id));
                if agent.batch {
                    group.figures.batch_mean = Some(share(calls.batched, calls.batches));
                }
                (agent.name.clone(), group)
            })
            .collect()
    }

    fn lanes(&self) -> BTreeMap<String, Group<Sample>> {
        let waiting = self.sections(|sums| &sums.queue.by_lane);
        let of = |lane: Lane| self.part(at(waiting, lane.index()), |a| a.lane == lane);
        let lanes = Lane::ALL.into_iter();
        lanes
            .map(|lane| (lane.name().to_owned(), of(lane)))
            .collect()
    }

    fn classes(&self) -> BTreeMap<String, Group<Sample>> {
        let waiting = self.sections(|sums| &sums.queue.by_class);
        let of = |id| self.part(at(waiting, id), |a| usize::from(a.class.0) == id);
        let classes = self.plan.classes.iter().enumerate();
        classes
            .map(|(id, class)| (class.name.clone(), of(id)))
            .collect()
    }

    fn part(&self, waiting: Section, belongs: impl Fn(&Account) -> bool) -> Group<Sample> {
        self.group(&self.ledger.merged(belongs), waiting)
    }

    /// What a level came to in the window; nothing if the run ended before it.
    fn sum(&self, of: impl Fn(&WindowSums) -> Section) -> Section {
        self.sums.as_ref().map(of).unwrap_or_default()
    }

    fn sections(&self, of: impl Fn(&WindowSums) -> &Vec<Section>) -> &[Section] {
        self.sums.as_ref().map_or(&[], |sums| of(sums))
    }

    /// What messages alone tell.
    fn group(&self, cell: &Cell, waiting: Section) -> Group<Sample> {
        let (wait, sojourn) = (cell.wait.ranked(), cell.sojourn.ranked());
        let figures = Figures {
            offered_per_s: self.per_second(cell.offered as f64),
            throughput_per_s: self.per_second(cell.delivered_in_window as f64),
            success_rate: share(cell.delivered, cell.offered),
            loss_share: share(cell.refused, cell.offered),
            dead_share: share(cell.dead, cell.ended),
            waiting_share: share(cell.waited, wait.count()),
            wait_s: times(&wait),
            sojourn_s: times(&sojourn),
            lateness_s: self.lateness(cell),
            queue_mean: self.per_second(waiting.seconds()),
            queue_max: Sample::exact(waiting.peak as f64),
            ..Figures::default()
        };
        Group {
            counts: cell.counts,
            figures,
        }
    }

    /// What calls tell besides.
    fn add_calls(&self, figures: &mut Figures<Sample>, calls: &Calls, busy: Section) {
        let open = self.sum(|sums| sums.pool.open).seconds();
        let slots = open * f64::from(self.plan.parallelism);
        figures.service_s = Some(times(&calls.length.ranked()));
        figures.calls = Some(Sample::exact(calls.started as f64));
        figures.utilisation = Some(ratio(busy.seconds(), slots));
    }

    /// Seconds beyond the objective; no value without one.
    fn lateness(&self, cell: &Cell) -> Sample {
        let seconds = cell.late as f64 / 1e9;
        Sample {
            value: self.plan.objective.map(|_| seconds),
            at_least: cell.late_open as f64 > OPEN_TOLERANCE * cell.late as f64,
        }
    }

    /// `amount` per second of the window; no value of one so short that nobody means it.
    fn per_second(&self, amount: f64) -> Sample {
        let span = self.window.to.since(self.window.from);
        if span < SHORTEST_SPAN {
            return Sample::default();
        }
        ratio(amount, span.as_secs_f64())
    }
}

fn times(ranked: &Ranked) -> Times<Sample> {
    Times::from_fn(|stat| ranked.stat(stat))
}

fn at(sections: &[Section], index: usize) -> Section {
    sections.get(index).copied().unwrap_or_default()
}

fn share(part: u64, whole: u64) -> Sample {
    ratio(part as f64, whole as f64)
}

/// No value where there is nothing to divide by.
fn ratio(part: f64, whole: f64) -> Sample {
    Sample {
        value: (whole > 0.0).then(|| part / whole),
        at_least: false,
    }
}
