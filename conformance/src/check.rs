//! One call that tries every property on a policy.

use std::path::PathBuf;

use ebbtide_policies::policy::Policy;
use rayon::prelude::*;

use crate::property::Property;
use crate::report::{Finding, Report, Verdict};
use crate::subject::Subject;

/// Where [`Check::assert`] writes counterexamples, unless the variable says otherwise.
const DIR_VARIABLE: &str = "EBBTIDE_CONFORMANCE_DIR";

/// Begins a check of the policy that `make` makes. Every run gets a fresh one.
///
/// ```
/// use ebbtide_policies::fixed::Fixed;
/// use ebbtide_conformance::{Property, check};
///
/// check(|| Box::new(Fixed::at(4)))
///     .only(&[Property::WithinBounds, Property::Deterministic])
///     .assert();
/// ```
pub fn check(make: impl Fn() -> Box<dyn Policy> + Send + Sync + 'static) -> Check {
    Check {
        subject: Subject::new(make),
        properties: Property::ALL.to_vec(),
        exceptions: Vec::new(),
    }
}

/// A check of a policy that is to be run.
#[must_use = "a check does nothing until it is run: `.assert()` or `.run()`"]
pub struct Check {
    subject: Subject,
    properties: Vec<Property>,
    exceptions: Vec<(Property, String)>,
}

impl Check {
    /// The policy breaks `property`, and that is accepted, for this reason. An exception that is
    /// not needed is reported, and fails the check.
    pub fn except(mut self, property: Property, why: impl Into<String>) -> Self {
        self.exceptions.push((property, why.into()));
        self
    }

    /// Tries these properties alone.
    pub fn only(mut self, properties: &[Property]) -> Self {
        self.properties = properties.to_vec();
        self
    }

    /// Draws other scenes than by default ([`SEED`](crate::SEED)).
    pub fn seed(mut self, seed: u64) -> Self {
        self.subject.seed = seed;
        self
    }

    /// Draws so many scenes for each property, [`CASES`](crate::CASES) by default.
    pub fn cases(mut self, cases: u32) -> Self {
        self.subject.cases = cases;
        self
    }

    /// Tries every property, side by side, and says what was found.
    #[must_use]
    pub fn run(self) -> Report {
        let findings = self.properties.par_iter().map(|&property| Finding {
            property,
            verdict: self.verdict(property),
        });
        Report {
            policy: self.subject.name.clone(),
            seed: self.subject.seed,
            cases: self.subject.cases,
            findings: findings.collect(),
        }
    }

    fn verdict(&self, property: Property) -> Verdict {
        let excepted = self.exceptions.iter().find(|(it, _)| *it == property);
        let mut subject = self.subject.clone();
        if excepted.is_some() {
            // That it is broken is known: nobody reads how.
            subject.shrink_steps = 0;
        }
        match (property.check(&subject), excepted) {
            (Ok(()), None) => Verdict::Holds,
            (Ok(()), Some((_, why))) => Verdict::Needless { why: why.clone() },
            (Err(counterexample), None) => Verdict::Broken(counterexample),
            (Err(counterexample), Some((_, why))) => Verdict::Excepted {
                why: why.clone(),
                counterexample,
            },
        }
    }

    /// Runs the check and prints the report. If a property is broken, writes its counterexample
    /// into the folder that the variable `EBBTIDE_CONFORMANCE_DIR` names, else into one of the
    /// system's temporary folder, by the policy's name.
    ///
    /// # Panics
    ///
    /// With the report, if a property is broken that has no exception, or an exception is not
    /// needed.
    #[track_caller]
    pub fn assert(self) {
        let report = self.run();
        if report.is_sound() {
            eprintln!("{report}");
            return;
        }
        let root = std::env::var_os(DIR_VARIABLE).map_or_else(
            || std::env::temp_dir().join("ebbtide-conformance"),
            PathBuf::from,
        );
        let dir = root.join(file_name(&report.policy));
        let written = report.write(&dir);
        let told = match written {
            Ok(paths) if paths.is_empty() => String::new(),
            Ok(_) => format!("counterexamples and figures: {}\n", dir.display()),
            Err(error) => format!(
                "cannot write counterexamples to {}: {error}\n",
                dir.display()
            ),
        };
        panic!("{report}{told}");
    }
}

/// A policy's name as the name of a folder.
fn file_name(policy: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    policy.chars().map(plain).collect()
}
