//! What becomes of messages and calls: invariants 1 to 3, and 9, the same again.

use proptest_state_machine::prop_state_machine;

use crate::model::reference::{Place, Stage};
use crate::model::{Broker, Machine, Property, Reference, Step, Stress};
use crate::{CALM, agree, cases};

prop_state_machine! {
    #![proptest_config(cases(250, 1))]
    #[test]
    fn accepted_equals_waiting_plus_delayed_plus_leased_plus_outcomes(
        sequential 1..100 => Machine<Conservation>
    );
}

/// Invariant 1.
struct Conservation;

impl Property for Conservation {
    const STRESS: Stress = CALM;

    fn check(broker: &Broker, reference: &Reference, step: &Step) {
        agree(broker, reference, step);
        let books = broker.state.books();
        let ended = |place| matches!(place, Place::Done(_));
        let places = [
            (books.accepted, reference.count(|_| true)),
            (books.waiting, reference.count(|it| it == Place::Waiting)),
            (books.delayed, reference.count(|it| it == Place::Delayed)),
            (
                books.leased,
                reference.count(|it| matches!(it, Place::Leased(_))),
            ),
            (books.finished(), reference.count(ended)),
            (books.bytes, reference.queued_bytes()),
            (books.refused, reference.refused),
        ];
        for (at, (counted, expected)) in places.into_iter().enumerate() {
            assert_eq!(counted, expected, "place {at} of {books:?}");
        }
        for message in &reference.messages {
            if let Place::Done(outcome) = message.place {
                let same =
                    |it| matches!(it, Place::Done(other) if other.index() == outcome.index());
                let expected = reference.count(same);
                assert_eq!(books.outcomes[outcome.index()], expected, "{outcome:?}");
            }
        }
        assert!(books.balance(), "{books:?}");
    }
}

prop_state_machine! {
    #![proptest_config(cases(250, 2))]
    #[test]
    fn every_message_gets_exactly_one_outcome_no_later_than_its_deadline(
        sequential 1..100 => Machine<OneOutcome>
    );
}

/// Invariant 2.
struct OneOutcome;

impl Property for OneOutcome {
    const STRESS: Stress = Stress {
        deadlines: true,
        ..CALM
    };

    fn check(broker: &Broker, reference: &Reference, step: &Step) {
        agree(broker, reference, step);
        for message in &reference.messages {
            let outcomes = &broker.outcomes[&message.name];
            let ended = matches!(message.place, Place::Done(_));
            assert_eq!(
                outcomes.len(),
                usize::from(ended),
                "{} ended {outcomes:?}",
                message.name
            );
            let latest = message.deadline.max(message.accepted);
            assert!(
                outcomes.iter().all(|&at| at <= latest),
                "{} ended {outcomes:?}",
                message.name
            );
            let over = !ended && latest < reference.now;
            assert!(!over, "{} goes on beyond its deadline", message.name);
        }
        let live = reference.messages.len() as u64 - broker.state.books().finished();
        assert_eq!(broker.state.unfinished().count() as u64, live);
    }
}

prop_state_machine! {
    #![proptest_config(cases(250, 3))]
    #[test]
    fn a_settle_with_an_old_epoch_changes_nothing_and_is_counted(
        sequential 1..100 => Machine<LateSettles>
    );
}

/// Invariant 3.
struct LateSettles;

impl Property for LateSettles {
    const STRESS: Stress = Stress {
        deadlines: true,
        keys: true,
        ..CALM
    };

    fn check(broker: &Broker, reference: &Reference, step: &Step) {
        agree(broker, reference, step);
        assert_eq!(broker.state.books().late, reference.late);
        for (call, lease) in reference.calls.iter().zip(broker.leases()) {
            let members = broker.state.messages_of(lease).len();
            let gone = call.stage == Stage::Gone;
            assert_eq!(
                members,
                if gone { 0 } else { call.members.len() },
                "{call:?}"
            );
        }
    }
}

prop_state_machine! {
    #![proptest_config(cases(200, 9))]
    #[test]
    fn same_inputs_same_outputs(sequential 1..100 => Machine<Determinism>);
}

/// Invariant 9.
struct Determinism;

impl Property for Determinism {
    const STRESS: Stress = Stress {
        breaker: true,
        limits: true,
        rates: true,
        keys: true,
        deadlines: true,
        wild_policy: true,
        ..CALM
    };

    fn check(broker: &Broker, reference: &Reference, step: &Step) {
        agree(broker, reference, step);
    }

    fn finish(broker: &Broker, reference: &Reference) {
        let (mut again, mut followed) = (
            Broker::new(&reference.setup),
            Reference::new(reference.setup.clone()),
        );
        for step in &reference.steps {
            followed.step(step);
            again.step(step, &followed);
        }
        assert_eq!(again.trace, broker.trace);
    }
}
