//! `cargo xtask soak`: a hundred million messages through `ebbtide simulate`, and a million through
//! the live broker from producers ten times faster than their agent, in memory that does not grow
//! with them.
//!
//! Apart from the tests because it takes a minute or two. Every message has a patience of an hour
//! and a deadline, most of which are never reached: what is forgotten too late shows here.

use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use crate::shell::{self, Done};
use crate::tools;

/// Sent at 10,000/s.
const MESSAGES: u64 = 100_000_000;
/// Resident memory at its peak.
const MOST_MIB: u64 = 200;

const SCENARIO: &str = r#"(
    run: (length: "10000s", warm_up: "0s", replications: 1),
    traffic: [(
        arrivals: Deterministic("10000/s"),
        classes: [(name: "ask", to: Agent("echo"), deadline: "10min", patience: Constant("1h"))],
    )],
    agents: [(name: "echo", call: Exponential("5ms"), failures: (share: 0.01))],
    broker: (num_workers: 10, policy: "fixed"),
)
"#;

/// Builds the command, runs it, and compares its messages and its memory with what they must be.
pub(crate) fn run(root: &Path) -> Done {
    let mut build = shell::cargo(root);
    build.args(["build", "--release", "--locked", "--quiet"]);
    shell::run(build.args(["--package", "ebbtide-cli"]))?;
    let ebbtide = tools::release_binary(root, "ebbtide")?;
    let scenario = ebbtide.with_file_name("soak.ron");
    std::fs::write(&scenario, SCENARIO).map_err(|why| format!("soak.ron: {why}"))?;
    let mut command = shell::program(root, &ebbtide.to_string_lossy());
    command.arg("simulate").arg(&scenario);
    command.args(["--quiet", "--format", "json"]);
    let child = command.stdout(Stdio::piped()).spawn();
    let mut child = child.map_err(|why| format!("ebbtide does not start: {why}"))?;
    let peak_mib = watched(&mut child)?;
    let output = child.wait_with_output().map_err(|why| why.to_string())?;
    let report: serde_json::Value =
        serde_json::from_slice(&output.stdout).map_err(|why| format!("no results: {why}"))?;
    let accepted = report["results"]["accepted"].as_u64();
    let refused = report["results"]["refused"].as_u64();
    let wall_s = report["wall_s"].as_f64().unwrap_or_default();
    let sent = accepted
        .zip(refused)
        .map(|(accepted, refused)| accepted + refused);
    eprintln!("{sent:?} messages in {wall_s:.0} s, at most {peak_mib} MiB");
    // The last is due at the very end of the run, and so is not sent.
    if sent != Some(MESSAGES - 1) {
        return Err(format!("{} messages should have been sent", MESSAGES - 1));
    }
    if peak_mib > MOST_MIB {
        return Err(format!(
            "{peak_mib} MiB are too much, allowed are {MOST_MIB}"
        ));
    }
    overload(root)
}

/// The live broker; the program itself says what is wrong.
fn overload(root: &Path) -> Done {
    let mut overload = shell::cargo(root);
    overload.args(["run", "--release", "--locked", "--quiet"]);
    shell::run(overload.args(["--package", "ebbtide-benches", "--bin", "overload"]))
}

/// The most memory that `child` has while it runs; the system keeps the peak, so that a look now
/// and then is enough.
fn watched(child: &mut Child) -> Done<u64> {
    let status = format!("/proc/{}/status", child.id());
    let mut peak_mib = None;
    while child.try_wait().map_err(|why| why.to_string())?.is_none() {
        let seen = std::fs::read_to_string(&status).ok();
        peak_mib = seen.as_deref().and_then(peak).or(peak_mib);
        thread::sleep(Duration::from_millis(100));
    }
    peak_mib.ok_or_else(|| "the system does not tell how much memory it took".to_owned())
}

/// In MiB, from the line `VmHWM:   12345 kB`.
fn peak(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_from_what_the_system_tells() {
        assert_eq!(
            peak("Name:\tx\nVmHWM:\t  204800 kB\nVmRSS:\t 5 kB\n"),
            Some(200)
        );
        assert_eq!(peak("Name:\tx\n"), None);
    }
}
