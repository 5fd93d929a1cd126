//! A scene in which a policy breaks a property: a scenario file that `ebbtide simulate` runs, and
//! figures of that run.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use ebbtide_measure::results::{ENGINE_VERSION, SCHEMA};
use ebbtide_measure::{Report, ThresholdVerdict};
use ebbtide_plots::{Course, ReportInput};
use ebbtide_sim::{Experiment, Monitor, Sinks};

use crate::property::Property;
use crate::scene::Scene;
use crate::subject::Subject;

/// Replications after which a verdict on a limit is more than luck.
const REPLICATIONS: u32 = 5;
/// The figures that are drawn, by the beginning of their names.
const FIGURES: [&str; 3] = ["pool", "backlog", "sojourn"];

/// A scene in which a policy breaks a property; the smallest that was found.
#[derive(Clone, Debug)]
pub struct Counterexample {
    /// What is broken.
    pub property: Property,
    /// Whose it is.
    pub policy: String,
    /// How it is broken, in a sentence.
    pub what: String,
    /// The scenario, as a file has it. Its policy is the one under test where the registry knows
    /// it; else the default, and the note says so.
    pub ron: String,
    /// Figures of the run: workers, backlog, sojourns.
    pub plots: Vec<Plot>,
}

/// A figure of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plot {
    /// What it shows: `pool`, `backlog`, `sojourn`.
    pub name: &'static str,
    /// The drawing.
    pub svg: String,
}

impl Counterexample {
    pub(crate) fn new(
        property: Property,
        subject: &Subject,
        mut scene: Scene,
        what: String,
    ) -> Self {
        let registered = subject.registered();
        scene.note = format!("{} breaks {property}: {what}", subject.name);
        if registered.is_none() {
            scene.note += &format!(
                ". The command does not know {}: `replay` of ebbtide-conformance runs it here",
                subject.name
            );
        }
        // With replications enough the limits fail for good, and not by the luck of one seed.
        let often = scene.ron(registered, REPLICATIONS);
        let fails = |experiment: &Experiment| {
            let mut verdicts = experiment.thresholds.iter().map(|result| result.verdict);
            verdicts.any(|verdict| verdict == ThresholdVerdict::Fail)
        };
        let (ron, experiment) = match run(subject, &often) {
            Some(experiment) if fails(&experiment) => (often, Some(experiment)),
            _ => {
                let once = scene.ron(registered, 1);
                let experiment = run(subject, &once);
                (once, experiment)
            }
        };
        let plots = experiment.map_or_else(Vec::new, |experiment| plots(&scene, &experiment));
        Self {
            property,
            policy: subject.name.clone(),
            what,
            ron,
            plots,
        }
    }

    /// Writes the scenario and the figures into `dir`, which is made: `idles-down.ron`,
    /// `idles-down-pool.svg` and so on. Returns the scenario's path.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn write(&self, dir: &Path) -> io::Result<PathBuf> {
        std::fs::create_dir_all(dir)?;
        let path = dir.join(format!("{}.ron", self.property));
        std::fs::write(&path, &self.ron)?;
        for plot in &self.plots {
            let name = format!("{}-{}.svg", self.property, plot.name);
            std::fs::write(dir.join(name), &plot.svg)?;
        }
        Ok(path)
    }
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n{}", self.property, self.what, self.ron)
    }
}

/// The experiment of a scenario; `None` if it has no plan.
fn run(subject: &Subject, ron: &str) -> Option<Experiment> {
    let (plan, _) = subject.plan(ron).ok()?;
    let sinks = Sinks {
        courses: true,
        ..Sinks::default()
    };
    Some(Experiment::run(&plan, &sinks, &Monitor::default()))
}

fn plots(scene: &Scene, experiment: &Experiment) -> Vec<Plot> {
    let (Some(first), Some(run)) = (experiment.policies.first(), experiment.first_runs.first())
    else {
        return Vec::new();
    };
    let results = Report {
        schema: SCHEMA,
        engine_version: ENGINE_VERSION.to_owned(),
        scenario: "counterexample".to_owned(),
        seed: scene.seed,
        wall_s: 0.0,
        first: first.clone(),
        policies: experiment.policies.clone(),
        comparisons: Vec::new(),
        thresholds: experiment.thresholds.clone(),
    };
    let courses = run.detail.iter().map(|detail| Course {
        policy: &first.policy,
        detail,
    });
    let input = ReportInput {
        results: &results,
        courses: &courses.collect::<Vec<_>>(),
        note: &scene.note,
        headline: "",
        command: "",
        warnings: &[],
    };
    let figures = ebbtide_plots::figures(&input);
    let drawn = FIGURES.into_iter().filter_map(|name| {
        let figure = figures
            .iter()
            .find(|it| it.name.starts_with(name) && it.policy.is_some())?;
        let svg = figure.svg()?;
        Some(Plot { name, svg })
    });
    drawn.collect()
}
