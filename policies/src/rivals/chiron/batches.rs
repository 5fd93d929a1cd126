//! The batch rule: halve under back-pressure, else grow.

use super::Settings;
use crate::observation::Observation;
use crate::rivals::pool::slot_seconds;

/// Calls that make a window of the batch rule …
const WINDOW_CALLS: f64 = 10.0;
/// … or seconds, whichever comes first.
const WINDOW_S: f64 = 10.0;

/// What happened since the last change, or within a window.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    length_s: f64,
    calls: f64,
    time_s: f64,
    messages: f64,
    pub(super) busy_s: f64,
    pub(super) slots_s: f64,
}

impl Sums {
    pub(super) fn add(&mut self, seen: &Observation) {
        let (busy_s, slots_s) = slot_seconds(seen);
        self.length_s += seen.interval.as_secs_f64();
        self.busy_s += busy_s;
        self.slots_s += slots_s;
        for calls in seen.agents.iter().map(|agent| &agent.calls) {
            self.calls += calls.succeeded as f64;
            self.time_s += calls.time.as_secs_f64();
            self.messages += calls.messages as f64;
        }
    }
}

/// The window that fills, and the throughput of the one before.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Batches {
    window: Sums,
    /// In messages a second, and its batch; `None` if no messages waited at its end.
    before: Option<(f64, f64)>,
}

impl Batches {
    /// The batch that follows the present one, within its bounds.
    pub(super) fn next(&mut self, seen: &Observation, settings: &Settings) -> f64 {
        let present = f64::from(seen.setting.batch_size);
        self.window.add(seen);
        if self.window.calls < WINDOW_CALLS && self.window.length_s < WINDOW_S {
            return present;
        }
        let window = std::mem::take(&mut self.window);
        if window.calls == 0.0 || window.length_s <= 0.0 {
            return present;
        }
        let throughput = window.messages / window.length_s;
        let limit_s = (seen.objective).map_or(f64::INFINITY, |it| it.limit.as_secs_f64());
        let of_time = window.time_s / window.calls / limit_s;
        let counts = |&(_, batch): &(f64, f64)| batch < present || !settings.after_growth;
        let before = self.before.filter(counts);
        let of_throughput = before.map_or(0.0, |(before, _)| before / throughput);
        self.before = (seen.queue.waiting > 0).then_some((throughput, present));
        let batch = batch(present, of_time.max(of_throughput), settings.growth);
        let (least, most) = (seen.bounds.min_batch_size, seen.bounds.max_batch_size);
        batch.min(f64::from(most)).max(f64::from(least))
    }
}

/// The batch that follows `present` under a back-pressure.
pub(super) fn batch(present: f64, pressure: f64, growth: f64) -> f64 {
    if pressure > 1.0 {
        present / 2.0
    } else {
        (present * growth).max(present + 1.0)
    }
}
