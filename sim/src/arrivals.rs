//! When messages are sent: the arrival processes that a scenario can name.
//!
//! To add one: a variant of [`Arrivals`] and the arm that the compiler then asks for in
//! `Arrivals::start` and [`Arrivals::load`]; the process itself is a `Generator` in a file
//! of its own below. What is sent (class, size, …) is `traffic.rs`'s business.

mod batches;
mod clients;
mod curve;
mod diurnal;
mod gaps;
mod poisson;
mod replay;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use ebbtide_policies::units::{Duration, Rate, Time};

use crate::distribution::{Distribution, Quantity};
use crate::files::Files;
use crate::numbers;
use crate::streams::Streams;
use crate::trace::{Row, Trace};

use batches::Batches;
use clients::Clients;
use curve::{Bursts, Markov, Ramp, Steps};
use diurnal::Diurnal;
use gaps::{Regular, Renewal};
use poisson::Poisson;
pub(crate) use replay::Replay;

/// Times in order, lazily, in constant memory.
pub(crate) trait Generator: Send + Sync {
    /// The next time at which a message is sent, not before the last one; `None`: never again.
    /// Times beyond the run's length may be given; nobody asks for what follows them.
    fn next(&mut self) -> Option<Time>;

    /// The next times before `end`, as many as there is room for; [`Time::MAX`] after the last.
    fn fill(&mut self, times: &mut [Time], end: Time) {
        let mut over = false;
        for time in times {
            let next = if over { None } else { self.next() };
            let next = next.filter(|at| *at < end);
            over = next.is_none();
            *time = next.unwrap_or(Time::MAX);
        }
    }

    /// What is known of the message last sent, beyond its time.
    fn row(&self) -> Option<&Row> {
        None
    }
}

/// An arrival process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub enum Arrivals {
    /// Evenly spaced, the first one gap after the start.
    Deterministic(ArrivalRate),
    /// Poisson of constant rate.
    Poisson(ArrivalRate),
    /// Independent gaps of this distribution.
    Renewal(Distribution),
    /// Batches arrive as a Poisson process; the messages of one arrive together.
    BatchPoisson {
        /// Batches a second.
        rate: ArrivalRate,
        /// Messages in a batch.
        size: BatchSize,
    },
    /// Markov-modulated Poisson, as `(rate, mean hold)`: each state holds for an exponential
    /// time, then the next in the list follows, after the last the first.
    Mmpp(Vec<(ArrivalRate, Duration)>),
    /// Poisson in steps, as `(rate, how long)`; silent after the last.
    Phases(Vec<(ArrivalRate, Duration)>),
    /// Poisson whose rate goes evenly from one value to another, and stays there.
    Ramp {
        /// Rate at the start.
        from: ArrivalRate,
        /// Rate at the end.
        to: ArrivalRate,
        /// How long it takes.
        over: Duration,
    },
    /// Poisson of rate `mean · (1 + amplitude · sin(2π · (t + phase) / period))`.
    Diurnal {
        /// Mean rate.
        mean: ArrivalRate,
        /// Relative height of the wave, 0 to 1.
        #[serde(deserialize_with = "numbers::share")]
        amplitude: f64,
        /// Length of a day.
        period: Duration,
        /// How far into its day the run starts.
        #[serde(default)]
        phase: Duration,
    },
    /// Poisson of a base rate with bursts at regular intervals, the first at the start of the
    /// second interval.
    Bursts {
        /// Rate outside bursts.
        base: ArrivalRate,
        /// Rate during a burst.
        burst: ArrivalRate,
        /// From the start of one burst to the next.
        every: Duration,
        /// How long a burst lasts; less than `every`.
        length: Duration,
    },
    /// Poisson whose rate follows a file of `t_s,rate_per_s`; or, if that has classes, one
    /// renewal process a class, by its `rate_per_s`, `cv` and `gaps` (gamma or weibull).
    Series {
        /// Where the file is.
        #[serde(deserialize_with = "file_name")]
        file: String,
        /// How many times as fast time passes in the file; rates stay as they are.
        #[serde(default = "one", deserialize_with = "numbers::positive")]
        speed: f64,
        /// Factor on the rates.
        #[serde(default = "one", deserialize_with = "numbers::load")]
        load: f64,
    },
    /// The messages of a file, at their times, `t_s,size,…`.
    Trace {
        /// Where the file is.
        #[serde(deserialize_with = "file_name")]
        file: String,
        /// How many times as fast time passes in the file, and so messages come.
        #[serde(default = "one", deserialize_with = "numbers::positive")]
        speed: f64,
        /// How many times each message is sent on average; below 1, some are left out.
        #[serde(default = "one", deserialize_with = "numbers::load")]
        load: f64,
    },
    /// Callers that each send a message, wait for its outcome, think, and send again. The
    /// first message comes after a first think time.
    Closed {
        /// How many callers.
        #[serde(deserialize_with = "numbers::count")]
        callers: u32,
        /// From an outcome until the next message.
        think: Distribution,
    },
}

/// Messages in a batch, at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum BatchSize {
    /// Always so many.
    Constant(#[serde(deserialize_with = "numbers::count")] u32),
    /// Geometric on 1, 2, … with this mean.
    Geometric(#[serde(deserialize_with = "geometric_mean")] f64),
}

impl BatchSize {
    fn mean(self) -> f64 {
        match self {
            Self::Constant(size) => f64::from(size),
            Self::Geometric(mean) => mean,
        }
    }
}

const fn one() -> f64 {
    1.0
}

fn geometric_mean<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    numbers::within(f64::deserialize(deserializer)?, 1.0..=1e6)
}

/// The highest rate of a source, per second. Times are whole nanoseconds: with gaps of less than
/// ten of them rounding would show in the figures (at 2 ns a gap in five becomes none).
pub const HIGHEST_RATE: f64 = 1e8;

/// A rate of a source, at most [`HIGHEST_RATE`].
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct ArrivalRate(pub Rate);

impl<'de> Deserialize<'de> for ArrivalRate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let rate = Rate::deserialize(deserializer)?;
        if rate.as_per_second() <= HIGHEST_RATE {
            return Ok(Self(rate));
        }
        Err(numbers::out_of_range(rate, "rates from 0/s to 1e8/s"))
    }
}

fn file_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    if name.is_empty() {
        return Err(numbers::out_of_range("\"\"", "names of files"));
    }
    Ok(name)
}

impl ArrivalRate {
    fn per_s(self) -> f64 {
        self.0.as_per_second()
    }
}

impl<'de> Deserialize<'de> for Arrivals {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The inherent function that `remote = "Self"` derives, not this one.
        let arrivals = Self::deserialize(deserializer)?;
        arrivals.check().map_err(de::Error::custom)?;
        Ok(arrivals)
    }
}

impl Serialize for Arrivals {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl Arrivals {
    /// What no single field can tell.
    fn check(&self) -> Result<(), &'static str> {
        let sound = |holds: bool, fault| if holds { Ok(()) } else { Err(fault) };
        match self {
            Self::Renewal(gap) => sound(
                gap.mean() >= 1e9 / HIGHEST_RATE,
                "Renewal has a mean gap below 10ns, allowed are 10ns and more",
            ),
            Self::Mmpp(states) => sound(
                !states.is_empty() && states.iter().all(|(_, hold)| !hold.is_zero()),
                "Mmpp needs at least one state, and no mean hold may be 0s",
            ),
            Self::Phases(phases) => sound(!phases.is_empty(), "Phases needs at least one phase"),
            Self::Diurnal { period, .. } => sound(
                !period.is_zero(),
                "Diurnal has a period of 0s, allowed are 1ns and more",
            ),
            Self::Bursts { every, length, .. } => sound(
                length < every,
                "Bursts has length not below every, a burst must end before the next begins",
            ),
            Self::Deterministic(_)
            | Self::Poisson(_)
            | Self::BatchPoisson { .. }
            | Self::Ramp { .. }
            | Self::Series { .. }
            | Self::Trace { .. }
            | Self::Closed { .. } => Ok(()),
        }
    }

    /// Whether its rate is the same all along, on average.
    #[must_use]
    pub fn is_stationary(&self) -> bool {
        match self {
            Self::Deterministic(_)
            | Self::Poisson(_)
            | Self::Renewal(_)
            | Self::BatchPoisson { .. }
            | Self::Mmpp(_)
            | Self::Closed { .. } => true,
            Self::Phases(_)
            | Self::Ramp { .. }
            | Self::Diurnal { .. }
            | Self::Bursts { .. }
            | Self::Series { .. }
            | Self::Trace { .. } => false,
        }
    }

    /// The file that the process reads, if any.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::Series { file, .. } | Self::Trace { file, .. } => Some(file),
            _ => None,
        }
    }

    /// How long it is between two changes of its rate, on average, where these come without
    /// end.
    pub(crate) fn pace(&self) -> Option<Duration> {
        match self {
            Self::Mmpp(states) => {
                let all = states.iter().map(|(_, hold)| hold.to_f64()).sum::<f64>();
                Some(Duration::from_nanos((all / states.len() as f64) as u64))
            }
            Self::Bursts { every, .. } => Some(*every),
            _ => None,
        }
    }

    /// Starts the process; `None` for closed loops, which outcomes drive.
    pub(crate) fn start(
        &self,
        files: &Files,
        streams: Streams,
        source: u32,
        end: Time,
    ) -> Option<Box<dyn Generator>> {
        let gaps = streams.stream("arrivals", u64::from(source));
        let states = streams.stream("arrival states", u64::from(source));
        Some(match self {
            Self::Deterministic(rate) => Box::new(Regular::new(*rate)),
            Self::Renewal(gap) => Box::new(Renewal::new(gap.sampler(), gaps)),
            Self::BatchPoisson { rate, size } => {
                let times = Poisson::new(Steps::constant(rate.per_s()), gaps, end);
                Box::new(Batches::new(times, *size, states))
            }
            Self::Mmpp(held) => Box::new(Poisson::new(Markov::new(held, states), gaps, end)),
            Self::Diurnal {
                mean,
                amplitude,
                period,
                phase,
            } => Box::new(Diurnal::new(*mean, *amplitude, *period, *phase, gaps, end)),
            Self::Series { file, speed, load } => match files.series(file).clients() {
                Some(clients) => Box::new(Clients::new(clients, *speed, *load, gaps, end)),
                None => {
                    let steps = Steps::series(files.series(file), *speed, *load);
                    Box::new(Poisson::new(steps, gaps, end))
                }
            },
            Self::Trace { file, speed, load } => Box::new(Replay::new(
                files.trace(file).clone(),
                *speed,
                *load,
                streams,
            )),
            Self::Closed { .. } => return None,
            Self::Poisson(rate) => Box::new(Poisson::new(Steps::constant(rate.per_s()), gaps, end)),
            Self::Phases(phases) => Box::new(Poisson::new(Steps::phases(phases), gaps, end)),
            Self::Ramp { from, to, over } => {
                Box::new(Poisson::new(Ramp::new(*from, *to, *over), gaps, end))
            }
            Self::Bursts {
                base,
                burst,
                every,
                length,
            } => {
                let bursts = Bursts::new(*base, *burst, *every, *length);
                Box::new(Poisson::new(bursts, gaps, end))
            }
        })
    }

    /// How many messages the process brings until `end`. Closed loops bring at most what they
    /// would if every message had its outcome at once.
    #[must_use]
    pub fn load(&self, files: &Files, end: Time) -> Load {
        let steady = |peak_per_s: f64| Load {
            messages: self.mean_rate() * end.as_secs_f64(),
            peak_per_s,
        };
        match self {
            Self::Mmpp(states) => {
                let rates = states.iter().map(|(rate, _)| rate.per_s());
                steady(rates.fold(0.0, f64::max))
            }
            Self::Phases(phases) => curve::load(Steps::phases(phases), end),
            Self::Ramp { from, to, over } => curve::load(Ramp::new(*from, *to, *over), end),
            Self::Diurnal {
                mean, amplitude, ..
            } => steady(mean.per_s() * (1.0 + amplitude)),
            Self::Bursts {
                base,
                burst,
                every,
                length,
            } => curve::load(Bursts::new(*base, *burst, *every, *length), end),
            Self::Series { file, speed, load } => match files.series(file).clients() {
                None => curve::load(Steps::series(files.series(file), *speed, *load), end),
                Some(clients) => clients::load(clients, *speed, *load, end),
            },
            Self::Trace { file, speed, load } => {
                replay::load(files.trace(file), *speed, *load, end)
            }
            Self::Deterministic(_)
            | Self::Poisson(_)
            | Self::Renewal(_)
            | Self::BatchPoisson { .. }
            | Self::Closed { .. } => steady(self.mean_rate()),
        }
    }

    /// Messages a second in the long run, of processes that have one; others give 0.
    pub(crate) fn mean_rate(&self) -> f64 {
        match self {
            Self::Deterministic(rate) | Self::Poisson(rate) => rate.per_s(),
            Self::Renewal(gap) => 1e9 / gap.mean(),
            Self::BatchPoisson { rate, size } => rate.per_s() * size.mean(),
            Self::Mmpp(states) => {
                let sum = |part: fn(&(ArrivalRate, Duration)) -> f64| states.iter().map(part).sum();
                let (sent, held): (f64, f64) = (
                    sum(|(rate, hold)| rate.per_s() * hold.to_f64()),
                    sum(|(_, hold)| hold.to_f64()),
                );
                sent / held
            }
            Self::Diurnal { mean, .. } => mean.per_s(),
            Self::Closed { callers, think } => f64::from(*callers) * 1e9 / think.mean().max(1.0),
            Self::Phases(_)
            | Self::Ramp { .. }
            | Self::Bursts { .. }
            | Self::Series { .. }
            | Self::Trace { .. } => 0.0,
        }
    }
}

/// What a trace brings as it is.
pub(crate) fn load_of(trace: &Trace, end: Time) -> Load {
    replay::load(trace, 1.0, 1.0, end)
}

/// How many messages a process brings.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    /// Messages expected within the run's length.
    pub messages: f64,
    /// Highest rate that the process itself holds, per second (a wave's crest, a phase).
    pub peak_per_s: f64,
}

#[cfg(test)]
mod tests;
