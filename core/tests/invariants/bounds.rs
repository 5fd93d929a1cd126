//! What may not be exceeded: invariants 4 and 5.

use ebbtide_core::units::Duration;
use proptest_state_machine::prop_state_machine;

use crate::model::{Broker, Machine, Property, Reference, Step, Stress};
use crate::{CALM, agree, cases};

prop_state_machine! {
    #![proptest_config(cases(250, 4))]
    #[test]
    fn workers_and_batch_size_stay_within_bounds_whatever_the_policy_asks(
        sequential 1..100 => Machine<Governed>
    );
}

/// Invariant 4.
struct Governed;

impl Property for Governed {
    const STRESS: Stress = Stress {
        wild_policy: true,
        ..CALM
    };

    fn check(broker: &Broker, reference: &Reference, step: &Step) {
        agree(broker, reference, step);
        let (config, setting) = (&reference.setup.broker, broker.state.setting());
        assert!(
            (config.min_workers..=config.max_workers).contains(&setting.workers),
            "{setting:?}"
        );
        let sizes = config.min_batch_size..=config.max_batch_size;
        assert!(sizes.contains(&setting.batch_size), "{setting:?}");
        let longest = Duration::from_millis(config.max_batch_timeout_ms);
        assert!(setting.batch_timeout <= longest, "{setting:?}");
        assert!(
            broker.workers() <= config.max_workers as usize,
            "{} workers",
            broker.workers()
        );
        for call in &reference.calls {
            let agent = &reference.agents[call.agent].config;
            let most = if agent.batch {
                config.max_batch_size
            } else {
                1
            };
            let most = most.min(agent.max_batch.unwrap_or(most));
            assert!(call.members.len() <= most as usize, "{call:?}");
        }
    }
}

prop_state_machine! {
    #![proptest_config(cases(400, 5))]
    #[test]
    fn bounds_hold_and_what_is_refused_comes_back_whole(
        sequential 1..100 => Machine<Bounded>
    );
}

/// Invariant 5.
struct Bounded;

impl Property for Bounded {
    const STRESS: Stress = Stress {
        tight_queue: true,
        ..CALM
    };

    fn check(broker: &Broker, reference: &Reference, step: &Step) {
        agree(broker, reference, step);
        let (config, books) = (&reference.setup.broker, broker.state.books());
        assert_eq!(books.refused, reference.refused);
        // All that ever came back may stand beyond the bound, and what free slots will start.
        let came_back = reference.messages.iter().filter(|it| it.came_back).count() as u64;
        let slots = u64::from(config.max_workers * config.delivery_parallelism);
        let most = config.max_queue_size + config.reserve + came_back + slots;
        assert!(books.queued() <= most, "{books:?} of {most}");
        let heaviest = reference
            .messages
            .iter()
            .map(|it| it.size)
            .max()
            .unwrap_or(0);
        let most = config.max_queue_bytes.0 + (came_back + slots) * heaviest;
        assert!(books.bytes <= most, "{books:?} of {most} bytes");
    }
}
