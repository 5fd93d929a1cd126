//! A replica as a finite birth–death chain: the more it holds, the more it does a second.

use crate::estimate::call_cost::CallLine;
use crate::objective::Measure;

/// Places to wait, for each message in a call.
const QUEUE: f64 = 10.0;
/// The rate is looked for between these shares of the slowest and the fastest service.
const LEAST: f64 = 0.001;
const MOST: f64 = 0.999;
/// Steps of the bisection, and how near to the target it stops.
const STEPS: usize = 100;
const NEAR: f64 = 1e-6;
/// Weights of states are scaled down beyond this: their sum must stay a number.
const LARGE: f64 = 1e200;

/// Slots that each carry calls of up to `batch` messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Replica {
    per_call_s: f64,
    per_message_s: f64,
    batch: u32,
    slots: f64,
}

/// What holds at a rate of arrivals.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steady {
    /// Mean time in the replica, and the part of it without a call, in seconds.
    pub(super) sojourn_s: f64,
    pub(super) wait_s: f64,
    /// Messages a second that are not turned away.
    pub(super) throughput: f64,
}

impl Replica {
    pub(super) fn new(line: CallLine, batch: u32, slots: u32) -> Self {
        Self {
            // A call that takes no time at all would do infinitely much.
            per_call_s: line.per_call_s.max(1e-9),
            per_message_s: line.per_message_s,
            batch,
            slots: f64::from(slots),
        }
    }

    /// Time of a call when `held` messages are in calls, spread evenly over the slots.
    pub(super) fn call_s(&self, held: f64) -> f64 {
        self.per_call_s + self.per_message_s * (held / self.slots).max(1.0)
    }

    /// Messages a second when `held` are in calls.
    fn rate(&self, held: f64) -> f64 {
        held / self.call_s(held)
    }

    /// Most messages in calls.
    fn places(&self) -> f64 {
        f64::from(self.batch) * self.slots
    }

    /// The chain at `arrivals` a second, which must be below its fastest service.
    pub(super) fn at(&self, arrivals: f64) -> Steady {
        let places = self.places();
        // Sums over the states: weight, messages, messages in calls; and the last weight.
        let (mut sum, mut messages, mut last) = (1.0, 0.0, 1.0);
        let mut held = 0.0;
        while held < places {
            held += 1.0;
            last *= arrivals / self.rate(held);
            sum += last;
            messages += held * last;
            if last > LARGE {
                (sum, messages, last) = (sum / LARGE, messages / LARGE, last / LARGE);
            }
        }
        // The queue is a geometric series of `queue` terms.
        let (queue, ratio) = (QUEUE * places, arrivals / self.rate(places));
        let rest = ratio.powf(queue);
        let tail = last * ratio * (1.0 - rest) / (1.0 - ratio);
        let waiting = last * ratio * (1.0 - (queue + 1.0) * rest + queue * rest * ratio)
            / (1.0 - ratio).powi(2);
        let (sum, in_calls) = (sum + tail, messages + places * tail);
        let throughput = arrivals * (1.0 - last * rest / sum);
        let sojourn_s = (in_calls + waiting) / sum / throughput;
        Steady {
            sojourn_s,
            wait_s: (sojourn_s - in_calls / sum / throughput).max(0.0),
            throughput,
        }
    }

    /// The most messages a second at which the mean meets `limit_s`; `None` if none does.
    pub(super) fn most_rate(&self, measure: Measure, limit_s: f64) -> Option<f64> {
        let mean = |steady: Steady| match measure {
            Measure::Sojourn => steady.sojourn_s,
            Measure::Wait => steady.wait_s,
        };
        let (mut low, mut high) = (self.rate(1.0) * LEAST, self.rate(self.places()) * MOST);
        if mean(self.at(low)) > limit_s {
            return None;
        }
        if mean(self.at(high)) <= limit_s {
            return Some(self.at(high).throughput);
        }
        for _ in 0..STEPS {
            let middle = (low + high) / 2.0;
            let found = mean(self.at(middle));
            if ((found - limit_s) / limit_s).abs() <= NEAR {
                low = middle;
                break;
            }
            if found > limit_s {
                high = middle;
            } else {
                low = middle;
            }
        }
        Some(self.at(low).throughput)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replica(per_call_s: f64, per_message_s: f64, batch: u32, slots: u32) -> Replica {
        let line = CallLine {
            per_message_s,
            ..CallLine::guess(per_call_s)
        };
        Replica::new(line, batch, slots)
    }

    #[track_caller]
    fn check_near(found: f64, expected: f64, within: f64) {
        assert!(
            (found - expected).abs() <= within,
            "{found}, not {expected}"
        );
    }

    #[test]
    fn the_hand_check() {
        let steady = replica(1.0, 0.5, 2, 1).at(0.5);
        check_near(steady.throughput, 0.5, 1e-5);
        check_near(steady.sojourn_s, 2.4, 1e-4);
        check_near(steady.wait_s, 0.6, 1e-4);
    }

    #[test]
    fn the_table_of_rates_that_meet_three_seconds() {
        for (batch, rate, wait_s, replicas) in [
            (1, 0.5846, 1.90, 35.0),
            (2, 1.3033, 1.81, 16.0),
            (5, 2.9033, 1.54, 7.0),
            (10, 4.4775, 1.11, 5.0),
            (20, 5.8781, 0.41, 4.0),
            (50, 6.3332, 0.00, 4.0),
        ] {
            let it = replica(1.0, 0.1, batch, 1);
            let found = it
                .most_rate(Measure::Sojourn, 3.0)
                .expect("three seconds suffice");
            check_near(found, rate, 6e-5);
            check_near(it.at(found).wait_s, wait_s, 0.02);
            assert_eq!((20.0 / found).ceil(), replicas);
        }
        let none = replica(1.0, 0.1, 5, 1).most_rate(Measure::Sojourn, 1.0);
        assert_eq!(none, None, "even an idle replica takes 1.1 s");
    }

    #[test]
    fn slots_without_batches_are_erlangs_servers() {
        // Four servers of a second at 3 erlangs: 0.509 wait, for a second on the mean.
        let steady = replica(1.0, 0.0, 1, 4).at(3.0);
        check_near(steady.wait_s, 0.509, 0.01);
        check_near(steady.sojourn_s, 1.509, 0.01);
    }

    #[test]
    fn many_places_stay_numbers() {
        let it = replica(1.0, 0.0, 4_096, 1);
        let rate = it
            .most_rate(Measure::Sojourn, 2.0)
            .expect("an idle one takes 1 s");
        check_near(rate / 4_096.0, 1.0, 0.01);
    }
}
