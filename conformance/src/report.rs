//! What a check found: each property with its verdict.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::counterexample::Counterexample;
use crate::property::Property;

/// What a check of a policy found.
#[derive(Clone, Debug)]
pub struct Report {
    /// The policy.
    pub policy: String,
    /// Seed of the scenes that were drawn.
    pub seed: u64,
    /// Scenes that were drawn for each property.
    pub cases: u32,
    /// Each property that was tried.
    pub findings: Vec<Finding>,
}

/// A property and whether it holds.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The property.
    pub property: Property,
    /// Whether it holds.
    pub verdict: Verdict,
}

/// Whether a property holds.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It held in every scene.
    Holds,
    /// It does not.
    Broken(Box<Counterexample>),
    /// It does not, and that is accepted.
    Excepted {
        /// Why it is.
        why: String,
        /// How it is broken.
        counterexample: Box<Counterexample>,
    },
    /// It held, and an exception says that it does not: take the exception away.
    Needless {
        /// Why it was excepted.
        why: String,
    },
}

impl Report {
    /// Whether every property holds or is excepted, and every exception is needed.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let is_sound = |finding: &Finding| {
            matches!(finding.verdict, Verdict::Holds | Verdict::Excepted { .. })
        };
        self.findings.iter().all(is_sound)
    }

    /// The counterexamples of broken properties that have no exception.
    pub fn counterexamples(&self) -> impl Iterator<Item = &Counterexample> {
        self.findings
            .iter()
            .filter_map(|finding| match &finding.verdict {
                Verdict::Broken(counterexample) => Some(&**counterexample),
                _ => None,
            })
    }

    /// The properties that are broken, with or without an exception.
    pub fn broken(&self) -> impl Iterator<Item = Property> {
        self.findings
            .iter()
            .filter_map(|finding| match finding.verdict {
                Verdict::Broken(_) | Verdict::Excepted { .. } => Some(finding.property),
                Verdict::Holds | Verdict::Needless { .. } => None,
            })
    }

    /// Writes the counterexamples of broken properties into `dir`, and returns the scenarios'
    /// paths.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn write(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        self.counterexamples().map(|it| it.write(dir)).collect()
    }
}

/// A line for each property, and each counterexample that has no exception.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            policy,
            seed,
            cases,
            ..
        } = self;
        writeln!(f, "{policy}: {cases} scenes a property, seed {seed}")?;
        for Finding { property, verdict } in &self.findings {
            write!(f, "  {property:15} ")?;
            match verdict {
                Verdict::Holds => writeln!(f, "holds: {}", property.demand())?,
                Verdict::Broken(it) => {
                    writeln!(f, "BROKEN: {}\n{:18}{}", property.demand(), "", it.what)?;
                }
                Verdict::Excepted {
                    why,
                    counterexample,
                } => writeln!(f, "excepted: {why} ({})", counterexample.what)?,
                Verdict::Needless { why } => {
                    writeln!(f, "HOLDS, take the exception away: {why}")?;
                }
            }
        }
        for counterexample in self.counterexamples() {
            write!(f, "\n{counterexample}")?;
        }
        Ok(())
    }
}
