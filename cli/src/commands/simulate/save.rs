//! `--out`: everything about a run, in files.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ebbtide_core::event::DecisionRecord;
use ebbtide_measure::Report;
use ebbtide_measure::record::DecisionSink;
use ebbtide_plots::{Course, ReportInput, figures, report_html};
use ebbtide_sim::observation_fault::{View, ViewSink};
use ebbtide_sim::{Experiment, Plan};

use super::job::Job;
use crate::error::{CliError, Fault};
use crate::output::command_line;
use crate::run_dir::{Logged, RunDir};

/// The decision log of each contender's first replication, written as it runs.
pub(crate) struct DecisionLogs(Vec<Arc<Mutex<Log>>>);

struct Log {
    path: PathBuf,
    out: BufWriter<File>,
    /// What was shown for the decision that comes next, if not the truth.
    shown: Option<View>,
    failed: Option<io::Error>,
}

impl DecisionLogs {
    /// Creates the files.
    ///
    /// # Errors
    /// One of them cannot be written.
    pub(crate) fn create(dir: &RunDir, plan: &Plan) -> Result<Self, CliError> {
        let logs = plan.contenders.iter().map(|contender| {
            let path = dir.decisions(&contender.name);
            let file = File::create(&path).map_err(|error| CliError::unwritable(&path, &error))?;
            Ok(Arc::new(Mutex::new(Log {
                path,
                out: BufWriter::new(file),
                shown: None,
                failed: None,
            })))
        });
        Ok(Self(logs.collect::<Result<_, CliError>>()?))
    }

    /// Where the decisions of a contender go.
    pub(crate) fn sink(&self, contender: usize) -> DecisionSink {
        let log = Arc::clone(&self.0[contender]);
        Box::new(move |record| {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            if log.failed.is_none() {
                log.failed = log.write(record).err();
            }
        })
    }

    /// Where what its policy is shown goes, if that is not what is true.
    pub(crate) fn shown(&self, contender: usize) -> ViewSink {
        let log = Arc::clone(&self.0[contender]);
        Box::new(move |shown| {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            log.shown = Some(shown);
        })
    }

    /// Brings what is still in memory to the disk.
    ///
    /// # Errors
    /// Something could not be written, now or before.
    pub(crate) fn finish(self) -> Result<(), CliError> {
        for log in self.0 {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            let failed = log.failed.take().or_else(|| log.out.flush().err());
            if let Some(error) = failed {
                return Err(CliError::unwritable(&log.path, &error));
            }
        }
        Ok(())
    }
}

impl Log {
    fn write(&mut self, record: &DecisionRecord) -> io::Result<()> {
        let shown = self.shown.take();
        serde_json::to_writer(&mut self.out, &Logged { record, shown })?;
        self.out.write_all(b"\n")
    }
}

/// Writes everything but the decisions, which are there already.
///
/// # Errors
/// Something cannot be written.
pub(crate) fn all(
    dir: &RunDir,
    job: &Job,
    report: &Report,
    experiment: &Experiment,
    headline: &str,
) -> Result<(), CliError> {
    let json = serde_json::to_string_pretty(report).expect("results have text keys only");
    write(&dir.summary(), &format!("{json}\n"))?;
    dir.keep();
    write(&dir.scenario(), &job.source.text)?;
    let mut courses = Vec::new();
    for (policy, run) in experiment.policies.iter().zip(&experiment.first_runs) {
        let Some(detail) = &run.detail else {
            continue;
        };
        let policy = policy.policy.as_str();
        write(&dir.series(policy), &detail.series.to_csv())?;
        write(&dir.sojourns(policy), &detail.sojourns.to_csv())?;
        courses.push(Course { policy, detail });
    }
    let command = command_line();
    pictures(
        dir,
        &ReportInput {
            results: report,
            courses: &courses,
            note: &job.note,
            headline,
            command: &command,
            warnings: &job.plan.warnings,
        },
    )
}

/// The figures as files, and the report that holds them.
fn pictures(dir: &RunDir, input: &ReportInput<'_>) -> Result<(), CliError> {
    let figures = figures(input);
    for figure in &figures {
        let path = dir.figure(&figure.name);
        if let Some(svg) = figure.svg() {
            write(&path.with_added_extension("svg"), &svg)?;
        }
        figure
            .write_png(&path.with_added_extension("png"))
            .map_err(|error| CliError::from(Fault::new(error.to_string())))?;
    }
    write(&dir.report(), &report_html(input, &figures))
}

fn write(path: &Path, text: &str) -> Result<(), CliError> {
    fs::write(path, text).map_err(|error| CliError::unwritable(path, &error))
}
