//! What time it is, in core's terms: nanoseconds since the broker started.
//!
//! Two sources, one of which is chosen at start. A counter of the processor is the cheapest to
//! read, and a broker reads the clock at each message; a runtime whose time is paused has a
//! clock of its own, which nothing else shows.

use ebbtide_policies::units::Time;
use tokio::time::Instant;

/// Where a broker reads the time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeSource {
    /// The runtime's clock if it stands still when the broker starts, the processor's
    /// otherwise.
    #[default]
    Auto,
    /// The runtime's clock (`tokio::time`): for tests that pause it later. It needs the runtime's timers
    /// (`enable_time`), as nothing else of a broker does.
    Runtime,
    /// The processor's counter: a third of the price of the system's clock.
    Processor,
}

/// A running clock.
#[derive(Clone, Debug)]
pub(crate) enum Clock {
    Runtime { start: Instant },
    Processor { counter: quanta::Clock, start: u64 },
}

impl TimeSource {
    /// Whether it is the runtime's clock. To be called within a runtime.
    pub(crate) fn is_runtime(self) -> bool {
        match self {
            Self::Auto => runtime_is_paused(),
            Self::Runtime => true,
            Self::Processor => false,
        }
    }
}

impl Clock {
    /// A clock at time zero. To be called within a runtime.
    pub(crate) fn start(source: TimeSource) -> Self {
        if source.is_runtime() {
            let start = Instant::now();
            return Self::Runtime { start };
        }
        let counter = quanta::Clock::new();
        let start = counter.raw();
        Self::Processor { counter, start }
    }

    /// Whether nothing but the runtime's own timers moves it, perhaps.
    pub(crate) fn is_runtime(&self) -> bool {
        matches!(self, Self::Runtime { .. })
    }

    #[inline]
    pub(crate) fn now(&self) -> Time {
        match self {
            Self::Runtime { start } => {
                let passed = Instant::now().saturating_duration_since(*start);
                Time::from_nanos(u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX))
            }
            Self::Processor { counter, start } => {
                Time::from_nanos(counter.delta_as_nanos(*start, counter.raw()))
            }
        }
    }

    /// When the runtime's timers are to go off for `at`.
    pub(crate) fn instant(&self, at: Time) -> Instant {
        let ahead = std::time::Duration::from(at.since(self.now()));
        let now = Instant::now();
        // A year from now is as good as never, and within what every runtime's timers bear.
        let year = std::time::Duration::from_secs(365 * 24 * 3600);
        now + ahead.min(year)
    }
}

/// A paused clock gives the same instant twice although time has passed.
fn runtime_is_paused() -> bool {
    let (before, started) = (Instant::now(), std::time::Instant::now());
    while started.elapsed() < std::time::Duration::from_micros(2) {
        std::hint::spin_loop();
    }
    Instant::now() == before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_paused_runtime_is_noticed_and_its_clock_followed() {
        let clock = Clock::start(TimeSource::Auto);
        assert!(clock.is_runtime());
        assert_eq!(clock.now(), Time::ZERO);
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        assert_eq!(clock.now(), Time::from_nanos(3_000_000_000));
    }

    #[tokio::test]
    async fn a_running_runtime_gets_the_processors_clock() {
        let clock = Clock::start(TimeSource::Auto);
        assert!(!clock.is_runtime());
        let earlier = clock.now();
        assert!(clock.now() >= earlier);
    }
}
