//! What befalls the observations of a policy, on a timetable: they are incomplete, late, noisy or
//! absurd for a while, as those of a real broker's metrics may be.
//!
//! Apart from the faults of agents, since the broker itself goes on undisturbed: only what the
//! policy sees is wrong. Never wrong are the bounds, the setting in force and the order of time,
//! which a policy may rely on. Deliberately absent: wrong figures in results, which come from
//! core's events.

mod figures;

use std::borrow::Cow;
use std::collections::VecDeque;

use ebbtide_policies::decision::{Decision, Reason};
use ebbtide_policies::observation::Observation;
use ebbtide_policies::policy::Policy;
use ebbtide_policies::units::Time;
use serde::{Deserialize, Serialize};

use crate::numbers;
use crate::streams::{KeyedRng, Stream, Streams};

/// A figure is absurd with this chance, under [`Distortion::Absurd`].
const ABSURD_SHARE: f64 = 0.25;

/// Something that befalls what the policy sees for a while.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObservationFault {
    /// From when.
    pub from: Time,
    /// Until when, this instant excluded.
    pub until: Time,
    /// What.
    pub effect: Distortion,
}

/// What befalls an observation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Distortion {
    /// Every second observation is lost, and the others lack whatever may be missing: histograms,
    /// samples, the oldest wait.
    Missing,
    /// The policy sees what was true so many ticks ago, 1 to 1000.
    Late(u32),
    /// Each count and each time is too large or too small by up to this share, 0 to 1, each by a
    /// draw of its own.
    Noisy(#[serde(deserialize_with = "numbers::share")] f64),
    /// One figure in four is nonsense: nothing, one, as large as it can be, or anything. The
    /// interval too may be of no length, or for ever.
    Absurd,
}

/// What a policy was shown in place of the true observation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// Nothing: it was lost, or was late and nothing newer than before had come.
    Nothing,
    /// Another one.
    Observation(Box<Observation>),
}

/// Is told right before each decision that something else than the truth led to.
pub type ViewSink = Box<dyn FnMut(View) + Send>;

/// A policy that sees through the faults of a timetable.
pub(crate) struct Distorted {
    policy: Box<dyn Policy>,
    faults: Vec<ObservationFault>,
    luck: Stream,
    tick: u64,
    /// The last observations, the newest at the back, as many as the latest fault is late.
    past: VecDeque<Observation>,
    most_late: usize,
    /// When the observation was made that was shown last.
    shown: Option<Time>,
    sink: Option<ViewSink>,
}

impl Distorted {
    pub(crate) fn new(
        policy: Box<dyn Policy>,
        faults: &[ObservationFault],
        streams: Streams,
    ) -> Self {
        let late = faults.iter().filter_map(|fault| match fault.effect {
            Distortion::Late(ticks) => Some(ticks as usize),
            _ => None,
        });
        Self {
            policy,
            most_late: late.max().unwrap_or(0),
            faults: faults.to_vec(),
            luck: streams.stream("observation faults", 0),
            tick: 0,
            past: VecDeque::new(),
            shown: None,
            sink: None,
        }
    }

    /// Tells `sink` what it shows.
    pub(crate) fn with_sink(self, sink: Option<ViewSink>) -> Self {
        Self { sink, ..self }
    }

    fn tell(&mut self, view: Option<&Observation>, truth: &Observation) {
        let Some(sink) = &mut self.sink else { return };
        match view {
            None => sink(View::Nothing),
            Some(view) if view != truth => sink(View::Observation(Box::new(view.clone()))),
            Some(_) => {}
        }
    }

    /// What the policy is shown at this tick; `None`: nothing.
    fn view(&self, seen: &Observation) -> Option<Observation> {
        let in_force = |fault: &&ObservationFault| (fault.from..fault.until).contains(&seen.at);
        let mut view = Cow::Borrowed(seen);
        let mut rng = self.luck.draw(self.tick, 0);
        for fault in self.faults.iter().filter(in_force) {
            match fault.effect {
                Distortion::Missing if self.tick.is_multiple_of(2) => return None,
                Distortion::Missing => figures::strip(view.to_mut()),
                Distortion::Late(ticks) => {
                    let newest = self.past.len() - 1;
                    view = Cow::Borrowed(&self.past[newest.checked_sub(ticks as usize)?]);
                }
                Distortion::Noisy(share) => {
                    figures::change(view.to_mut(), |figure| noisy(figure, share, &mut rng));
                }
                Distortion::Absurd => {
                    figures::change(view.to_mut(), |figure| absurd(figure, &mut rng));
                    figures::change_interval(view.to_mut(), |figure| absurd(figure, &mut rng));
                }
            }
        }
        let is_news = self.shown.is_none_or(|shown| view.at > shown);
        is_news.then(|| view.into_owned())
    }
}

impl Policy for Distorted {
    fn name(&self) -> &str {
        self.policy.name()
    }

    fn start_workers(&self) -> Option<u32> {
        self.policy.start_workers()
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        self.tick += 1;
        self.past.push_back(observation.clone());
        if self.past.len() > self.most_late + 1 {
            self.past.pop_front();
        }
        let view = self.view(observation);
        self.tell(view.as_ref(), observation);
        let Some(view) = view else {
            let reason = Reason::new(
                "unseen",
                "the observation was lost or late, the setting stays",
            );
            let present = f64::from(observation.setting.workers);
            return Decision::of_workers(present, observation, reason);
        };
        self.shown = Some(view.at);
        self.policy.decide(&view)
    }
}

fn noisy(figure: u64, share: f64, rng: &mut KeyedRng) -> u64 {
    let factor = 1.0 + share * (2.0 * rng.unit() - 1.0);
    (figure as f64 * factor).round() as u64
}

fn absurd(figure: u64, rng: &mut KeyedRng) -> u64 {
    if !rng.happens(ABSURD_SHARE) {
        return figure;
    }
    let word = rng.word();
    match word % 4 {
        0 => 0,
        1 => 1,
        2 => u64::MAX,
        _ => word,
    }
}

#[cfg(test)]
mod tests;
