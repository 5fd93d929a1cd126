//! What was seen of an agent's calls, by how many were under way when they began.

use super::fit::Point;

/// Numbers of calls under way up to this are told apart one by one, …
const SINGLE: u32 = 8;
/// … larger ones in classes that reach this much farther each, …
const WIDTH: f64 = 1.25;
/// … so many classes in all: up to a thousand calls.
pub(super) const CLASSES: usize = 30;
/// A class counts no more calls than this, so that it follows.
pub(super) const MOST_CALLS: f64 = 100.0;
/// Numbers of calls under way that so few calls began among are taken together: the first of many to end are the short
/// ones, and a single short call would outweigh all others.
const ENOUGH: f64 = 5.0;

/// What was seen, by the number of calls under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Classes(pub(super) [Class; CLASSES]);

/// Calls that began among about as many.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Class {
    pub(super) calls: f64,
    /// Sums over calls: calls under way, logarithms of times.
    pub(super) sum_n: f64,
    pub(super) sum_log: f64,
}

impl Class {
    pub(super) fn mean_log(&self) -> f64 {
        self.sum_log / self.calls
    }

    fn point(&self, variance: f64) -> Point {
        let time_s = self.mean_log().exp();
        Point {
            n: self.sum_n / self.calls,
            time_s,
            weight: self.calls.min(MOST_CALLS) / (variance * time_s * time_s),
        }
    }

    pub(super) fn add(&mut self, other: Self, times: f64) {
        self.calls += times * other.calls;
        self.sum_n += times * other.sum_n;
        self.sum_log += times * other.sum_log;
    }

    pub(super) fn scale(&mut self, keep: f64) {
        self.calls *= keep;
        self.sum_n *= keep;
        self.sum_log *= keep;
    }
}

impl Classes {
    pub(super) fn add(&mut self, other: &Self, times: f64) {
        for (class, other) in self.0.iter_mut().zip(&other.0) {
            class.add(*other, times);
        }
    }

    pub(super) fn scale(&mut self, keep: f64) {
        self.0.iter_mut().for_each(|class| class.scale(keep));
    }

    pub(super) fn forget_beyond(&mut self, most: f64) {
        for class in self.0.iter_mut().filter(|class| class.calls > most) {
            class.scale(most / class.calls);
        }
    }

    pub(super) fn calls(&self) -> f64 {
        self.0.iter().map(|class| class.calls).sum()
    }

    /// Calls that were under way when one began, on the mean.
    pub(super) fn mean_n(&self) -> f64 {
        let sum: f64 = self.0.iter().map(|class| class.sum_n).sum();
        sum / self.calls().max(f64::MIN_POSITIVE)
    }

    /// Calls that began among no more than about `n`.
    pub(super) fn calls_up_to(&self, n: f64) -> f64 {
        let classes = &self.0[..=class_of(n.ceil() as u32)];
        classes.iter().map(|class| class.calls).sum()
    }

    /// What a call took, by the logarithm, in seconds.
    pub(super) fn call_s(&self) -> f64 {
        let logs: f64 = self.0.iter().map(|class| class.sum_log).sum();
        (logs / self.calls()).exp()
    }

    pub(super) fn points(&self, variance: f64) -> Vec<Point> {
        let mut groups: Vec<Class> = Vec::new();
        let mut open = Class::default();
        for class in &self.0 {
            open.add(*class, 1.0);
            if open.calls >= ENOUGH {
                groups.push(std::mem::take(&mut open));
            }
        }
        match groups.last_mut() {
            Some(last) => last.add(open, 1.0),
            None if open.calls >= 1.0 => groups.push(open),
            None => {}
        }
        groups.iter().map(|group| group.point(variance)).collect()
    }
}

pub(super) fn class_of(calls: u32) -> usize {
    if calls <= SINGLE {
        return calls.saturating_sub(1) as usize;
    }
    let class = (f64::from(calls) / f64::from(SINGLE)).ln() / WIDTH.ln();
    (SINGLE as usize + class as usize).min(CLASSES - 1)
}
