//! The climb itself: waves in the number of threads, and what of them the throughput shows.

use std::collections::VecDeque;
use std::f64::consts::TAU;
use std::ops::RangeInclusive;

use super::Settings;

/// Samples in a wave: two low, two high.
const PERIOD: usize = 4;
/// Samples that are looked at: eight waves.
const HISTORY: usize = 32;
/// Seconds after which a sample that was held is asked for again.
const RETRY_S: f64 = 0.01;

/// What to do until the next sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Next {
    pub(super) threads: u32,
    /// Seconds of the next sample; `None`: as usual.
    pub(super) after_s: Option<f64>,
}

/// Control value, wave and history.
#[derive(Clone, Debug, Default)]
pub(super) struct Climber {
    control: f64,
    last: u32,
    noise: f64,
    total: u64,
    /// Throughput and threads of the last samples, oldest first.
    samples: VecDeque<(f64, f64)>,
    /// Seconds and completions of a sample that was not good enough.
    held: (f64, f64),
}

/// What the throughput shows of the wave.
#[derive(Clone, Copy, Debug, Default)]
struct Response {
    /// Throughput gained for threads gained, less the bias.
    ratio: f64,
    /// 0–1.
    confidence: f64,
}

impl Climber {
    /// The threads that follow `threads` after `seconds` with `completed` items.
    pub(super) fn update(
        &mut self,
        settings: &Settings,
        threads: u32,
        seconds: f64,
        completed: f64,
        range: RangeInclusive<u32>,
    ) -> Next {
        self.control += f64::from(threads) - f64::from(self.last);
        self.last = threads;
        let (seconds, completed) = (seconds + self.held.0, completed + self.held.1);
        let error = (f64::from(threads) - 1.0) / completed;
        if self.total > 0 && error >= settings.max_sample_error {
            self.held = (seconds, completed);
            let after_s = Some(RETRY_S);
            return Next { threads, after_s };
        }
        self.held = (0.0, 0.0);
        let throughput = completed / seconds.max(1e-9);
        self.samples.push_back((throughput, f64::from(threads)));
        if self.samples.len() > HISTORY {
            self.samples.pop_front();
        }
        self.total += 1;
        let response = self.response(settings);
        self.climb(settings, response, seconds);
        self.wave(settings, response, &range)
    }

    /// Moves the control value by what the waves show.
    fn climb(&mut self, settings: &Settings, response: Response, seconds: f64) {
        let move_ = response.ratio.clamp(-1.0, 1.0) * response.confidence.clamp(0.0, 1.0);
        let gain = settings.max_change_per_second * seconds;
        let size = move_.abs().powf(settings.gain_exponent) * gain;
        self.control += size.copysign(move_).min(settings.max_change_per_sample);
    }

    /// Puts the wave on the control value.
    fn wave(
        &mut self,
        settings: &Settings,
        response: Response,
        range: &RangeInclusive<u32>,
    ) -> Next {
        let (least, most) = (f64::from(*range.start()), f64::from(*range.end()));
        let noise = self.control * self.noise * settings.signal_to_noise;
        let wave = (0.5 + noise * 2.0).floor().min(settings.max_wave).max(1.0);
        self.control = self.control.min(most - wave).max(least);
        let is_high = (self.total / (PERIOD as u64 / 2)) % 2 == 1;
        let threads = self.control + if is_high { wave } else { 0.0 };
        // The cast truncates, as the original does.
        let threads = threads.min(most).max(least) as u32;
        self.last = threads;
        // At the minimum, where more seemed to hurt, it tries more only now and then.
        let rarely = response.ratio < 0.0 && threads == *range.start();
        let after_s =
            rarely.then(|| settings.sample.as_secs_f64() * 10.0 * (-response.ratio).min(1.0));
        Next { threads, after_s }
    }

    /// Compares the waves in throughput and threads; nothing before there are two of them.
    fn response(&mut self, settings: &Settings) -> Response {
        let count = (self.total as usize - 1).min(HISTORY) / PERIOD * PERIOD;
        if count <= PERIOD {
            return Response::default();
        }
        let skipped = self.samples.len() - count;
        let series = |of: fn(&(f64, f64)) -> f64| {
            let values: Vec<f64> = self.samples.iter().skip(skipped).map(of).collect();
            let mean = values.iter().sum::<f64>() / count as f64;
            (values, mean)
        };
        let (throughput, mean_throughput) = series(|it| it.0);
        let (threads, mean_threads) = series(|it| it.1);
        if mean_throughput <= 0.0 || mean_threads <= 0.0 {
            return Response::default();
        }
        let of_throughput = |period| scaled(component(&throughput, period), mean_throughput);
        let waves = (count / PERIOD) as f64;
        let mut error = length(of_throughput(count as f64 / (waves + 1.0)));
        let longer = count as f64 / (waves - 1.0);
        if longer <= count as f64 {
            error = error.max(length(of_throughput(longer)));
        }
        self.noise = if self.noise == 0.0 {
            error
        } else {
            settings.error_smoothing * error + (1.0 - settings.error_smoothing) * self.noise
        };
        let t = of_throughput(PERIOD as f64);
        let x = scaled(component(&threads, PERIOD as f64), mean_threads);
        let size = length(x);
        let noise = self.noise.max(error);
        Response {
            // The real part of (t - bias·x) / x.
            ratio: if size > 0.0 {
                (t.0 * x.0 + t.1 * x.1) / (size * size) - settings.bias
            } else {
                0.0
            },
            confidence: if noise > 0.0 {
                size / noise / settings.signal_to_noise
            } else {
                1.0
            },
        }
    }
}

/// The wave of a period within a series (Goertzel's algorithm), real and imaginary part.
fn component(values: &[f64], period: f64) -> (f64, f64) {
    let (sin, cos) = (TAU / period).sin_cos();
    let (mut q1, mut q2) = (0.0, 0.0);
    for value in values {
        (q1, q2) = (2.0 * cos * q1 - q2 + value, q1);
    }
    let count = values.len() as f64;
    ((q1 - q2 * cos) / count, q2 * sin / count)
}

fn scaled(wave: (f64, f64), by: f64) -> (f64, f64) {
    (wave.0 / by, wave.1 / by)
}

fn length(wave: (f64, f64)) -> f64 {
    wave.0.hypot(wave.1)
}
