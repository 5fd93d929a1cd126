//! How long the backlog of the moment keeps messages late, given that ordered workers take a
//! while to be ready. A fluid: work comes in and goes out at constant rates, in two pieces,
//! before and after the workers are there. The wait of a message is the work before it over
//! the slots that do it.

/// Work in front of a pool that changes its size once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drain {
    /// Slot-seconds of work that wait now.
    pub(super) backlog: f64,
    /// Slot-seconds that come in per second.
    pub(super) inflow: f64,
    /// Slots until `lead_s`.
    pub(super) slots_now: f64,
    /// Slots from then on.
    pub(super) slots_later: f64,
    /// When the slots change, in seconds.
    pub(super) lead_s: f64,
    /// Until when it is looked at, in seconds.
    pub(super) horizon_s: f64,
}

/// Lateness while the backlog lasts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Lateness {
    /// Share of the horizon in which messages wait beyond the slack.
    pub(super) share: f64,
    /// What they wait beyond it, on the mean over the horizon, in seconds.
    pub(super) excess_s: f64,
}

impl Drain {
    /// The lateness of messages that may wait `slack_s` and still be in time.
    pub(super) fn lateness(&self, slack_s: f64) -> Lateness {
        let turn_s = self.lead_s.min(self.horizon_s);
        let (first, backlog) = piece(self.backlog, self.inflow, self.slots_now, turn_s, slack_s);
        let rest_s = self.horizon_s - turn_s;
        let (second, _) = piece(backlog, self.inflow, self.slots_later, rest_s, slack_s);
        Lateness {
            share: (first.share + second.share) / self.horizon_s,
            excess_s: (first.excess_s + second.excess_s) / self.horizon_s,
        }
    }
}

/// Seconds late and their integral over a piece of `length_s`, and the backlog at its end.
fn piece(backlog: f64, inflow: f64, slots: f64, length_s: f64, slack_s: f64) -> (Lateness, f64) {
    let slots = slots.max(1e-3);
    let slope = inflow - slots;
    let end = (backlog + slope * length_s).max(0.0);
    let over = |backlog: f64| backlog / slots - slack_s;
    let (from, to) = (over(backlog), over(end));
    // Where the wait crosses the slack, the part beyond it is a triangle. A backlog that is
    // gone stays gone, so that the crossing lies on the straight part of its fall.
    let crossing_s = |height: f64| (height * slots / slope.abs().max(1e-9)).min(length_s);
    let (late_s, excess) = match (from > 0.0, to > 0.0) {
        (true, true) => (length_s, f64::midpoint(from, to) * length_s),
        (true, false) => (crossing_s(from), from / 2.0 * crossing_s(from)),
        (false, true) => (crossing_s(to), to / 2.0 * crossing_s(to)),
        (false, false) => (0.0, 0.0),
    };
    let lateness = Lateness {
        share: late_s,
        excess_s: excess,
    };
    (lateness, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAIN: Drain = Drain {
        backlog: 100.0,
        inflow: 10.0,
        slots_now: 10.0,
        slots_later: 60.0,
        lead_s: 1.0,
        horizon_s: 10.0,
    };

    #[test]
    fn lateness_is_the_area_beyond_the_slack() {
        // A wait of 10 s for a second; then 100/60 s, falling by 50/60 s a second, beyond a
        // slack of 1 s for 0.8 s: 1 s late by 9, and a triangle of 0.8 by 0.667.
        let lateness = DRAIN.lateness(1.0);
        assert!((lateness.share - 0.18).abs() < 1e-9, "{lateness:?}");
        let area = 9.0 + 0.8 * (100.0 / 60.0 - 1.0) / 2.0;
        assert!(
            (lateness.excess_s - area / 10.0).abs() < 1e-9,
            "{lateness:?}"
        );
    }

    #[test]
    fn more_slots_are_never_later() {
        let mut last = f64::INFINITY;
        for slots in 1..100 {
            let drain = Drain {
                slots_later: f64::from(slots),
                ..DRAIN
            };
            let lateness = drain.lateness(0.3);
            assert!(lateness.excess_s <= last);
            last = lateness.excess_s;
        }
    }

    #[test]
    fn an_empty_queue_in_a_large_enough_pool_is_never_late() {
        let idle = Drain {
            backlog: 0.0,
            inflow: 5.0,
            ..DRAIN
        };
        assert_eq!(idle.lateness(0.1), Lateness::default());
    }
}
