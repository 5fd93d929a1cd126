//! What must hold of each decision by itself, in any scene. The limits are none at all: no
//! decision may break these.

use crate::counterexample::Counterexample;
use crate::property::Property;
use crate::search::search;
use crate::strategies::scenes;
use crate::subject::Subject;

/// Every wish lies within the bounds that its observation names: workers rounded up, the batch size
/// rounded to the nearest, the batch timeout as it is.
///
/// The governor would cut it. But a policy that asks for more than there may be reckons with
/// workers that it will never have, and its reasons and predictions speak of them.
///
/// # Errors
///
/// The smallest [`Counterexample`] that was found.
pub fn within_bounds(subject: &Subject) -> Result<(), Box<Counterexample>> {
    search(Property::WithinBounds, scenes(), subject)
}

/// Workers and batch size are finite numbers; predictions are too, their utilisation between 0
/// and 1; and the policy does not panic.
///
/// What it sees is what it brings about in drawn scenes. Whatever an observation may hold, absurd
/// figures included, is drawn by [`survives`](super::survives).
///
/// The broker takes a figure that is not finite as "keep the present". A policy that means that
/// names the present figure: NaN is also what a division of nothing by nothing says.
///
/// # Errors
///
/// The smallest [`Counterexample`] that was found.
pub fn finite(subject: &Subject) -> Result<(), Box<Counterexample>> {
    search(Property::Finite, scenes(), subject)
}

/// Two fresh policies that see the same decide the same, byte for byte.
///
/// Else no run could be repeated, and no journal replayed: clocks, random numbers, addresses and
/// the order of a hash map have no place in a policy.
///
/// # Errors
///
/// The smallest [`Counterexample`] that was found.
pub fn deterministic(subject: &Subject) -> Result<(), Box<Counterexample>> {
    search(Property::Deterministic, scenes(), subject)
}
