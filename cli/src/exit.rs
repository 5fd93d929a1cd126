//! The command's exit codes: one enum, in the order in which the first that applies wins.
//!
//! Apart because every command ends in one of these. `args.rs` documents them in `--help`.

use std::process::ExitCode;

/// How the command ended. The variants are ordered: of several that apply, the least wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// Stopped by Ctrl-C; what was finished is saved.
    Interrupted,
    /// A fault of ebbtide itself, or a failed `validate`.
    Failed,
    /// The command line or a file it names is wrong, or nothing can be written where it should go.
    BadInput,
    /// A threshold failed.
    ThresholdFailed,
    /// A threshold can be neither held nor failed on these figures.
    Inconclusive,
    /// All is well.
    Success,
}

impl Exit {
    /// The number that the process ends with.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Interrupted => 130,
            Self::Failed => 1,
            Self::BadInput => 2,
            Self::ThresholdFailed => 20,
            Self::Inconclusive => 30,
            Self::Success => 0,
        }
    }

    /// Of two ends the one that is reported.
    pub(crate) fn and(self, other: Self) -> Self {
        self.min(other)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::args::CommandLine;

    #[test]
    fn the_first_that_applies_wins() {
        let seen = [Exit::Success, Exit::Inconclusive, Exit::ThresholdFailed];
        let end = seen.into_iter().fold(Exit::Success, Exit::and);
        assert_eq!(end.code(), 20);
        assert_eq!(Exit::Interrupted.and(Exit::Failed).code(), 130);
    }

    #[test]
    fn help_documents_every_code() {
        let help = CommandLine::command().render_help().to_string();
        for exit in [
            Exit::Interrupted,
            Exit::Failed,
            Exit::BadInput,
            Exit::ThresholdFailed,
            Exit::Inconclusive,
            Exit::Success,
        ] {
            let line = format!("\n  {:>3}  ", exit.code());
            assert!(help.contains(&line), "{exit:?} is not in the help");
        }
    }
}
