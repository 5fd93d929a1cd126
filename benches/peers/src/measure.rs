//! One measurement: how much CPU and how long so many messages took.

use std::io;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::cases::Case;

/// Messages of the trial that finds out how many a measurement takes.
const TRIAL: u64 = 500;

/// What a run cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Messages carried.
    pub messages: u64,
    /// CPU time of the process, all threads.
    pub cpu: Duration,
    /// Time passed.
    pub wall: Duration,
}

impl Cost {
    /// CPU time a message, in nanoseconds.
    #[must_use]
    pub fn cpu_ns(&self) -> f64 {
        self.cpu.as_nanos() as f64 / self.messages as f64
    }

    /// Messages a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.messages as f64 / self.wall.as_secs_f64()
    }
}

/// Runs a case with so many messages.
///
/// # Panics
/// When a message was lost or delivered twice.
#[must_use]
pub fn run(run: fn(Case, u64) -> u64, case: Case, messages: u64) -> Cost {
    let messages = case.evenly(messages);
    let (cpu, began) = (cpu_time(), Instant::now());
    let sum = run(case, messages);
    let (cpu, wall) = (cpu_time().saturating_sub(cpu), began.elapsed());
    assert_eq!(sum, case.sum(messages), "every message once");
    Cost {
        messages,
        cpu,
        wall,
    }
}

/// Runs a case for about so long: a short trial first, which also warms up, tells how many
/// messages that is.
#[must_use]
pub fn run_for(peer: fn(Case, u64) -> u64, case: Case, span: Duration) -> Cost {
    let mut messages = TRIAL.max(case.senders());
    loop {
        let trial = run(peer, case, messages);
        let share = trial.wall.as_secs_f64() / span.as_secs_f64();
        if share > 0.1 {
            return run(peer, case, (messages as f64 / share) as u64);
        }
        messages *= if share > 0.01 { 10 } else { 20 };
    }
}

/// CPU time of this process, all threads.
#[must_use]
pub fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// Keeps this process on one core; threads started later inherit it.
///
/// # Errors
/// When the system refuses, or is none that can.
#[cfg(target_os = "linux")]
pub fn pin() -> io::Result<()> {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let allowed = sched_getaffinity(None)?;
    let last = (0..CpuSet::MAX_CPU).rfind(|&core| allowed.is_set(core));
    let mut one = CpuSet::new();
    one.set(last.unwrap_or(0));
    Ok(sched_setaffinity(None, &one)?)
}

/// Keeps this process on one core.
///
/// # Errors
/// Always: here it cannot be done.
#[cfg(not(target_os = "linux"))]
pub fn pin() -> io::Result<()> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}
