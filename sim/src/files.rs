//! The files that a scenario names, read by whoever may and parsed here.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::series::Series;
use crate::table::TableError;
use crate::trace::Trace;

/// A file that a scenario names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// Its path, as the scenario has it.
    pub path: String,
    /// What should be in it.
    pub kind: FileKind,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    /// Messages one by one.
    Trace,
    /// Values over time.
    Series,
}

/// The content of the files that a scenario names, by path.
#[derive(Clone, Debug, Default)]
pub struct Files {
    traces: BTreeMap<String, Arc<Trace>>,
    series: BTreeMap<String, Arc<Series>>,
}

impl Files {
    /// Adds the content of a file.
    ///
    /// # Errors
    ///
    /// [`TableError`] if it is not what it should be.
    pub fn add(&mut self, file: &Named, content: &[u8]) -> Result<(), TableError> {
        match file.kind {
            FileKind::Trace => {
                let trace = Arc::new(Trace::parse(content)?);
                self.traces.insert(file.path.clone(), trace);
            }
            FileKind::Series => {
                let series = Arc::new(Series::parse(content)?);
                self.series.insert(file.path.clone(), series);
            }
        }
        Ok(())
    }

    /// Whether a file's content was added.
    #[must_use]
    pub fn has(&self, file: &Named) -> bool {
        match file.kind {
            FileKind::Trace => self.traces.contains_key(&file.path),
            FileKind::Series => self.series.contains_key(&file.path),
        }
    }

    /// Plays a trace from its first row on.
    pub(crate) fn move_to_its_start(&mut self, path: &str) {
        if let Some(trace) = self.traces.get_mut(path) {
            *trace = Arc::new(Trace::clone(trace).from_its_start());
        }
    }

    pub(crate) fn trace(&self, path: &str) -> &Arc<Trace> {
        &self.traces[path]
    }

    pub(crate) fn series(&self, path: &str) -> &Series {
        &self.series[path]
    }
}
