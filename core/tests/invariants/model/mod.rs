//! A model of the broker and the machine that drives both: random steps, after each of which
//! the broker must have done what the reference did, at the same times.
//!
//! The reference is written from the rules, not from the code, and knows no index, no timer
//! queue and no lists. Where a rule was silent (what an interval's missed ticks merge into,
//! how a recovering breaker counts) it follows core's documentation.

#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(
    missing_docs,
    reason = "fields of the reference are what their names say"
)]

mod breaker;
mod broker;
mod choice;
mod clock;
mod ending;
pub(crate) mod reference;
pub(crate) mod setup;
pub(crate) mod step;

use std::marker::PhantomData;

use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};

pub(crate) use broker::Broker;
pub(crate) use reference::Reference;
pub(crate) use setup::Stress;
pub(crate) use step::Step;

/// What a property stresses, and what it looks at after each step.
pub(crate) trait Property: 'static {
    /// The setups and steps to be drawn.
    const STRESS: Stress;

    /// Panics if the broker that took `step` is in the wrong.
    fn check(broker: &Broker, reference: &Reference, step: &Step);

    /// What it looks at when all steps are taken.
    fn finish(broker: &Broker, reference: &Reference) {
        let _ = (broker, reference);
    }
}

/// The machine under a property.
pub(crate) struct Machine<P>(PhantomData<P>);

impl<P: Property> ReferenceStateMachine for Machine<P> {
    type State = Reference;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Reference> {
        setup::setups(P::STRESS).prop_map(Reference::new).boxed()
    }

    fn transitions(_: &Reference) -> BoxedStrategy<Step> {
        step::steps(P::STRESS)
    }

    fn apply(mut state: Reference, step: &Step) -> Reference {
        state.step(step);
        state
    }
}

impl<P: Property> StateMachineTest for Machine<P> {
    type SystemUnderTest = Broker;
    type Reference = Self;

    fn init_test(reference: &Reference) -> Broker {
        Broker::new(&reference.setup)
    }

    fn apply(mut broker: Broker, reference: &Reference, step: Step) -> Broker {
        broker.step(&step, reference);
        P::check(&broker, reference, &step);
        broker
    }

    fn teardown(broker: Broker, reference: Reference) {
        P::finish(&broker, &reference);
    }
}

/// The lines in which the two differ: missing from the broker, then beyond the reference.
pub(crate) fn difference(broker: &Broker, reference: &Reference) -> (Vec<String>, Vec<String>) {
    let (mut theirs, mut missing) = (broker.log.clone(), Vec::new());
    for line in &reference.log {
        match theirs.iter().position(|other| other == line) {
            Some(at) => drop(theirs.remove(at)),
            None => missing.push(line.clone()),
        }
    }
    (missing, theirs)
}
