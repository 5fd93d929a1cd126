//! A toy broker in virtual time: slots, FIFO by agent, batches, start-ups, ticks. It shows a
//! policy what core would, without leases, lanes, retries or limits. The simulator is the
//! real test; this one finds a broken policy without leaving the room.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use ebbtide_policies::decision::EarlyTick;
use ebbtide_policies::governor::{Governor, GovernorConfig};
use ebbtide_policies::latency::LatencyHistogram;
use ebbtide_policies::objective::Objective;
use ebbtide_policies::observation::{
    AgentObservation, Bounds, BreakerState, CallSample, CallStats, Flow, Observation, QueueState,
    Setting, SlotTime, WorkerCounts,
};
use ebbtide_policies::policy::Policy;
use ebbtide_policies::prices::Prices;
use ebbtide_policies::units::{Duration, Time};

const BULKHEAD: f64 = 0.9;
const GRID_S: f64 = 0.1;

/// An agent with log-normal calls.
#[derive(Clone, Debug)]
pub(crate) struct ToyAgent {
    pub(crate) is_batch: bool,
    /// Medians, in seconds.
    pub(crate) per_call_s: f64,
    pub(crate) per_message_s: f64,
    /// Deviation of the logarithm of a call's time.
    pub(crate) sigma: f64,
    /// Calls in flight from which the agent slows down in proportion, if it does.
    pub(crate) knee: Option<f64>,
}

/// What to run.
pub(crate) struct Toy {
    pub(crate) agents: Vec<ToyAgent>,
    /// Messages per second and for how many seconds; each goes to a random agent.
    pub(crate) phases: Vec<(f64, f64)>,
    pub(crate) objective: Option<Objective>,
    pub(crate) start_s: f64,
    pub(crate) workers: u32,
    pub(crate) seed: u64,
}

/// What came of it.
pub(crate) struct Outcome {
    pub(crate) sojourns: Vec<f64>,
    pub(crate) worker_seconds: f64,
    /// When the number of workers wanted changed, and to what.
    pub(crate) actions: Vec<(f64, u32)>,
    /// Reason codes in order, repeats left out.
    pub(crate) reasons: Vec<String>,
    pub(crate) last: Setting,
}

impl Outcome {
    pub(crate) fn quantile(&self, q: f64) -> f64 {
        let mut sorted = self.sojourns.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[((sorted.len() - 1) as f64 * q) as usize]
    }
}

/// A small generator (splitmix64), so that a run is its seed's alone.
struct Draws(u64);

impl Draws {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        median * (sigma * radius * (std::f64::consts::TAU * self.unit()).cos()).exp()
    }
}

struct Call {
    agent: usize,
    sent: Vec<f64>,
    length_s: f64,
    in_flight: u32,
}

/// The run in progress.
struct World<'a> {
    toy: &'a Toy,
    draws: Draws,
    now: f64,
    setting: Setting,
    ready: u32,
    starting: VecDeque<f64>,
    queues: Vec<VecDeque<f64>>,
    in_flight: Vec<u32>,
    calls: Vec<Option<Call>>,
    ends: BinaryHeap<Reverse<(u64, usize)>>,
    seen: Seen,
    outcome: Outcome,
}

/// Counters of the present interval.
struct Seen {
    since: f64,
    flow: Flow,
    wait: LatencyHistogram,
    sojourn: LatencyHistogram,
    agents: Vec<AgentObservation>,
    busy_s: f64,
    free_s: f64,
}

impl Seen {
    fn new(since: f64, agents: &[ToyAgent]) -> Self {
        let agent = |(index, agent): (usize, &ToyAgent)| AgentObservation {
            name: index.to_string(),
            is_batch: agent.is_batch,
            max_batch: None,
            limit: None,
            call_rate: None,
            unit_rate: None,
            breaker: BreakerState::Closed,
            paused: false,
            waiting: 0,
            behind: 0,
            contended_keys: 0,
            in_flight: 0,
            arrivals: 0,
            came_behind: 0,
            moved_up: 0,
            retries: 0,
            delivered: 0,
            units: 0,
            calls: CallStats::default(),
            samples: Vec::new(),
        };
        Self {
            since,
            flow: Flow::default(),
            wait: LatencyHistogram::default(),
            sojourn: LatencyHistogram::default(),
            agents: agents.iter().enumerate().map(agent).collect(),
            busy_s: 0.0,
            free_s: 0.0,
        }
    }
}

impl Toy {
    /// Runs `policy` over all phases.
    pub(crate) fn run(&self, policy: &mut dyn Policy) -> Outcome {
        let setting = Setting {
            workers: policy.start_workers().unwrap_or(self.workers),
            batch_size: 20,
            batch_timeout: Duration::from_millis(100),
        };
        let mut world = World {
            toy: self,
            draws: Draws(self.seed),
            now: 0.0,
            setting,
            ready: setting.workers,
            starting: VecDeque::new(),
            queues: vec![VecDeque::new(); self.agents.len()],
            in_flight: vec![0; self.agents.len()],
            calls: Vec::new(),
            ends: BinaryHeap::new(),
            seen: Seen::new(0.0, &self.agents),
            outcome: Outcome {
                sojourns: Vec::new(),
                worker_seconds: 0.0,
                actions: Vec::new(),
                reasons: Vec::new(),
                last: setting,
            },
        };
        world.run(policy);
        world.outcome.last = world.setting;
        world.outcome
    }
}

impl World<'_> {
    fn run(&mut self, policy: &mut dyn Policy) {
        let mut governor = Governor::new(GovernorConfig {
            shrink_window: Duration::from_secs(5),
            cool_down: Duration::ZERO,
        });
        let end: f64 = self.toy.phases.iter().map(|&(_, length_s)| length_s).sum();
        let mut arrival = self.next_arrival();
        let (mut tick, mut grid, mut early) = (1.0, f64::INFINITY, None);
        while self.now < end {
            let next = [
                arrival,
                tick,
                grid,
                self.next_end(),
                self.next_ready(),
                self.next_batch(),
            ];
            let next = next.into_iter().fold(end, f64::min);
            self.pass(next);
            self.settle();
            while self.starting.front().is_some_and(|&at| at <= self.now) {
                self.starting.pop_front();
                self.ready += 1;
            }
            if arrival <= self.now {
                let agent = (self.draws.unit() * self.queues.len() as f64) as usize;
                self.queues[agent].push_back(self.now);
                self.seen.agents[agent].arrivals += 1;
                self.seen.flow.arrivals += 1;
                arrival = self.next_arrival();
            }
            let is_regular = tick <= self.now;
            if is_regular || grid <= self.now && self.is_early(early) {
                early = self.tick(policy, &mut governor, !is_regular);
            }
            if is_regular {
                tick += 1.0;
            }
            grid = match early {
                Some(_) => ((self.now + 1e-6) / GRID_S).floor().mul_add(GRID_S, GRID_S),
                None => f64::INFINITY,
            };
            self.take();
        }
    }

    /// By thinning: no phase is faster than the fastest.
    fn next_arrival(&mut self) -> f64 {
        let fastest = self
            .toy
            .phases
            .iter()
            .fold(0.0, |most: f64, phase| most.max(phase.0));
        let mut at = self.now;
        loop {
            at += self.draws.exponential(1.0 / fastest);
            let mut start = 0.0;
            let phase = self.toy.phases.iter().find(|&&(_, length_s)| {
                start += length_s;
                at < start
            });
            match phase {
                Some(&(rate, _)) if self.draws.unit() * fastest > rate => {}
                _ => return at,
            }
        }
    }

    fn next_end(&self) -> f64 {
        self.ends
            .peek()
            .map_or(f64::INFINITY, |Reverse((nanos, _))| *nanos as f64 / 1e9)
    }

    fn next_ready(&self) -> f64 {
        self.starting.front().copied().unwrap_or(f64::INFINITY)
    }

    /// When an open batch closes by its timeout.
    fn next_batch(&self) -> f64 {
        let batches = self.queues.iter().zip(&self.toy.agents);
        let closing = batches
            .filter(|(_, agent)| agent.is_batch)
            .filter_map(|(queue, _)| {
                let at = queue.front()? + self.setting.batch_timeout.as_secs_f64();
                (at > self.now).then_some(at)
            });
        closing.fold(f64::INFINITY, f64::min)
    }

    fn slots(&self) -> u32 {
        self.ready * 10
    }

    fn busy(&self) -> u32 {
        self.in_flight.iter().sum()
    }

    fn pass(&mut self, next: f64) {
        let passed = next - self.now;
        let workers = f64::from(self.ready) + self.starting.len() as f64;
        self.outcome.worker_seconds += workers * passed;
        self.seen.busy_s += f64::from(self.busy()) * passed;
        self.seen.free_s += f64::from(self.slots().saturating_sub(self.busy())) * passed;
        self.now = next;
    }

    fn settle(&mut self) {
        while self.next_end() <= self.now {
            let Some(Reverse((_, index))) = self.ends.pop() else {
                return;
            };
            let Some(call) = self.calls[index].take() else {
                continue;
            };
            self.in_flight[call.agent] -= 1;
            let agent = &mut self.seen.agents[call.agent];
            let carried = call.sent.len() as u64;
            agent.delivered += carried;
            agent.calls.succeeded += 1;
            agent.calls.messages += carried;
            let time = Duration::from_secs_f64(call.length_s);
            agent.calls.time += time;
            agent.samples.push(CallSample {
                batch: call.sent.len() as u32,
                in_flight: call.in_flight,
                time,
            });
            self.seen.flow.completed += carried;
            self.seen.flow.delivered += carried;
            for sent in call.sent {
                let sojourn = self.now - sent;
                self.seen.sojourn.record(Duration::from_secs_f64(sojourn));
                self.outcome.sojourns.push(sojourn);
            }
        }
    }

    /// Starts what can start, the oldest first.
    fn take(&mut self) {
        let several = self.queues.len() > 1;
        let share = (f64::from(self.slots()) * if several { BULKHEAD } else { 1.0 }) as u32;
        while self.busy() < self.slots() {
            let agents = 0..self.queues.len();
            let able = agents.filter(|&a| self.in_flight[a] < share.max(1) && self.is_closed(a));
            let oldest = able.min_by(|&a, &b| self.queues[a][0].total_cmp(&self.queues[b][0]));
            let Some(agent) = oldest else { return };
            self.start(agent);
        }
    }

    fn is_closed(&self, agent: usize) -> bool {
        let queue = &self.queues[agent];
        let Some(first) = queue.front() else {
            return false;
        };
        let timeout_s = self.setting.batch_timeout.as_secs_f64();
        !self.toy.agents[agent].is_batch
            || queue.len() >= self.setting.batch_size as usize
            || self.now >= first + timeout_s
    }

    fn start(&mut self, index: usize) {
        let agent = &self.toy.agents[index];
        let queue = &mut self.queues[index];
        let most = if agent.is_batch {
            self.setting.batch_size as usize
        } else {
            1
        };
        let sent: Vec<f64> = queue.drain(..queue.len().min(most)).collect();
        for at in &sent {
            self.seen
                .wait
                .record(Duration::from_secs_f64(self.now - at));
        }
        self.in_flight[index] += 1;
        let in_flight = self.in_flight[index];
        let median = agent.per_call_s + agent.per_message_s * sent.len() as f64;
        let crowding = agent
            .knee
            .map_or(1.0, |knee| (f64::from(in_flight) / knee).max(1.0));
        let length_s = self.draws.log_normal(median, agent.sigma) * crowding;
        self.seen.flow.started += sent.len() as u64;
        let end = ((self.now + length_s) * 1e9) as u64;
        self.ends.push(Reverse((end, self.calls.len())));
        self.calls.push(Some(Call {
            agent: index,
            sent,
            length_s,
            in_flight,
        }));
    }

    fn waiting(&self) -> u64 {
        self.queues.iter().map(|queue| queue.len() as u64).sum()
    }

    fn oldest_wait(&self) -> Option<Duration> {
        let fronts = self.queues.iter().filter_map(|queue| queue.front());
        let oldest = fronts.copied().fold(f64::INFINITY, f64::min);
        oldest
            .is_finite()
            .then(|| Duration::from_secs_f64(self.now - oldest))
    }

    fn is_early(&self, early: Option<EarlyTick>) -> bool {
        early.is_some_and(|early| {
            let older = |limit| self.oldest_wait().is_some_and(|oldest| oldest > limit);
            let more = |limit| self.seen.flow.arrivals > limit;
            early.oldest_wait.is_some_and(older) || early.arrivals.is_some_and(more)
        })
    }

    fn tick(
        &mut self,
        policy: &mut dyn Policy,
        governor: &mut Governor,
        early: bool,
    ) -> Option<EarlyTick> {
        let seen = self.observe(early);
        let decision = policy.decide(&seen);
        let applied = governor
            .apply(seen.at, self.setting, &seen.bounds, &decision)
            .setting;
        if applied.workers != self.setting.workers {
            self.outcome.actions.push((self.now, applied.workers));
        }
        if self
            .outcome
            .reasons
            .last()
            .is_none_or(|last| *last != decision.reason.code)
        {
            self.outcome
                .reasons
                .push(decision.reason.code.clone().into_owned());
        }
        self.setting = applied;
        while self.ready + (self.starting.len() as u32) < applied.workers {
            self.starting.push_back(self.now + self.toy.start_s);
        }
        while self.ready + self.starting.len() as u32 > applied.workers {
            // Drained slots finish their calls; the toy counts them as gone at once.
            if self.starting.pop_back().is_none() {
                self.ready -= 1;
            }
        }
        decision.early_tick
    }

    fn observe(&mut self, early: bool) -> Observation {
        let fresh = Seen::new(self.now, &self.toy.agents);
        let mut seen = std::mem::replace(&mut self.seen, fresh);
        for (index, agent) in seen.agents.iter_mut().enumerate() {
            agent.waiting = self.queues[index].len() as u64;
            agent.in_flight = self.in_flight[index];
        }
        Observation {
            at: Time::ZERO + Duration::from_secs_f64(self.now),
            interval: Duration::from_secs_f64(self.now - seen.since),
            early,
            setting: self.setting,
            bounds: Bounds {
                min_workers: 1,
                max_workers: 10,
                min_batch_size: 1,
                max_batch_size: 50,
                max_batch_timeout: Duration::from_secs(1),
            },
            objective: self.toy.objective,
            prices: Prices::default(),
            parallelism: 10,
            worker_start: Duration::from_secs_f64(self.toy.start_s),
            workers: WorkerCounts {
                wanted: self.setting.workers,
                starting: self.starting.len() as u32,
                ready: self.ready,
                draining: 0,
                busy: self.ready,
            },
            slots: SlotTime {
                with_call: Duration::from_secs_f64(seen.busy_s),
                idle: Duration::from_secs_f64(seen.free_s),
                ..SlotTime::default()
            },
            queue: QueueState {
                waiting: self.waiting(),
                oldest_wait: self.oldest_wait(),
                max_size: 10_000,
                ..QueueState::default()
            },
            flow: seen.flow,
            wait: seen.wait,
            sojourn: seen.sojourn,
            agents: seen.agents,
        }
    }
}
