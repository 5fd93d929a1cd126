//! A real broker under a rough load, recorded, and counted again the slow way: every event is
//! kept, times are sorted, levels are added up change by change.

use std::collections::BinaryHeap;

use ebbtide_core::event::{Account, Event, What, Whereabouts, WorkerChange};
use ebbtide_core::message::{AgentId, ClassId, Lane, LeaseId, Outcome};
use ebbtide_core::units::{Duration, Time};
use ebbtide_core::{AgentConfig, BrokerConfig, BrokerState, Checked};
use ebbtide_core::{Settlement, Submission, Verdict};
use ebbtide_measure::{
    Detail, Metric, PlanAgent, PlanClass, RecordPlan, Recorder, Run, RunEnd, Scope,
};
use ebbtide_measure::{Stat, Unfinished, histogram};
use ebbtide_policies::registry;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const FROM: Time = Time::from_nanos(5_000_000_000);
const TO: Time = Time::from_nanos(60_000_000_000);
const LANES: [Lane; 3] = [Lane::High, Lane::Normal, Lane::Bulk];

/// A plain generator (Marsaglia's xorshift64): the load only has to be rough.
struct Rough(u64);

impl Rough {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

fn broker() -> BrokerState<()> {
    let config = BrokerConfig {
        num_workers: 2,
        max_workers: 4,
        delivery_parallelism: 2,
        max_queue_size: 30,
        reserve: 0,
        batch_timeout_ms: 40,
        worker_start_ms: 500,
        ..BrokerConfig::default()
    };
    let policy = registry::build("threshold(10)").expect("the registry has it");
    let mut broker = BrokerState::new(Checked::new(config).expect("sound"), policy);
    let (plain, mut batch) = (AgentConfig::new("plain"), AgentConfig::new("batch"));
    batch.batch = true;
    for agent in [plain, batch] {
        broker.add_agent(Time::ZERO, agent).expect("a new name");
    }
    broker
}

/// Submits, takes, settles (a tenth of the calls fail) until arrivals end and ten seconds more.
fn drive(seed: u64, mut listen: impl FnMut(&Event<()>)) -> (Vec<Unfinished>, Time) {
    let mut luck = Rough(seed);
    let mut broker = broker();
    let mut calls_due: BinaryHeap<std::cmp::Reverse<(Time, LeaseId, bool)>> = BinaryHeap::new();
    let mut starts: Vec<(Time, ebbtide_core::message::WorkerId)> = Vec::new();
    let mut calls = Vec::new();
    let mut next_arrival = Time::ZERO;
    let end = TO + Duration::from_secs(10);
    loop {
        let wake = broker.next_wake().map_or(Time::MAX, |(at, _)| at);
        let settle = calls_due.peek().map_or(Time::MAX, |next| next.0.0);
        let ready = starts.iter().map(|(at, _)| *at).min().unwrap_or(Time::MAX);
        let now = next_arrival.min(settle).min(wake).min(ready);
        if now > end {
            break;
        }
        while calls_due.peek().is_some_and(|next| next.0.0 == now) {
            let std::cmp::Reverse((_, lease, fails)) = calls_due.pop().expect("peeked");
            let verdict = if fails {
                Verdict::Failed
            } else {
                Verdict::Delivered
            };
            // Late settles are part of the load: deadlines pass during calls.
            let _ = broker.settle(now, lease, Settlement::All(verdict));
        }
        starts.retain(|(at, worker)| {
            let is_ready = *at == now;
            if is_ready {
                broker.worker_ready(now, *worker);
            }
            !is_ready
        });
        if next_arrival == now {
            let _ = broker.submit(now, submission(now, &mut luck));
            let gap = Duration::from_nanos(luck.below(60_000_000));
            next_arrival = if now + gap > TO { Time::MAX } else { now + gap };
        }
        broker.advance(now);
        for worker in broker.ready_workers().collect::<Vec<_>>() {
            broker.take(now, worker, 2, &mut calls);
        }
        for call in calls.drain(..) {
            let length = Duration::from_nanos(1 + luck.below(250_000_000));
            let fails = luck.below(10) == 0;
            calls_due.push(std::cmp::Reverse((now + length, call.lease, fails)));
        }
        while let Some(event) = broker.poll_event() {
            if let What::Worker { worker, state } = &event.what
                && *state == WorkerChange::Starting
                && event.at > Time::ZERO
            {
                starts.push((event.at + Duration::from_millis(500), *worker));
            }
            listen(&event);
        }
    }
    let unfinished = broker.unfinished().map(|message| Unfinished {
        account: message.account,
        sent: message.sent,
        started: message.started,
    });
    (unfinished.collect(), end)
}

fn submission(now: Time, luck: &mut Rough) -> Submission<()> {
    let agent = AgentId(luck.below(2) as u32);
    let mut submission = Submission::new(agent, now, ());
    submission.lane = LANES[luck.below(3) as usize];
    submission.class = ClassId(luck.below(2) as u16);
    if luck.below(4) == 0 {
        submission.deadline = Some(now + Duration::from_millis(300));
    }
    if luck.below(8) == 0 {
        submission.due = Some(now + Duration::from_millis(200));
    }
    submission
}

fn plan(detail: Detail) -> RecordPlan {
    let broker = broker();
    let agent = |name: &str, batch| PlanAgent {
        name: name.to_owned(),
        batch,
        work_s: 1.0,
    };
    let class = |name: &str| PlanClass {
        name: name.to_owned(),
        deadline: None,
    };
    RecordPlan {
        warm_up: FROM,
        length: TO,
        objective: Some("p95(sojourn) < 200ms".parse().expect("an objective")),
        agents: vec![agent("plain", false), agent("batch", true)],
        classes: vec![class("odd"), class("even")],
        parallelism: 2,
        setting: broker.setting(),
        detail,
        faults: Vec::new(),
    }
}

/// Everything that happened, and who was left.
struct Kept {
    events: Vec<Event<()>>,
    unfinished: Vec<Unfinished>,
    end: Time,
}

fn kept_and_recorded(seed: u64, detail: Detail) -> (Kept, Run) {
    let mut recorder = Recorder::new(plan(detail));
    let mut events = Vec::new();
    let (unfinished, end) = drive(seed, |event| {
        recorder.record(event);
        events.push(event.clone());
    });
    let run = recorder.finish(RunEnd {
        at: end,
        events_simulated: None,
        unfinished: unfinished.clone(),
    });
    let kept = Kept {
        events,
        unfinished,
        end,
    };
    (kept, run)
}

fn in_window(at: Time) -> bool {
    (FROM..=TO).contains(&at)
}

impl Kept {
    /// Sojourns in seconds, shortest first, of the messages sent in the window.
    fn sojourns(&self, belongs: impl Fn(&Account) -> bool) -> Vec<f64> {
        let ended = self.events.iter().filter_map(|event| match &event.what {
            What::Finished { account, sent, .. } => Some((*account, *sent, event.at)),
            _ => None,
        });
        let open = self.unfinished.iter();
        let open = open.map(|message| (message.account, message.sent, self.end));
        let counted = ended
            .chain(open)
            .filter(|(a, sent, _)| belongs(a) && in_window(*sent));
        sorted(counted.map(|(_, sent, at)| at.since(sent).as_secs_f64()))
    }

    /// Seconds beyond the objective, of which the lost have 60 s or more.
    fn late(&self, belongs: impl Fn(&Account) -> bool) -> f64 {
        let ended = self.events.iter().filter_map(|event| match &event.what {
            What::Finished {
                account,
                sent,
                outcome,
                ..
            } => {
                let handled = [Outcome::Delivered, Outcome::Rejected, Outcome::Discarded];
                let least = if handled.contains(outcome) { 0.0 } else { 60.0 };
                Some((*account, *sent, event.at, least))
            }
            What::Refused { account, sent } => Some((*account, *sent, *sent, 60.0)),
            _ => None,
        });
        let open = self.unfinished.iter();
        let open = open.map(|message| (message.account, message.sent, self.end, 0.0));
        let counted = ended
            .chain(open)
            .filter(|(a, sent, ..)| belongs(a) && in_window(*sent));
        let late = |(_, sent, at, least): (_, Time, Time, f64)| {
            (at.since(sent).as_secs_f64() - 0.2).max(least)
        };
        counted.map(late).sum()
    }

    /// Waits in seconds, shortest first, of the messages sent in the window.
    fn waits(&self, belongs: impl Fn(&Account) -> bool) -> Vec<f64> {
        let ended = self.events.iter().filter_map(|event| match &event.what {
            What::Taken {
                account,
                sent,
                first: true,
                ..
            } => Some((*account, *sent, event.at)),
            _ => None,
        });
        let open = self
            .unfinished
            .iter()
            .filter(|message| message.started.is_none());
        let open = open.map(|message| (message.account, message.sent, self.end));
        let counted = ended
            .chain(open)
            .filter(|(a, sent, _)| belongs(a) && in_window(*sent));
        sorted(counted.map(|(_, sent, at)| at.since(sent).as_secs_f64()))
    }

    /// Mean and highest number of waiting messages over the window.
    fn queue(&self, belongs: impl Fn(&Account) -> bool) -> (f64, f64) {
        let change = |event: &Event<()>| match &event.what {
            What::Accepted { account, due, .. } | What::Requeued { account, due, .. }
                if *due <= event.at =>
            {
                Some((*account, 1))
            }
            What::Due { account, .. } => Some((*account, 1)),
            What::Taken { account, .. } => Some((*account, -1)),
            What::Finished {
                account,
                was: Whereabouts::Waiting,
                ..
            } => Some((*account, -1)),
            _ => None,
        };
        let changes = self.events.iter().filter_map(|event| {
            let (account, by) = change(event)?;
            belongs(&account).then_some((event.at, by))
        });
        level(changes)
    }

    /// Mean number of slots with a call of the agent over the window.
    fn busy(&self, agent: Option<u32>) -> f64 {
        let is = |id: &AgentId| agent.is_none_or(|agent| agent == id.0);
        let changes = self.events.iter().filter_map(|event| match &event.what {
            What::Started { agent, .. } if is(agent) => Some((event.at, 1)),
            What::SlotFreed { agent, .. } if is(agent) => Some((event.at, -1)),
            _ => None,
        });
        level(changes).0
    }

    fn delivered_in_window(&self) -> usize {
        let delivered = |event: &&Event<()>| {
            matches!(
                &event.what,
                What::Finished {
                    outcome: Outcome::Delivered,
                    ..
                }
            )
        };
        let events = self.events.iter().filter(|event| in_window(event.at));
        events.filter(delivered).count()
    }
}

fn sorted(times: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut times: Vec<f64> = times.collect();
    times.sort_by(f64::total_cmp);
    times
}

/// Mean over the window of a level that changes so, and the highest of the run that lasted.
fn level(changes: impl Iterator<Item = (Time, i64)>) -> (f64, f64) {
    let (mut now, mut since, mut area, mut peak) = (0_i64, Time::ZERO, 0.0, 0_i64);
    for (at, by) in changes.chain([(Time::MAX, 0)]) {
        if at > since {
            let [from, to] = [since, at].map(|time| time.clamp(FROM, TO));
            area += now as f64 * to.since(from).as_secs_f64();
            peak = peak.max(now);
            since = at;
        }
        now += by;
    }
    (area / TO.since(FROM).as_secs_f64(), peak as f64)
}

#[track_caller]
fn check(run: &Run, scope: &Scope, metric: Metric, expected: f64, tolerance: f64) {
    let sample = run.books.figure(scope, metric).expect("it applies");
    let value = sample.value.expect("enough was counted");
    let error = (value - expected).abs();
    let close = error <= tolerance * expected.abs() + 1e-9;
    assert!(
        close,
        "{metric} of {scope:?} is {value}, recounted {expected}"
    );
}

#[track_caller]
fn check_times(run: &Run, scope: &Scope, of: fn(Stat) -> Metric, times: &[f64]) {
    let mean = times.iter().sum::<f64>() / times.len() as f64;
    check(run, scope, of(Stat::Mean), mean, 1e-9);
    check(run, scope, of(Stat::Max), times[times.len() - 1], 1e-9);
    for stat in [Stat::P50, Stat::P90, Stat::P95] {
        let q = stat.quantile().expect("a quantile");
        if times.len() as f64 * (1.0 - q) >= 100.0 {
            let rank = (q * times.len() as f64).ceil() as usize;
            check(
                run,
                scope,
                of(stat),
                times[rank - 1],
                histogram::RELATIVE_ERROR,
            );
        }
    }
}

#[track_caller]
fn check_part(kept: &Kept, run: &Run, scope: &Scope, belongs: impl Fn(&Account) -> bool + Copy) {
    check_times(run, scope, Metric::Sojourn, &kept.sojourns(belongs));
    check_times(run, scope, Metric::Wait, &kept.waits(belongs));
    let (mean, max) = kept.queue(belongs);
    check(run, scope, Metric::QueueMean, mean, 1e-9);
    check(run, scope, Metric::QueueMax, max, 0.0);
    let late = kept.late(belongs);
    check(run, scope, Metric::LatenessS, late, 1e-9);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 12,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_recorders_figures_equal_a_slow_recount(seed in 1..u64::MAX) {
        let (kept, run) = kept_and_recorded(seed, Detail::Full);
        check_part(&kept, &run, &Scope::Total, |_| true);
        for (id, name) in ["plain", "batch"].into_iter().enumerate() {
            let scope = Scope::Agent(name.to_owned());
            check_part(&kept, &run, &scope, |account| account.agent.0 as usize == id);
        }
        for lane in LANES {
            let scope = Scope::Lane(lane.name().to_owned());
            check_part(&kept, &run, &scope, |account| account.lane == lane);
        }
        for (id, name) in ["odd", "even"].into_iter().enumerate() {
            let scope = Scope::Class(name.to_owned());
            check_part(&kept, &run, &scope, |account| usize::from(account.class.0) == id);
        }
        let span = TO.since(FROM).as_secs_f64();
        let throughput = kept.delivered_in_window() as f64 / span;
        check(&run, &Scope::Total, Metric::ThroughputPerS, throughput, 1e-9);
        let busy = kept.busy(None);
        let figure = |scope: &Scope| {
            let sample = run.books.figure(scope, Metric::Utilisation);
            sample.and_then(|sample| sample.value).expect("there were slots")
        };
        let slots = busy / figure(&Scope::Total);
        prop_assert!((2.0..=8.0 + 1e-9).contains(&slots), "{slots} slots of 1 to 4 workers");
        for (id, name) in ["plain", "batch"].into_iter().enumerate() {
            let share = kept.busy(Some(id as u32)) / slots;
            prop_assert!((figure(&Scope::Agent(name.to_owned())) - share).abs() < 1e-9);
        }
        let counts = run.books.total.counts;
        prop_assert_eq!(counts.accepted, counts.outcomes.total());
        prop_assert!(counts.refused > 0 || counts.outcomes.expired > 0, "the load is rough");
    }

    #[test]
    fn keeping_the_course_of_time_changes_no_figure(seed in 1..u64::MAX) {
        let (_, full) = kept_and_recorded(seed, Detail::Full);
        let (_, summary) = kept_and_recorded(seed, Detail::Summary);
        prop_assert_eq!(full.books, summary.books);
    }
}
