//! The messages of one source that wait for room, in the order in which they were sent.
//!
//! Any of them may leave before its turn; its place is then skipped, so that leaving costs
//! nothing, however long the line.

use std::collections::VecDeque;

use crate::traffic::Arrival;

/// A line of waiting messages.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// From the first that still waits on; `None`: has left.
    places: VecDeque<Option<Arrival>>,
    /// Places before the first.
    passed: u64,
}

impl Line {
    /// Joins at the end; gives the place.
    pub(super) fn join(&mut self, arrival: Arrival) -> u64 {
        self.places.push_back(Some(arrival));
        self.passed + self.places.len() as u64 - 1
    }

    /// Whose turn it is.
    pub(super) fn first(&self) -> Option<&Arrival> {
        self.places.front().and_then(Option::as_ref)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The first goes.
    pub(super) fn pass(&mut self) {
        self.places.pop_front();
        self.passed += 1;
        self.skip();
    }

    /// Whoever has this place goes; `None` if nobody has it any more.
    pub(super) fn leave(&mut self, place: u64) -> Option<Arrival> {
        let index = usize::try_from(place.checked_sub(self.passed)?).ok()?;
        let arrival = self.places.get_mut(index)?.take();
        self.skip();
        arrival
    }

    /// Whether somebody has this place.
    pub(super) fn has(&self, place: u64) -> bool {
        let index = place.checked_sub(self.passed);
        let found = index.and_then(|index| self.places.get(usize::try_from(index).ok()?));
        found.is_some_and(Option::is_some)
    }

    /// All who wait.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arrival> {
        self.places.iter().flatten()
    }

    /// Those who left and would be first.
    fn skip(&mut self) {
        while self.places.front().is_some_and(Option::is_none) {
            self.places.pop_front();
            self.passed += 1;
        }
    }
}
