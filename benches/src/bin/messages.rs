//! Runs one contender once: `messages NAME N`. Counting its instructions for two N and taking
//! the difference leaves what one message costs, start-up apart. Says its peak memory too.

use std::process::ExitCode;

use ebbtide_benches::contenders;
use ebbtide_benches::queue::Load;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let parsed = match arguments.as_slice() {
        [name, messages] => contenders::by_name(name).zip(messages.parse().ok()),
        _ => None,
    };
    let Some((contender, messages)) = parsed else {
        let names: Vec<_> = contenders::ALL.iter().map(|one| one.name).collect();
        eprintln!(
            "usage: messages NAME N, where NAME is one of {}",
            names.join(", ")
        );
        return ExitCode::from(2);
    };
    let seen = (contender.run)(Load { messages, seed: 1 });
    eprintln!(
        "{}: {} messages, mean wait {:.4} calls, peak memory {}",
        contender.name,
        seen.served,
        seen.mean_wait,
        peak_memory().unwrap_or_else(|| "unknown".to_owned())
    );
    ExitCode::SUCCESS
}

/// The largest resident size of this process so far, where the system tells (Linux).
fn peak_memory() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line["VmHWM:".len()..].trim().to_owned())
}
