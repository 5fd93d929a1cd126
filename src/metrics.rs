//! What tokio-metrics sees of the workers' tasks and of their runtime.

use std::future::Future;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio_metrics::{Instrumented, RuntimeIntervals, RuntimeMonitor, TaskMonitor};

use ebbtide_policies::units::Duration;

/// The monitors of one broker.
pub(crate) struct Monitors {
    tasks: TaskMonitor,
    runtime: Mutex<RuntimeIntervals>,
}

/// The workers' tasks since the broker started. A *turn* is one poll: it ends when all handlers
/// wait, or after some hundred calls.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct TaskFigures {
    /// Turns taken.
    pub turns: u64,
    /// Mean length of a turn. Long ones are handlers that compute, or block.
    pub mean_turn: Duration,
    /// Share of turns that tokio-metrics calls slow: 50 µs and longer.
    pub slow_turns: f64,
    /// Mean time from being woken until the runtime gives the turn: long ones are a busy
    /// runtime.
    pub mean_delay: Duration,
}

/// The runtime that the broker runs on, since the last snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct RuntimeFigures {
    /// Its threads.
    pub threads: usize,
    /// Its tasks now, all of them.
    pub tasks: usize,
    /// Share of the threads' time that was spent on tasks, 0–1.
    pub busy: f64,
    /// Tasks now in the queue that all threads share.
    pub queued_tasks: usize,
}

impl Monitors {
    pub(crate) fn of(runtime: &Handle) -> Self {
        Self {
            tasks: TaskMonitor::new(),
            runtime: Mutex::new(RuntimeMonitor::new(runtime).intervals()),
        }
    }

    /// Watches a worker's task.
    pub(crate) fn watch<F: Future>(&self, task: F) -> Instrumented<F> {
        self.tasks.instrument(task)
    }

    pub(crate) fn tasks(&self) -> TaskFigures {
        let seen = self.tasks.cumulative();
        TaskFigures {
            turns: seen.total_poll_count,
            mean_turn: seen.mean_poll_duration().into(),
            slow_turns: seen.slow_poll_ratio(),
            mean_delay: seen.mean_scheduled_duration().into(),
        }
    }

    /// Since it was last asked.
    pub(crate) fn runtime(&self) -> RuntimeFigures {
        let Some(seen) = self.runtime.lock().next() else {
            return RuntimeFigures::default();
        };
        let span = seen.elapsed.as_secs_f64() * seen.workers_count as f64;
        let busy = seen.total_busy_duration.as_secs_f64();
        RuntimeFigures {
            threads: seen.workers_count,
            tasks: seen.live_tasks_count,
            busy: if span > 0.0 { busy / span } else { 0.0 },
            queued_tasks: seen.global_queue_depth,
        }
    }
}
