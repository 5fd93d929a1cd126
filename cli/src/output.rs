//! What the command prints: results on standard output, progress and errors on standard error.
//!
//! Apart from the commands, so that these decide what to say and this decides how it looks.

pub(crate) mod agreement;
pub(crate) mod decision;
pub(crate) mod figure;
pub(crate) mod number;
pub(crate) mod parity;
pub(crate) mod progress;
pub(crate) mod ranking;
pub(crate) mod seed;
pub(crate) mod sentence;
pub(crate) mod table;

use std::io::{self, IsTerminal, Write};

/// Standard output that a reader may close early (`ebbtide … | head`): what is printed after
/// that is dropped, and the command ends as it would have.
pub(crate) struct Stdout {
    inner: Option<io::StdoutLock<'static>>,
}

impl Stdout {
    /// Locks standard output.
    pub(crate) fn lock() -> Self {
        Self {
            inner: Some(io::stdout().lock()),
        }
    }

    /// Whether colours are wanted: a terminal, and no `NO_COLOR`.
    pub(crate) fn wants_colour() -> bool {
        io::stdout().is_terminal() && !no_color()
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(inner) = &mut self.inner else {
            return Ok(bytes.len());
        };
        match inner.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.inner = None;
                Ok(bytes.len())
            }
            other => other,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.inner.as_mut().map_or(Ok(()), Write::flush) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.inner = None;
                Ok(())
            }
            other => other,
        }
    }
}

/// Whether the environment asks for no colours (<https://no-color.org>: set and not empty).
pub(crate) fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// The command line that runs now, fit to be typed again.
pub(crate) fn command_line() -> String {
    let words = std::env::args_os().skip(1);
    let words = words.map(|word| quoted(&word.to_string_lossy()));
    std::iter::once("ebbtide".to_owned())
        .chain(words)
        .collect::<Vec<_>>()
        .join(" ")
}

/// A word as a shell needs it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-./=,:@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_only_where_a_shell_would_split_it() {
        assert_eq!(quoted("--set"), "--set");
        assert_eq!(quoted("broker.max_workers=20"), "broker.max_workers=20");
        assert_eq!(quoted("fixed(7)"), "'fixed(7)'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
