//! Trying out how many calls an agent can take at once, when messages are late and nothing else is left.
//!
//! That calls take longer the more of them are under way may be a coincidence: other messages, another hour. A belief
//! that keeps the pool small while messages are late is put to the test: some workers more for a while. If calls then take
//! no longer, the belief is gone by itself; if they do, the next trial is twice as far off. And where a pool falls ever
//! further behind, the agent may get less done with it than it would with fewer: beyond a cliff equally many calls are
//! under way all the time, and nothing that is seen tells why they are slow, or refused. Then fewer workers are tried, and
//! what counts is what gets done: if that is more, there will be no more workers until a trial of more gets more done.
//! A growth is such a trial too: if less gets done after it, it is back to the workers before (`growth`).
//! An agent that refuses calls is tried with a little more: whether it minds is seen in what it lets in (`refusals`).

mod done;
mod growth;
#[cfg(test)]
mod tests;

use crate::units::{Duration, Time};

use done::{Done, Mark, Rate};
use growth::Growth;

/// Messages must have been late for this long before a trial: a backlog that the pool can work off
/// is gone by then, or at least shrinks.
const LATE_FOR: Duration = Duration::from_secs(20);
/// The pool must have fallen behind for this long: what it lacks is lost for good.
const BEHIND_FOR: Duration = Duration::from_secs(8);
/// So long where calls are refused and the pool falls behind: what is tried is little, and may be all that lacks.
const REFUSED_FOR: Duration = Duration::from_secs(4);
/// A pool falls behind when the oldest message gets older by this much each second.
const BEHIND: f64 = 0.1;
/// A trial lasts this long once it shows, unless less gets done with it.
const LASTS: Duration = Duration::from_secs(10);
/// One that is not in force so long after it could be never will be: workers are pinned, or cannot start, or somebody has
/// more patience than that.
const NEVER: Duration = Duration::from_secs(60);
/// Workers that go finish what they hold, unless that takes longer than calls may by default and a governor's patience.
const DRAINED: Duration = Duration::from_secs(40);
/// Workers that are tried beyond the present ones while a belief keeps the pool small.
const MORE: u32 = 3;
/// Share of the workers that the first trial of fewer leaves, at most.
const FEWER: f64 = 0.7;
/// Where fewer got more done, trials go by this share of the workers, and by half of it after each that failed.
const STEP: f64 = 0.25;
/// More gets done if it is more by so many standard errors.
const BETTER_ERRORS: f64 = 2.0;
/// The next trial comes no sooner than this after one that failed, then twice as long …
const PAUSE: Duration = Duration::from_secs(60);
/// … up to eight times.
const MOST_DOUBLINGS: u32 = 3;

/// Trials so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Trials {
    late: Option<Late>,
    running: Option<Trial>,
    /// Of trials of more workers, of fewer, and of those before a growth: what one said is no reason to put off another.
    more: Pause,
    fewer: Pause,
    back: Pause,
    /// Most workers since fewer got more done.
    cliff: Option<u32>,
    /// The last growth, while it may turn out to get less done.
    growth: Growth,
    done: Done,
}

/// One that is under way.
#[derive(Clone, Copy, Debug)]
struct Trial {
    /// What was done before.
    before: Rate,
    since: Time,
    /// Workers before it.
    from: u32,
    /// Since when there are as many workers as are tried.
    in_force: Option<Time>,
    /// When it was first seen to show.
    shown: Option<Mark>,
    most_workers: u32,
    /// Whether it goes back to those before a growth that got less done.
    is_back: bool,
}

/// What a trial said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Better,
    /// Neither better nor worse.
    NoBetter,
    Worse,
    /// Nothing: what it puts to the test is gone, or an agent fails.
    Moot,
}

/// When the next trial may come.
#[derive(Clone, Copy, Debug, Default)]
struct Pause {
    not_before: Time,
    doublings: u32,
}

/// Messages are late.
#[derive(Clone, Copy, Debug)]
struct Late {
    since: Time,
    /// How long the oldest message had waited then.
    oldest: Duration,
}

/// What trials go by.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    pub(super) now: Time,
    /// Whether some agent is believed to be crowded.
    pub(super) is_crowded: bool,
    /// Whether some agent is believed to limit its rate, as it refuses calls.
    pub(super) is_throttled: bool,
    /// Fewer workers that may get more done, if there is a sign of it.
    pub(super) fewer: Option<u32>,
    /// Whether some agent fails: that is then why messages are late, and how much gets done.
    pub(super) is_failing: bool,
    /// Whether some is not called for that.
    pub(super) is_out: bool,
    /// Whether messages are refused for want of room, or expire.
    pub(super) overflows: bool,
    /// How long the oldest message has waited, if it is late.
    pub(super) late: Option<Duration>,
    /// Messages delivered since the last.
    pub(super) delivered: f64,
    /// Workers that are wanted, and how few and how many may be.
    pub(super) workers: u32,
    pub(super) min_workers: u32,
    pub(super) max_workers: u32,
    /// Workers that can take, and those that finish what they hold.
    pub(super) ready: u32,
    pub(super) draining: u32,
    /// How long a worker takes to start.
    pub(super) starts_in: Duration,
    /// How long it takes until workers that are there show: the calls under way end.
    pub(super) shows_in: Duration,
    /// Whether slots had calls all the time.
    pub(super) is_saturated: bool,
    /// Squared coefficient of variation of what calls take.
    pub(super) cv2: f64,
    /// Messages that come back together.
    pub(super) batch: f64,
}

/// What trials allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allowed {
    /// What a trial must have, where no cost speaks for it; otherwise none.
    pub(super) least_workers: u32,
    pub(super) most_workers: u32,
    /// Whether that is a trial, in which no agent is taken to be crowded.
    pub(super) is_trial: bool,
}

impl Trials {
    /// Most workers since fewer got more done.
    pub(super) fn cliff(&self) -> Option<u32> {
        self.cliff
    }

    /// How many workers there may be.
    pub(super) fn allow(&mut self, state: &State) -> Allowed {
        let before = self.done.capacity();
        self.done.count(state);
        self.growth.watch(state, before, &self.done);
        self.running = match self.running.take() {
            None => self.begin(state),
            Some(trial) => self.go_on(trial, state),
        };
        match self.running {
            Some(trial) => Allowed {
                least_workers: if trial.is_of_more() && state.is_throttled {
                    trial.most_workers
                } else {
                    0
                },
                most_workers: trial.most_workers,
                is_trial: true,
            },
            None => {
                let cliff = self.cliff.unwrap_or(u32::MAX);
                Allowed {
                    least_workers: 0,
                    most_workers: cliff.min(self.growth.most_workers(state, &self.done)),
                    is_trial: false,
                }
            }
        }
    }

    fn go_on(&mut self, mut trial: Trial, state: &State) -> Option<Trial> {
        if state.is_failing && !state.is_out && !trial.is_of_more() {
            // Calls that were made among too many may be what fails.
            trial.shown = None;
            return Some(trial);
        }
        if let Some(verdict) = self.verdict(trial, state) {
            self.end(trial, verdict, state.now);
            return None;
        }
        if trial.in_force.is_none() && trial.is_in_force(state) {
            trial.in_force = Some(state.now);
        }
        if trial.shown.is_none() && trial.in_force.is_some_and(|it| state.shows_since(it)) {
            trial.shown = self.done.mark();
        }
        Some(trial)
    }

    fn verdict(&self, trial: Trial, state: &State) -> Option<Verdict> {
        let now = state.now;
        let is_gone = trial.is_of_more() && !self.is_in_doubt(state);
        if is_gone || state.is_failing {
            return Some(Verdict::Moot);
        }
        let Some(shown) = trial.shown else {
            let never = if trial.is_back {
                DRAINED
            } else {
                state.shows_in + NEVER
            };
            let longest = state.starts_in + never;
            let is_hopeless = trial.in_force.is_none() && now.since(trial.since) >= longest;
            return is_hopeless.then_some(Verdict::NoBetter);
        };
        let after = self.done.since(shown);
        if state.shows_since(shown.at) && trial.before.is_better_than(after, BETTER_ERRORS) {
            return Some(Verdict::Worse);
        }
        (now.since(shown.at) >= LASTS).then(|| {
            if after.is_better_than(trial.before, BETTER_ERRORS) {
                Verdict::Better
            } else if trial.before.per_s() > after.per_s() && self.growth.got_more_done_than(after)
            {
                // The workers of then do not do what they did then: it was not for the growth.
                Verdict::Worse
            } else {
                Verdict::NoBetter
            }
        })
    }

    fn begin(&mut self, state: &State) -> Option<Trial> {
        let now = state.now;
        let Some(oldest) = state.late.filter(|_| !state.is_failing) else {
            self.late = None;
            return None;
        };
        let fresh = Late { since: now, oldest };
        let late = *self.late.get_or_insert(fresh);
        if let Some(back) = self.back(state) {
            return Some(back);
        }
        let long = now.since(late.since);
        let fewer = self
            .fewer_workers(state)
            .filter(|_| self.fewer.is_over(now));
        let grows_s = oldest.as_secs_f64() - late.oldest.as_secs_f64();
        let falls_behind = state.overflows || grows_s > BEHIND * long.as_secs_f64();
        let fewer = fewer.filter(|_| falls_behind);
        let late_for = if falls_behind && state.is_throttled {
            REFUSED_FOR
        } else {
            LATE_FOR
        };
        let most_workers = if let Some(fewer) = fewer.filter(|_| long >= BEHIND_FOR) {
            fewer
        } else if fewer.is_none()
            && long >= late_for
            && self.is_held_down(state)
            && self.more.is_over(now)
        {
            let most = self.growth.most_workers(state, &self.done);
            (state.workers.saturating_add(self.more_workers(state)))
                .min(most.min(state.max_workers))
        } else {
            return None;
        };
        let before = self.done.lately();
        (most_workers != state.workers).then(|| Trial::new(state, before, most_workers, false))
    }

    /// Back to the workers before the last growth, if it got less done.
    fn back(&mut self, state: &State) -> Option<Trial> {
        let (from, before) = self.growth.got_less_done(state, &self.done)?;
        let is_fewer = from < state.workers && self.back.is_over(state.now);
        is_fewer.then(|| Trial::new(state, before, from, true))
    }

    /// Whether there is a belief, or what trials said, that may keep the pool small.
    fn is_in_doubt(&self, state: &State) -> bool {
        state.is_crowded || state.is_throttled || self.cliff.is_some()
    }

    /// Whether that is what keeps the pool small.
    fn is_held_down(&self, state: &State) -> bool {
        let may_be_fewer = self.fewer.is_over(state.now) && self.fewer_workers(state).is_some();
        let is_throttled = state.is_throttled && !may_be_fewer;
        state.is_crowded || is_throttled || self.cliff.is_some_and(|most| state.workers >= most)
    }

    /// Workers of a trial of fewer, if there is something to try.
    fn fewer_workers(&self, state: &State) -> Option<u32> {
        let fewer = match self.cliff {
            Some(cliff) if state.workers >= cliff => {
                Some(state.workers.saturating_sub(self.fewer.step(state.workers)))
            }
            Some(_) => None,
            // Small enough for the cast.
            None => {
                (state.fewer).map(|it| it.min((f64::from(state.workers) * FEWER).floor() as u32))
            }
        };
        fewer
            .map(|it| it.max(state.min_workers))
            .filter(|it| *it < state.workers)
    }

    /// By how many a trial of more has more.
    fn more_workers(&self, state: &State) -> u32 {
        if self.cliff.is_some() || state.is_throttled {
            self.more.step(state.workers)
        } else {
            MORE
        }
    }

    fn end(&mut self, trial: Trial, verdict: Verdict, now: Time) {
        self.late = None;
        let pause = match (trial.is_of_more(), trial.is_back) {
            (true, _) => &mut self.more,
            (false, true) => &mut self.back,
            (false, false) => &mut self.fewer,
        };
        match verdict {
            Verdict::Worse if trial.is_back => self.growth.forget(),
            // Calls take so long by themselves that it never was in force.
            Verdict::NoBetter if trial.is_back && trial.in_force.is_none() => self.growth.forget(),
            Verdict::Better if trial.is_back => self.growth.bar(now),
            _ => {}
        }
        match verdict {
            Verdict::NoBetter | Verdict::Worse => pause.begin(now),
            Verdict::Moot if trial.is_back => {}
            Verdict::Moot => pause.not_before = now + PAUSE,
            Verdict::Better => {
                *pause = Pause::default();
                if !trial.is_back && (!trial.is_of_more() || self.cliff.is_some()) {
                    self.cliff = Some(trial.most_workers);
                }
            }
        }
    }
}

impl Trial {
    fn new(state: &State, before: Rate, most_workers: u32, is_back: bool) -> Self {
        Self {
            before,
            since: state.now,
            from: state.workers,
            in_force: None,
            shown: None,
            most_workers,
            is_back,
        }
    }

    fn is_of_more(&self) -> bool {
        self.most_workers > self.from
    }

    /// Whether there are as many workers as are wanted for it: a governor may have patience, and workers may be pinned.
    fn is_in_force(&self, state: &State) -> bool {
        if self.is_of_more() {
            state.ready > self.from && state.ready >= self.most_workers.min(state.workers)
        } else {
            state.ready.saturating_add(state.draining) <= self.most_workers
        }
    }
}

impl State {
    /// Whether what is since `then` shows by now.
    fn shows_since(&self, then: Time) -> bool {
        self.now.since(then) >= self.shows_in
    }
}

impl Pause {
    fn is_over(self, now: Time) -> bool {
        now >= self.not_before
    }

    /// Workers of a step near a cliff.
    fn step(self, workers: u32) -> u32 {
        ((f64::from(workers) * STEP) as u32 >> self.doublings).max(1)
    }

    /// After a trial that failed.
    fn begin(&mut self, now: Time) {
        self.not_before = now + PAUSE * (1 << self.doublings);
        self.doublings = (self.doublings + 1).min(MOST_DOUBLINGS);
    }
}
