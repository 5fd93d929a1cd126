//! The reference: the broker as semantics has it, with no thought of speed. Everything that
//! ever was stays in a `Vec`, and every question is answered by looking at all of it.
//!
//! What is here are the things and the simple facts about them; who may be called and what
//! goes first is in `choice.rs`, how things end in `ending.rs` and `breaker.rs`, how time passes in `clock.rs`.
//! Deliberately absent: queue warnings and what observations hold (`tests/rules` has them), but for
//! what they say of ordering keys.

use ebbtide_core::{AgentConfig, Outcome, Submission};

use super::setup::Setup;
use super::step::Step;

/// Nanoseconds.
pub(crate) type At = u64;
/// A millisecond.
pub(crate) const MS: u64 = 1_000_000;
/// Never.
pub(crate) const NEVER: At = u64::MAX;

/// The reference broker.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    pub(crate) setup: Setup,
    pub(crate) now: At,
    /// Counts whatever must be told apart by order.
    pub(crate) turn: u64,
    /// Submissions so far: the name of the next.
    pub(crate) letters: u32,
    pub(crate) messages: Vec<Message>,
    pub(crate) calls: Vec<Call>,
    pub(crate) agents: Vec<Agent>,
    pub(crate) workers: Vec<Worker>,
    /// By lane, in steps of 1/`PASS_UNIT`.
    pub(crate) passes: [u64; 5],
    /// The pass of the lane whose turn came last.
    pub(crate) reached: u64,
    /// By lane; 0: not paused.
    pub(crate) lanes_paused_until: [At; 5],
    pub(crate) late: u64,
    pub(crate) refused: u64,
    /// Retries that the budget allows, in millionths.
    pub(crate) budget: Option<u64>,
    pub(crate) control: Control,
    pub(crate) shutdown: Shutdown,
    /// All steps so far.
    pub(crate) steps: Vec<Step>,
    /// Which call, message, worker or agent the present step was about.
    pub(crate) subject: Option<usize>,
    /// What happened in the present step, a line each.
    pub(crate) log: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) name: String,
    pub(crate) agent: usize,
    pub(crate) lane: usize,
    pub(crate) sent: At,
    pub(crate) accepted: At,
    /// Whether it ever went back from a call.
    pub(crate) came_back: bool,
    pub(crate) due: At,
    /// Its order among those due at one instant.
    pub(crate) turn: u64,
    /// When it first became due, and its order then; `None` before.
    pub(crate) first_due: Option<(At, u64)>,
    pub(crate) deadline: At,
    pub(crate) key: Option<u64>,
    pub(crate) size: u64,
    pub(crate) units: u64,
    pub(crate) attempts: u32,
    pub(crate) workers_lost: u32,
    pub(crate) place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Waiting,
    Delayed,
    /// In the call of that number.
    Leased(usize),
    Done(Outcome),
}

#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) agent: usize,
    pub(crate) worker: usize,
    pub(crate) replica: usize,
    pub(crate) members: Vec<usize>,
    pub(crate) probe: bool,
    pub(crate) started: At,
    /// Calls of its agent in flight then, itself included.
    pub(crate) in_flight: u64,
    pub(crate) expires: At,
    pub(crate) stage: Stage,
    /// A failure found it under way for a breaker's window: it may be a success no more.
    pub(crate) outwaited: bool,
}

/// How far a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It may settle.
    Open,
    /// It may not, and its handler may go on until then.
    Grace(At),
    /// Its slot is free.
    Gone,
}

#[derive(Clone, Debug)]
pub(crate) struct Agent {
    pub(crate) config: AgentConfig,
    pub(crate) removed: bool,
    /// 0: not paused.
    pub(crate) paused_until: At,
    pub(crate) breaker: Breaker,
    /// Calls that failed since the last success.
    pub(crate) failed: Vec<usize>,
    /// Successes, and the nanoseconds of 64, each counting for less the longer ago it was.
    pub(crate) successes: u64,
    pub(crate) times: u64,
    pub(crate) calls: Option<Bucket>,
    pub(crate) units: Option<Bucket>,
    /// Messages that came to stand behind another of their key, ever, and that ended there.
    pub(crate) came_behind: u64,
    pub(crate) ended_behind: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Breaker {
    pub(crate) phase: Phase,
    /// Late ends while it is closed or recovering, since the last good one, as far as they are counted, and
    /// when the last of those was.
    pub(crate) late: u32,
    pub(crate) unordered: At,
    /// Calls that counted since it was last closed: when, whether each failed, and how many
    /// were in flight when it started.
    pub(crate) seen: Vec<(At, bool, u64)>,
    /// Calls that started while it was closed or recovering, and those that ended then and said nothing: when, and 1 or -1.
    pub(crate) started: Vec<(At, i64)>,
    /// Calls in flight that the agent carried when it was last well.
    pub(crate) carried: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Closed,
    Open {
        until: At,
    },
    HalfOpen {
        successes: u32,
    },
    Recovering {
        limit: u64,
        successes: u64,
        since: At,
    },
}

/// A token bucket in billionths of a token.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    pub(crate) per_s: i128,
    pub(crate) burst: i128,
    pub(crate) level: i128,
    pub(crate) at: At,
}

/// A billionth is a token's share that a rate of 1/s brings in a nanosecond.
pub(crate) const TOKEN: i128 = 1_000_000_000;

#[derive(Clone, Debug)]
pub(crate) struct Worker {
    pub(crate) state: WorkerState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WorkerState {
    Starting,
    Ready,
    Draining,
    Gone,
}

#[derive(Clone, Debug)]
pub(crate) struct Control {
    pub(crate) workers: u32,
    pub(crate) pinned: Option<u32>,
    pub(crate) dry_run: bool,
    pub(crate) batch_size: u32,
    pub(crate) batch_timeout: At,
    pub(crate) next: At,
    pub(crate) next_early: At,
    pub(crate) early: Option<u64>,
    pub(crate) arrivals: u64,
    pub(crate) ticks: usize,
    pub(crate) wishes: Vec<(At, u32)>,
    pub(crate) last_change: Option<At>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shutdown {
    Off,
    On(At),
    Over,
}

impl Reference {
    pub(crate) fn new(setup: Setup) -> Self {
        let broker = &setup.broker;
        let control = Control {
            workers: broker.num_workers,
            pinned: None,
            dry_run: false,
            batch_size: broker.batch_size,
            batch_timeout: broker.batch_timeout_ms * MS,
            next: broker.control_interval_ms * MS,
            next_early: NEVER,
            early: None,
            arrivals: 0,
            ticks: 0,
            wishes: Vec::new(),
            last_change: None,
        };
        let budget = broker
            .retry_budget
            .map(|_| u64::from(broker.retry_budget_reserve) * 1_000_000);
        let mut new = Self {
            now: 0,
            turn: 0,
            letters: 0,
            messages: Vec::new(),
            calls: Vec::new(),
            agents: Vec::new(),
            workers: Vec::new(),
            passes: [0; 5],
            reached: 0,
            lanes_paused_until: [0; 5],
            late: 0,
            refused: 0,
            budget,
            control,
            shutdown: Shutdown::Off,
            steps: Vec::new(),
            subject: None,
            log: Vec::new(),
            setup,
        };
        for _ in 0..new.control.workers {
            let worker = new.order_worker();
            new.set_worker(worker, WorkerState::Ready);
        }
        for agent in new.setup.agents.clone() {
            new.add_agent(agent);
        }
        new
    }

    pub(crate) fn say(&mut self, what: impl AsRef<str>) {
        let at = self.now;
        self.log.push(format!("{at:>12} {}", what.as_ref()));
    }

    pub(crate) fn next_turn(&mut self) -> u64 {
        self.turn += 1;
        self.turn
    }

    pub(crate) fn add_agent(&mut self, config: AgentConfig) {
        let bucket = |limit: Option<ebbtide_core::RateLimit>| {
            limit.map(|limit| Bucket {
                per_s: limit.rate.as_per_second() as i128,
                burst: i128::from(limit.burst) * TOKEN,
                level: i128::from(limit.burst) * TOKEN,
                at: self.now,
            })
        };
        self.agents.push(Agent {
            removed: false,
            paused_until: 0,
            breaker: Breaker {
                phase: Phase::Closed,
                late: 0,
                unordered: 0,
                seen: Vec::new(),
                started: Vec::new(),
                carried: 1,
            },
            failed: Vec::new(),
            successes: 0,
            times: 0,
            calls: bucket(config.call_rate),
            units: bucket(config.unit_rate),
            came_behind: 0,
            ended_behind: 0,
            config,
        });
    }

    // What is where.

    pub(crate) fn count(&self, place: impl Fn(Place) -> bool) -> u64 {
        self.messages
            .iter()
            .filter(|message| place(message.place))
            .count() as u64
    }

    pub(crate) fn is_live(&self, message: usize) -> bool {
        !matches!(self.messages[message].place, Place::Done(_))
    }

    pub(crate) fn is_queued(place: Place) -> bool {
        matches!(place, Place::Waiting | Place::Delayed)
    }

    pub(crate) fn queued(&self) -> u64 {
        self.count(Self::is_queued)
    }

    pub(crate) fn queued_bytes(&self) -> u64 {
        let queued = self
            .messages
            .iter()
            .filter(|message| Self::is_queued(message.place));
        queued.map(|message| message.size).sum()
    }

    /// Members of a call without an outcome that are still in it.
    pub(crate) fn live_members(&self, call: usize) -> Vec<usize> {
        let members = self.calls[call].members.iter().copied();
        members
            .filter(|&member| self.messages[member].place == Place::Leased(call))
            .collect()
    }

    pub(crate) fn open_calls(&self) -> Vec<usize> {
        (0..self.calls.len())
            .filter(|&call| self.calls[call].stage == Stage::Open)
            .collect()
    }

    /// Calls whose slot and whose place at the agent are taken.
    fn taken(&self) -> impl Iterator<Item = &Call> {
        self.calls.iter().filter(|call| call.stage != Stage::Gone)
    }

    pub(crate) fn in_flight(&self, agent: usize) -> u64 {
        self.taken().filter(|call| call.agent == agent).count() as u64
    }

    pub(crate) fn in_flight_at(&self, agent: usize, replica: usize) -> usize {
        self.taken()
            .filter(|call| (call.agent, call.replica) == (agent, replica))
            .count()
    }

    pub(crate) fn calls_of(&self, worker: usize) -> u64 {
        self.taken().filter(|call| call.worker == worker).count() as u64
    }

    // Workers.

    pub(crate) fn in_state(&self, state: WorkerState) -> Vec<usize> {
        (0..self.workers.len())
            .filter(|&worker| self.workers[worker].state == state)
            .collect()
    }

    pub(crate) fn slots(&self) -> u64 {
        u64::from(self.setup.broker.delivery_parallelism)
    }

    pub(crate) fn ready_slots(&self) -> u64 {
        self.in_state(WorkerState::Ready).len() as u64 * self.slots()
    }

    pub(crate) fn free_slots(&self, worker: usize) -> u64 {
        if self
            .workers
            .get(worker)
            .is_none_or(|worker| worker.state != WorkerState::Ready)
        {
            return 0;
        }
        self.slots() - self.calls_of(worker)
    }

    pub(crate) fn least_busy(&self) -> Option<usize> {
        let ready = self.in_state(WorkerState::Ready).into_iter();
        ready
            .filter(|&worker| self.free_slots(worker) > 0)
            .min_by_key(|&worker| (self.calls_of(worker), worker))
    }

    pub(crate) fn order_worker(&mut self) -> usize {
        self.workers.push(Worker {
            state: WorkerState::Gone,
        });
        self.set_worker(self.workers.len() - 1, WorkerState::Starting);
        self.workers.len() - 1
    }

    pub(crate) fn set_worker(&mut self, worker: usize, state: WorkerState) {
        self.workers[worker].state = state;
        self.say(format!("worker {worker} {state:?}"));
    }
}

impl Bucket {
    fn level(&self, at: At) -> i128 {
        (self.level + self.per_s * i128::from(at - self.at)).min(self.burst)
    }

    fn needed(&self, tokens: u64) -> i128 {
        (i128::from(tokens) * TOKEN).min(self.burst)
    }

    pub(crate) fn has(&self, at: At, tokens: u64) -> bool {
        self.level(at) >= self.needed(tokens)
    }

    /// The first instant from `at` on at which it has them.
    pub(crate) fn when(&self, at: At, tokens: u64) -> At {
        let missing = (self.needed(tokens) - self.level(at)).max(0);
        at + u64::try_from((missing + self.per_s - 1) / self.per_s).expect("small rates")
    }

    pub(crate) fn whole(&self, at: At) -> u64 {
        u64::try_from(self.level(at) / TOKEN).unwrap_or(0)
    }

    pub(crate) fn take(&mut self, at: At, tokens: u64) {
        self.level = self.level(at) - i128::from(tokens) * TOKEN;
        self.at = at;
    }
}

/// What the broker gets for a letter.
pub(crate) fn submission(
    now: At,
    agent: u32,
    name: u32,
    letter: &super::step::Letter,
) -> Submission<u32> {
    use ebbtide_core::message::AgentId;
    use ebbtide_core::units::Time;
    let later = |ms: u64| Time::from_nanos(now + ms * MS);
    let sent = Time::from_nanos(now.saturating_sub(letter.sent_before * MS));
    Submission {
        lane: letter.lane,
        due: (letter.due_in > 0).then(|| later(letter.due_in)),
        deadline: letter.deadline_in.map(later),
        ordering_key: letter.key,
        size: letter.size,
        units: letter.units,
        nested: letter.nested,
        ..Submission::new(AgentId(agent), sent, name)
    }
}
