//! `cargo xtask test`: the whole suite with one command on a fresh machine, and the examples, each
//! of which ends by itself.
//!
//! With all features: those that are off by default are tested nowhere else.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::shell::{self, Done};
use crate::tools;

/// Readies what the tests need, then runs documentation tests and all others.
pub(crate) fn run(root: &Path) -> Done {
    if let Err(missing) = tools::ensure_apt(root, "chromium", "chromium") {
        shell::skip_loudly("the test that opens a report in a browser", &missing);
    }
    let all = ["--workspace", "--all-features"];
    let has_nextest = shell::find("cargo-nextest").is_some();
    let targets: &[&str] = if has_nextest { &[] } else { &["--all-targets"] };
    let mut build = shell::cargo(root);
    build.args(["test", "--no-run"]).args(all).args(targets);
    stage(
        "1 of 4: building the tests",
        "3 to 6 min the first time",
        &mut build,
    )?;
    // First, so that the closing lines of a run are those of the larger part.
    let mut doc = shell::cargo(root);
    doc.args(["test", "--doc", "--quiet"]).args(all);
    stage(
        "2 of 4: examples in the documentation",
        "3 to 5 min",
        &mut doc,
    )?;
    let mut rest = shell::cargo(root);
    if has_nextest {
        rest.args(["nextest", "run"]).args(all);
    } else {
        rest.args(["test"]).args(all).args(targets);
    }
    stage("3 of 4: all other tests", "3 to 5 min", &mut rest)?;
    eprintln!("\n--- 4 of 4: programs in examples/, some seconds each");
    examples(root)
}

/// Runs a command after a line that says what it does, and roughly how long it takes on two cores.
fn stage(what: &str, takes: &str, command: &mut Command) -> Done {
    eprintln!("\n--- {what}, {takes} on two cores");
    shell::run(command)
}

/// Every example runs to its end.
fn examples(root: &Path) -> Done {
    for (package, folder) in [("ebbtide", "examples"), ("ebbtide-core", "core/examples")] {
        for name in names(&root.join(folder))? {
            eprintln!("example {name}");
            let mut example = shell::cargo(root);
            example.args(["run", "--quiet", "--all-features", "--package", package]);
            shell::run(example.args(["--example", &name]).stdout(Stdio::null()))?;
        }
    }
    Ok(())
}

/// The examples in a folder, by name.
fn names(folder: &Path) -> Done<Vec<String>> {
    let why = |why| format!("{}: {why}", folder.display());
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(why)? {
        let path = entry.map_err(why)?.path();
        let name = path.file_stem().and_then(|name| name.to_str());
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(name.map(str::to_owned));
        }
    }
    names.sort();
    if names.is_empty() {
        return Err(format!("{} holds no examples", folder.display()));
    }
    Ok(names)
}
