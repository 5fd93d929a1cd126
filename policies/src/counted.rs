//! How many there are, with their word: `1 attempt`, `2 attempts`.
//!
//! In the lowest room, because every room that speaks to people counts.

use std::fmt;

/// How many there are, and the word for one, whose plural ends in `s`.
#[derive(Clone, Copy, Debug)]
pub struct Counted(pub u64, pub &'static str);

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(count, word) = self;
        let plural = if *count == 1 { "" } else { "s" };
        write!(f, "{count} {word}{plural}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_no_plural() {
        assert_eq!(Counted(0, "attempt").to_string(), "0 attempts");
        assert_eq!(Counted(1, "attempt").to_string(), "1 attempt");
        assert_eq!(Counted(2, "attempt").to_string(), "2 attempts");
    }
}
