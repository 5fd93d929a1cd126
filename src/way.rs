//! Whether a worker that is woken lets those go first who are ready to run, and are about to send: with many
//! senders it then finds the messages of all of them, and a lone one only waits the longer.
//!
//! It is tried, and what it was good for decides about the next few times.

/// Wake-ups after which it is tried again.
const SPARED: u32 = 32;

/// Whether way is given.
#[derive(Default)]
pub(crate) struct Way {
    /// It was given, and what it was good for is not known yet.
    is_open: bool,
    /// Wake-ups without it that are left.
    spared: u32,
}

impl Way {
    /// A worker is woken from rest: whether it gives way.
    pub(crate) fn gives(&mut self) -> bool {
        self.is_open = self.spared == 0;
        self.spared = self.spared.saturating_sub(1);
        self.is_open
    }

    /// So many calls there were for it.
    pub(crate) fn found(&mut self, calls: usize) {
        if std::mem::take(&mut self.is_open) && calls <= 1 {
            self.spared = SPARED;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often way is given in a hundred wake-ups that find so many calls.
    fn given(calls: usize) -> usize {
        let mut way = Way::default();
        let woken = (0..100).map(|_| {
            let gives = way.gives();
            way.found(calls);
            gives
        });
        woken.filter(|gives| *gives).count()
    }

    #[test]
    fn way_is_given_to_many_senders_and_seldom_to_a_lone_one() {
        assert_eq!((given(25), given(1)), (100, 4));
    }
}
