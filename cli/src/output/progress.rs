//! Progress on standard error: a bar on a terminal, a line now and then in CI, else nothing.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::output::number;

/// Between two lines in a CI log.
const LINE_INTERVAL: Duration = Duration::from_secs(10);
/// Steps of the bar: finer than any terminal is wide.
const STEPS: u64 = 10_000;

/// Whether the user wants to see progress at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verbosity {
    /// Where it can be seen.
    Normal,
    /// `--quiet`.
    Quiet,
}

impl Verbosity {
    /// From the flag.
    pub(crate) fn from_flag(quiet: bool) -> Self {
        if quiet { Self::Quiet } else { Self::Normal }
    }
}

/// One task's progress, updated from any thread.
pub(crate) struct Progress {
    label: String,
    began: Instant,
    display: Display,
}

enum Display {
    Hidden,
    Bar(ProgressBar),
    Lines { last: Mutex<Instant> },
}

impl Progress {
    /// Starts to show the progress of `label`, at nothing done.
    pub(crate) fn start(label: impl Into<String>, verbosity: Verbosity) -> Self {
        let label = label.into();
        let began = Instant::now();
        let display = if verbosity == Verbosity::Quiet {
            Display::Hidden
        } else if in_ci() {
            Display::Lines {
                last: Mutex::new(began),
            }
        } else if std::io::stderr().is_terminal() {
            Display::Bar(bar(&label))
        } else {
            Display::Hidden
        };
        Self {
            label,
            began,
            display,
        }
    }

    /// A share (0–1) of the work is done.
    pub(crate) fn update(&self, share: f64) {
        let share = share.clamp(0.0, 1.0);
        match &self.display {
            Display::Hidden => {}
            Display::Bar(bar) => {
                bar.set_position((share * STEPS as f64) as u64);
                bar.set_message(self.time_left(share));
            }
            Display::Lines { last } => {
                let mut last = last
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                if last.elapsed() >= LINE_INTERVAL {
                    *last = Instant::now();
                    let percent = share * 100.0;
                    let left = self.time_left(share);
                    eprintln!("{}: {percent:.0} % {left}", self.label);
                }
            }
        }
    }

    /// Prints something of its own while the bar is out of the way.
    pub(crate) fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.display {
            Display::Bar(bar) => bar.suspend(print),
            Display::Hidden | Display::Lines { .. } => print(),
        }
    }

    /// Everything is done, or will not be: the bar goes.
    pub(crate) fn finish(self) {
        if let Display::Bar(bar) = self.display {
            bar.finish_and_clear();
        }
    }

    fn time_left(&self, share: f64) -> String {
        if share <= 0.0 {
            return String::new();
        }
        let elapsed = self.began.elapsed().as_secs_f64();
        let left = elapsed * (1.0 - share) / share;
        if left < 1.0 {
            return "almost done".to_owned();
        }
        format!("about {} left", number::long_time(left))
    }
}

/// Whether this runs under continuous integration, as all its services say by `CI`.
fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false")
}

fn bar(label: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} {bar:30} {percent:>3} % {msg}")
        .expect("the template has only keys that indicatif knows");
    ProgressBar::new(STEPS)
        .with_style(style)
        .with_prefix(label.to_owned())
}
