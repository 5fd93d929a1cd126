//! Axes: where a value lies between the ends, and which ticks say so.
//!
//! Four scales: linear, logarithmic, the tail scale of latency by percentile (1/(1−q),
//! logarithmic), and a signed one for differences. plotters has the first two; its ticks for
//! time (steps of 50 s) and its lack of the others are why they are here.

use crate::format::{percent, quantity, seconds, three};

/// One axis: its title with unit, its range and its ticks.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    pub(crate) title: String,
    scale: Scale,
    from: f64,
    to: f64,
    pub(crate) ticks: Vec<Tick>,
}

/// A labelled place on an axis.
#[derive(Clone, Debug)]
pub(crate) struct Tick {
    pub(crate) at: f64,
    pub(crate) label: String,
}

/// How values are spread.
#[derive(Clone, Copy, Debug)]
enum Scale {
    Linear,
    Log,
    /// Linear up to about this size, logarithmic beyond, on both sides of zero.
    Signed(f64),
}

impl Scale {
    fn place(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Log => value.max(f64::MIN_POSITIVE).log10(),
            Self::Signed(knee) => (value / knee).asinh(),
        }
    }
}

impl Axis {
    /// Where `value` lies: 0 at the start, 1 at the end; what lies outside is put on the rim.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let [low, high, value] = [self.from, self.to, value].map(|v| self.scale.place(v));
        ((value - low) / (high - low)).clamp(0.0, 1.0)
    }

    /// Time since the start of the run, from 0 to `to_s` seconds.
    pub(crate) fn time(to_s: f64) -> Self {
        let to_s = if to_s > 0.0 { to_s } else { 1.0 };
        let (unit_s, unit) = match to_s {
            s if s <= 2.0 => (1e-3, "ms"),
            s if s <= 300.0 => (1.0, "s"),
            s if s <= 3.0 * 3600.0 => (60.0, "min"),
            s if s <= 96.0 * 3600.0 => (3600.0, "h"),
            _ => (86400.0, "d"),
        };
        let step = match unit {
            "s" | "min" => sexagesimal_step(to_s / unit_s / 10.0),
            "h" => first_above(&[0.5, 1.0, 2.0, 3.0, 6.0, 12.0, 24.0], to_s / unit_s / 10.0),
            _ => decimal_step(to_s / unit_s / 10.0),
        };
        Self {
            title: format!("time since the start, {unit}"),
            scale: Scale::Linear,
            from: 0.0,
            to: to_s,
            ticks: ticks(0.0, to_s, step * unit_s, |at| three(at / unit_s)),
        }
    }

    /// From zero to a little more than `max`, for quantities and rates.
    pub(crate) fn from_zero(title: &str, max: f64) -> Self {
        let max = if max > 0.0 { max * 1.05 } else { 1.05 };
        Self::linear(title, max, decimal_step(max / 6.0))
    }

    /// From zero to a little more than `max`, in whole steps.
    pub(crate) fn whole(title: &str, max: f64) -> Self {
        let max = (max * 1.1).max(1.2);
        Self::linear(title, max, decimal_step(max / 8.0).max(1.0).round())
    }

    /// Lengths of time from zero to a little more than `max_s` seconds.
    pub(crate) fn age(title: &str, max_s: f64) -> Self {
        let max_s = if max_s > 0.0 { max_s * 1.05 } else { 1.05 };
        let step = if max_s > 120.0 {
            60.0 * sexagesimal_step(max_s / 240.0)
        } else {
            decimal_step(max_s / 5.0)
        };
        let mut axis = Self::linear(title, max_s, step);
        for tick in &mut axis.ticks {
            tick.label = seconds(tick.at);
        }
        axis
    }

    fn linear(title: &str, to: f64, step: f64) -> Self {
        Self {
            title: title.to_owned(),
            scale: Scale::Linear,
            from: 0.0,
            to,
            ticks: ticks(0.0, to, step, quantity),
        }
    }

    /// Shares of all from 0 to a little more than `max`.
    pub(crate) fn share(title: &str, max: f64) -> Self {
        let to = if max > 0.0 { max.min(1.0) } else { 1.0 };
        Self {
            title: title.to_owned(),
            scale: Scale::Linear,
            from: 0.0,
            to,
            ticks: ticks(0.0, to, decimal_step(to / 5.0), percent),
        }
    }

    /// Latencies between `low_s` and `high_s` seconds, logarithmic.
    pub(crate) fn latency(title: &str, low_s: f64, high_s: f64) -> Self {
        let high_s = if high_s > 0.0 { high_s } else { 1.0 };
        let low_s = if low_s > 0.0 && low_s <= high_s {
            low_s
        } else {
            high_s / 10.0
        };
        let (mut from, mut to) = (low_s / 1.15, high_s * 1.15);
        if to / from < 4.0 {
            (from, to) = (from / 2.0, to * 2.0);
        }
        Self {
            title: title.to_owned(),
            scale: Scale::Log,
            from,
            to,
            ticks: log_ticks(from, to),
        }
    }

    /// The tail scale: `1/(1−q)`, logarithmic, up to the quantile `max_q`. Values on it are
    /// given as `1/(1−q)`.
    pub(crate) fn tail(title: &str, max_q: f64) -> Self {
        const MARKS: [(f64, &str); 9] = [
            (1.0, "0 %"),
            (2.0, "50 %"),
            (4.0, "75 %"),
            (10.0, "90 %"),
            (100.0, "99 %"),
            (1e3, "99.9 %"),
            (1e4, "99.99 %"),
            (1e5, "99.999 %"),
            (1e6, "99.9999 %"),
        ];
        let to = (1.0 / (1.0 - max_q.clamp(0.0, 0.999_999))).max(10.0) * 1.05;
        let label = |&(at, label): &(f64, &str)| Tick {
            at,
            label: label.to_owned(),
        };
        let shown = MARKS.iter().filter(|(at, _)| *at <= to);
        Self {
            title: title.to_owned(),
            scale: Scale::Log,
            from: 1.0,
            to,
            ticks: shown.map(label).collect(),
        }
    }

    /// Relative differences between `low` and `high`, linear within ± `knee`, logarithmic
    /// beyond: a tie of 1 % and a factor of 20 fit on one axis.
    pub(crate) fn difference(title: &str, low: f64, high: f64, knee: f64) -> Self {
        const MARKS: [f64; 7] = [0.02, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0];
        let (from, to) = (low.min(-2.0 * knee) * 1.1, high.max(2.0 * knee) * 1.1);
        let sides = MARKS.iter().flat_map(|mark| [-mark, *mark]);
        let mut at: Vec<f64> = sides
            .chain([0.0])
            .filter(|at| (from..=to).contains(at))
            .collect();
        at.sort_by(f64::total_cmp);
        let label = |at: f64| Tick {
            at,
            label: crate::format::change(at),
        };
        Self {
            title: title.to_owned(),
            scale: Scale::Signed(knee),
            from,
            to,
            ticks: at.into_iter().map(label).collect(),
        }
    }
}

/// Multiples of `step` within the ends.
fn ticks(from: f64, to: f64, step: f64, label: impl Fn(f64) -> String) -> Vec<Tick> {
    let first = (from / step).ceil() as i64;
    let last = (to / step * (1.0 + 1e-9)).floor() as i64;
    let tick = |i: i64| {
        let at = i as f64 * step;
        Tick {
            at,
            label: label(at),
        }
    };
    (first..=last).map(tick).collect()
}

/// Powers of ten; between them 2 and 5, or 3, or nothing, as there is room.
fn log_ticks(from: f64, to: f64) -> Vec<Tick> {
    let decades = (to / from).log10();
    let digits: &[f64] = if decades <= 2.5 {
        &[1.0, 2.0, 5.0]
    } else if decades <= 4.0 {
        &[1.0, 3.0]
    } else {
        &[1.0]
    };
    let exponents = from.log10().floor() as i32..=to.log10().ceil() as i32;
    let places = exponents.flat_map(|e| digits.iter().map(move |d| d * 10f64.powi(e)));
    let inside = places.filter(|at| (from..=to).contains(at));
    inside
        .map(|at| Tick {
            at,
            label: seconds(at),
        })
        .collect()
}

/// The smallest of 1, 2 and 5 times a power of ten that is not below `least`.
fn decimal_step(least: f64) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    power * first_above(&[1.0, 2.0, 5.0, 10.0], least / power)
}

/// A step for minutes or seconds: 1, 2, 5, 10, 15, 30, 60 or a decimal one beyond or below.
fn sexagesimal_step(least: f64) -> f64 {
    if least < 1.0 {
        return decimal_step(least).max(0.1);
    }
    first_above(&[1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0], least)
}

/// The first of `steps` that is at least `least`; the last if none is.
fn first_above(steps: &[f64], least: f64) -> f64 {
    let enough = steps.iter().find(|step| **step >= least * (1.0 - 1e-9));
    *enough.unwrap_or(&steps[steps.len() - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(axis: &Axis, wanted: &[&str]) {
        let labels: Vec<_> = axis.ticks.iter().map(|tick| tick.label.as_str()).collect();
        assert_eq!(labels, wanted, "{}", axis.title);
    }

    #[test]
    fn eleven_minutes_are_marked_by_the_two_minutes() {
        check(&Axis::time(660.0), &["0", "2", "4", "6", "8", "10"]);
    }

    #[test]
    fn a_run_of_a_blink_is_marked_in_milliseconds() {
        let axis = Axis::time(0.05);
        check(
            &axis,
            &[
                "0", "5", "10", "15", "20", "25", "30", "35", "40", "45", "50",
            ],
        );
        assert!(axis.title.ends_with("ms"));
    }

    #[test]
    fn latency_ticks_carry_their_unit() {
        let axis = Axis::latency("sojourn", 0.02, 0.8);
        check(&axis, &["20 ms", "50 ms", "100 ms", "200 ms", "500 ms"]);
    }

    #[test]
    fn workers_are_marked_in_whole_numbers() {
        check(&Axis::whole("workers", 1.0), &["0", "1"]);
        check(&Axis::whole("workers", 4.0), &["0", "1", "2", "3", "4"]);
    }

    #[test]
    fn axes_of_nothing_are_axes_still() {
        for axis in [
            Axis::time(0.0),
            Axis::from_zero("rate", 0.0),
            Axis::age("age", 0.0),
            Axis::latency("sojourn", 0.0, 0.0),
            Axis::difference("difference", 0.0, 0.0, 0.02),
            Axis::tail("percentile", 0.0),
        ] {
            assert!(axis.ticks.len() >= 2, "{} has no ticks", axis.title);
            assert!(axis.place(0.0).is_finite(), "{} has no width", axis.title);
        }
    }

    #[test]
    fn places_run_from_zero_to_one_and_never_outside() {
        let axis = Axis::latency("sojourn", 0.01, 10.0);
        assert!(axis.place(0.0) <= 0.0);
        assert!(axis.place(1e9) >= 1.0);
        assert!(axis.place(0.1) < axis.place(1.0));
    }
}
