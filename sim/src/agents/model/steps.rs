//! A factor that changes over time: an agent's drift.

use ebbtide_policies::units::Time;

use crate::agents::Drift;
use crate::files::Files;

/// A factor over time, asked in order of time.
#[derive(Clone, Debug)]
pub(super) struct Steps {
    steps: Vec<(Time, f64)>,
    passed: usize,
}

impl Steps {
    pub(super) fn new(drift: Option<&Drift>, files: &Files) -> Self {
        let steps = match drift {
            None => Vec::new(),
            Some(Drift::Steps(steps)) => steps
                .iter()
                .map(|(from, factor)| (*from, factor.0))
                .collect(),
            Some(Drift::File { file, base, speed }) => files.series(file).factors(*base, *speed),
        };
        Self { steps, passed: 0 }
    }

    pub(super) fn is_flat(&self) -> bool {
        self.steps.is_empty()
    }

    pub(super) fn at(&mut self, now: Time) -> f64 {
        while self
            .steps
            .get(self.passed)
            .is_some_and(|(from, _)| *from <= now)
        {
            self.passed += 1;
        }
        match self.passed {
            0 => 1.0,
            passed => self.steps[passed - 1].1,
        }
    }
}
