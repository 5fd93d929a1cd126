//! Whether the last growth got less done.
//!
//! An agent that collapses when it is crowded gets less done with each worker more, while ever more messages wait: who
//! grows for these makes it worse. What calls take tells that late, as those that hinder each other end late. What gets
//! done tells it soon: with more workers that all have calls it is never less, not even while their first calls are
//! under way, unless the agent minds, or has become slow by itself just then. Once that was seen, and until more
//! workers got more done, the pool grows in steps that are judged one by one.

use crate::units::{Duration, Time};

use super::done::{Done, Mark, Rate};
use super::{BETTER_ERRORS, State};

/// Less gets done if it is less by so many standard errors: it is looked for again and again …
const WORSE_ERRORS: f64 = 3.0;
/// … and there is no more growth while it may be, at so many.
const DOUBT_ERRORS: f64 = 2.0;
/// Where calls scatter by more than this (a squared coefficient of variation), a few long ones are why less gets done.
const MOST_CV2: f64 = 2.0;
/// What could be done before is known once it was seen for one of so many parts of what calls take to show.
const CALLS_KNOWN: f64 = 3.0;
/// A growth is judged for so long once its first calls have ended.
const JUDGED_FOR: Duration = Duration::from_secs(10);
/// What got less done is remembered for so long …
const KNOWN_FOR: Duration = Duration::from_secs(600);
/// … and the pool grows to this multiple of itself in one step …
const STEP: f64 = 1.5;
/// … but not for so long after it got less done, twice as long each time …
const FIRST_BAR: Duration = Duration::from_secs(15);
/// … up to eight times.
const MOST_DOUBLINGS: u32 = 3;

/// The growth that is watched.
#[derive(Clone, Debug, Default)]
pub(super) struct Growth {
    /// Workers that were wanted last.
    workers: u32,
    watched: Option<Watched>,
    /// The last that got less done.
    known: Option<Known>,
}

/// A growth that got less done.
#[derive(Clone, Copy, Debug)]
struct Known {
    growth: Watched,
    /// Until when it is remembered.
    until: Time,
    /// There are no more workers than before it until then.
    barred_until: Time,
    doublings: u32,
    /// Whether going back got more done.
    is_confirmed: bool,
}

/// One, or several in a row.
#[derive(Clone, Copy, Debug)]
struct Watched {
    /// Workers before it, and what was done with them.
    from: u32,
    before: Rate,
    /// Since when more workers are there, and since when the last of them.
    since: Option<Mark>,
    all_since: Option<Mark>,
    /// What its first calls take.
    shows_in: Duration,
    /// How much more what gets done scattered before it than if messages came back one by one, by chance.
    scatter: f64,
    /// When it has been judged for long enough.
    until: Time,
}

impl Growth {
    /// Takes an interval; `before` is what could be done in those before it.
    pub(super) fn watch(&mut self, state: &State, before: Rate, done: &Done) {
        let from = std::mem::replace(&mut self.workers, state.workers);
        self.known = self.known.filter(|known| state.now < known.until);
        if from > 0 && state.workers > from {
            self.begin(from, before, state);
        }
        let is_known = self.known.is_some_and(|known| known.is_confirmed);
        let goes_on = |it: &Watched| state.workers > it.from && (is_known || state.now < it.until);
        self.watched = self.watched.filter(goes_on);
        if let Some(watched) = &mut self.watched {
            let since = |already: Option<Mark>, workers: u32| {
                already.or_else(|| done.mark().filter(|_| state.ready >= workers))
            };
            watched.since = since(watched.since, watched.from + 1);
            watched.all_since = since(watched.all_since, state.workers);
        }
        if let (Some(known), Some(watched)) = (&mut self.known, self.watched)
            && let Some(after) = watched.after(state, done)
            && after.is_better_than(known.growth.before, BETTER_ERRORS)
        {
            (known.growth.from, known.growth.before) = (state.workers, after);
            self.watched = None;
        }
    }

    fn begin(&mut self, from: u32, before: Rate, state: &State) {
        let until = |shows_in: Duration| state.now + state.starts_in + shows_in + JUDGED_FOR;
        if let Some(Known { growth, .. }) = &mut self.known {
            if before.per_s() > growth.before.per_s() {
                (growth.from, growth.before) = (from, before);
            }
            self.watched = (state.workers > growth.from).then_some(Watched {
                since: None,
                all_since: None,
                until: until(growth.shows_in),
                ..*growth
            });
            return;
        }
        let fresh = Watched {
            from,
            before,
            since: None,
            all_since: None,
            shows_in: state.shows_in,
            scatter: (state.cv2 * state.batch).max(1.0),
            until: state.now,
        };
        // Of several in a row it is the one before which most got done, of those that lasted.
        let shows_s = state.shows_in.as_secs_f64();
        let counts = match &self.watched {
            None => CALLS_KNOWN * before.length_s >= shows_s,
            Some(it) => before.length_s >= shows_s && before.per_s() > it.before.per_s(),
        };
        let fresh = Some(fresh).filter(|_| counts && state.cv2 < MOST_CV2);
        self.watched = fresh.or(self.watched).map(|it| Watched {
            all_since: None,
            until: until(it.shows_in),
            ..it
        });
    }

    /// The workers before, and what is done since, if less gets done although all have calls.
    pub(super) fn got_less_done(&mut self, state: &State, done: &Done) -> Option<(u32, Rate)> {
        let (growth, after) = self.got_less(WORSE_ERRORS, state, done)?;
        let known = self.known.unwrap_or(Known {
            growth,
            until: state.now,
            barred_until: state.now,
            doublings: 0,
            is_confirmed: false,
        });
        self.known = Some(Known {
            growth,
            until: state.now + KNOWN_FOR,
            ..known
        });
        let lately = growth.all_since.map(|it| done.since(it));
        let lately = lately.filter(|it| it.length_s > 0.0);
        Some((growth.from, lately.unwrap_or(after)))
    }

    /// Going back got more done: no more workers for a while.
    pub(super) fn bar(&mut self, now: Time) {
        if let Some(known) = &mut self.known {
            known.barred_until = now + FIRST_BAR * (1 << known.doublings);
            known.doublings = (known.doublings + 1).min(MOST_DOUBLINGS);
            known.is_confirmed = true;
        }
    }

    /// How many workers there may be.
    pub(super) fn most_workers(&self, state: &State, done: &Done) -> u32 {
        if self.got_less(DOUBT_ERRORS, state, done).is_some() {
            return state.workers;
        }
        match self.known {
            None => u32::MAX,
            Some(known) if state.workers < known.growth.from => known.growth.from,
            Some(known) if state.now < known.barred_until => state.workers,
            Some(known)
                if self
                    .watched
                    .is_some_and(|it| !it.is_enough(known, state, done)) =>
            {
                state.workers
            }
            // The cast saturates.
            Some(_) => (f64::from(state.workers) * STEP).ceil() as u32,
        }
    }

    /// Whether more got done before the one that is remembered.
    pub(super) fn got_more_done_than(&self, rate: Rate) -> bool {
        (self.known).is_some_and(|it| it.growth.before.is_better_than(rate, BETTER_ERRORS))
    }

    /// It was not for the growth that less got done.
    pub(super) fn forget(&mut self) {
        (self.watched, self.known) = (None, None);
    }

    fn got_less(&self, errors: f64, state: &State, done: &Done) -> Option<(Watched, Rate)> {
        let watched = self.watched?;
        let after = watched.after(state, done)?;
        let errors = errors * watched.scatter.sqrt();
        (watched.before.is_better_than(after, errors)).then_some((watched, after))
    }
}

impl Watched {
    /// What is done since, once it shows and while all slots have calls.
    fn after(&self, state: &State, done: &Done) -> Option<Rate> {
        let is_seen = state.is_saturated && self.shows(state.now);
        self.since.filter(|_| is_seen).map(|it| done.since(it))
    }

    /// Whether it got as much done as before, or that it got less at another time is not confirmed.
    fn is_enough(&self, known: Known, state: &State, done: &Done) -> bool {
        let got_as_much = |it: Rate| it.per_s() >= self.before.per_s();
        self.after(state, done).is_some_and(got_as_much)
            || !known.is_confirmed && self.shows(state.now)
    }

    fn shows(&self, now: Time) -> bool {
        (self.since).is_some_and(|it| now.since(it.at) >= self.shows_in)
    }
}
