//! The computed cases, and what ticks make of them.

use super::*;
use crate::testing::observation;

fn controller(planned: u32, capacity: f64) -> Controller {
    let mut controller = Controller::new(Settings::default());
    controller.planned = planned;
    controller.bounds = (1, 10);
    controller.capacity = capacity;
    controller
}

#[test]
fn workers_follow_utilisation_and_square_root() {
    // Computed.
    let controller = Controller::new(Settings::default());
    let rhos = [0.5, 1.0, 2.0, 4.0, 5.0, 6.0, 9.0, 0.7, 1.5];
    let wanted = rhos.map(|rho| controller.wanted(rho));
    assert_eq!(wanted, [1, 2, 3, 5, 7, 8, 12, 2, 3]);
}

#[test]
fn looks_each_minute_learn_and_step() {
    // Computed: backlog, arrivals, dispatches, and the workers planned after it.
    let looks = [
        (0, 10.0, 2.0, 5),
        (120, 20.0, 9.0, 9),
        (120, 20.0, 16.0, 10),
        (0, 20.0, 20.0, 10),
        (0, 2.0, 2.0, 9),
        (0, 2.0, 2.0, 8),
        (0, 2.0, 2.0, 7),
        (0, 0.0, 0.0, 6),
        (0, 0.0, 0.0, 5),
    ];
    let mut controller = controller(1, 2.0);
    for (minute, (backlog, arrivals_per_s, dispatches_per_s, planned)) in (1..).zip(looks) {
        let seen = Metrics {
            backlog,
            arrivals_per_s,
            dispatches_per_s,
        };
        controller.look(Time::ZERO + Duration::from_secs(60 * minute), seen);
        assert_eq!(controller.planned, planned, "minute {minute}");
    }
    assert!((controller.capacity - 1.8505).abs() < 1e-9);
}

#[test]
fn a_no_sync_match_adds_a_worker_once_in_two_seconds() {
    // Computed: seconds, dispatches, workers and capacity after it.
    let matches = [
        (0, 4.0, 2, 3.65),
        (1_000, 4.0, 2, 2.9075),
        (2_000, 8.0, 3, 2.7991),
        (3_900, 8.0, 3, 2.7395),
        (4_000, 9.0, 4, 2.5192),
    ];
    let mut controller = controller(1, 5.0);
    for (ms, dispatches, planned, capacity) in matches {
        controller.no_sync(Time::ZERO + Duration::from_millis(ms), dispatches);
        assert_eq!(controller.planned, planned);
        assert!((controller.capacity - capacity).abs() < 1e-4);
    }
}

#[test]
fn waiting_for_a_batch_or_an_agent_is_no_missed_match() {
    let mut seen = observation(Time::ZERO);
    seen.flow.arrivals = 1;
    seen.queue.oldest_wait = Some(Duration::from_millis(90));
    assert!(is_no_sync(&seen));
    seen.agents = vec![crate::testing::agent("rank")];
    seen.agents[0].is_batch = true;
    assert!(!is_no_sync(&seen));
    seen.queue.oldest_wait = Some(Duration::from_millis(300));
    assert!(is_no_sync(&seen));
    // A slot was free for a moment, and none for the rest.
    seen.slots.idle = Duration::ZERO;
    seen.slots.with_call = seen.interval;
    seen.slots.blocked.limit = Duration::from_millis(1);
    assert!(is_no_sync(&seen));
    seen.slots.blocked.limit = seen.interval;
    assert!(!is_no_sync(&seen));
    seen.slots.blocked.limit = Duration::ZERO;
    seen.slots.idle = seen.interval;
    assert!(is_no_sync(&seen), "it waited since all were busy once");
}
