//! The arena: what it ranks, the suite that it ranks on, the oracles that are shipped for it.

mod oracles;
mod ranking;
mod suite;

use std::path::{Path, PathBuf};

use ebbtide_sim::files::Files;
use ebbtide_sim::shipped::Shipped;
use ebbtide_sim::{Plan, Scenario};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The plan of a scenario; `None`, and says so, where its traces are not on this machine.
fn plan(shipped: &Shipped) -> Option<Plan> {
    let scenario = Scenario::from_ron(shipped.text).unwrap_or_else(|error| panic!("{error}"));
    let mut files = Files::default();
    for named in scenario.files() {
        let path = root().join(shipped.folder).join(&named.path);
        let Ok(content) = std::fs::read(&path) else {
            eprintln!(
                "SKIPPED: {} needs {}, which is not there",
                shipped.name,
                path.display()
            );
            return None;
        };
        files.add(&named, &content).expect("a sound file");
    }
    let plan = Plan::new(shipped.text, files);
    Some(plan.unwrap_or_else(|error| panic!("{}: {error}", shipped.name)))
}
