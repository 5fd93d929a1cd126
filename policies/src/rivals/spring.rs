//! `spring`: consumers that come and go by their own runs of busy and idle cycles, Spring AMQP's
//! `SimpleMessageListenerContainer`.
//!
//! Source (read): spring-projects/spring-amqp at 94df521,
//! `spring-rabbit/src/main/java/org/springframework/amqp/rabbit/listener/SimpleMessageListenerContainer.java`.
//! A consumer receives (waiting at most 1 s) and handles what came, one cycle. After more than ten
//! busy cycles in a row it asks for another consumer, granted once in 10 s; after more than ten
//! idle ones it asks to stop, granted once in 60 s. The counter is tested before it is raised, so
//! that "10" acts at the twelfth cycle, and it starts again even when refused: the code says so,
//! the documentation does not. Known weaknesses: one consumer in 10 s; under light traffic handed
//! round, no consumer is ever idle for twelve seconds, so that none ever stops (its issue 2305).
//!
//! Mapping: a consumer is a worker, with its slots as many threads on one counter (kinder than a
//! consumer a slot, which would grow by a slot in 10 s); a call is a cycle's message, a batch one
//! call, as with `consumerBatchEnabled`. Cycles are not observed one by one: an interval's calls
//! are spread evenly over it, each handed to the consumer that has been free longest, as RabbitMQ
//! does, and end in the order in which they started; with constant call times that is exact to a
//! cycle. Above 1,000 consumers or calls a tick the rest is not followed.

use std::collections::VecDeque;

use serde::Deserialize;

use super::demand::CallFlow;
use crate::decision::{Decision, Reason};
use crate::observation::Observation;
use crate::policy::Policy;
use crate::settings::{Configured, SettingError, within};
use crate::units::{Duration, Time};

mod container;

use container::Container;

/// Most consumers, and calls of a tick, that are followed one by one.
const FOLLOWED: u64 = 1_000;

/// What can be set.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// `consecutiveActiveTrigger`, 1–10,000.
    pub active_trigger: u32,
    /// `startConsumerMinInterval`.
    pub start_interval: Duration,
    /// `consecutiveIdleTrigger`, 1–10,000.
    pub idle_trigger: u32,
    /// `stopConsumerMinInterval`.
    pub stop_interval: Duration,
    /// `receiveTimeout`, 1 ms – 1 day.
    pub receive_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            active_trigger: 10,
            start_interval: Duration::from_secs(10),
            idle_trigger: 10,
            stop_interval: Duration::from_secs(60),
            receive_timeout: Duration::from_secs(1),
        }
    }
}

impl crate::settings::Settings for Settings {
    fn check(&self) -> Result<(), SettingError> {
        let (least, day) = (Duration::from_millis(1), Duration::from_secs(86_400));
        within("active_trigger", self.active_trigger, 1..=10_000)?;
        within("start_interval", self.start_interval, Duration::ZERO..=day)?;
        within("idle_trigger", self.idle_trigger, 1..=10_000)?;
        within("stop_interval", self.stop_interval, Duration::ZERO..=day)?;
        within("receive_timeout", self.receive_timeout, least..=day)
    }
}

/// Spring's listener container.
#[derive(Clone, Debug)]
pub struct Spring {
    container: Container,
    flow: CallFlow,
    /// Consumers of the calls in flight, in the order of their start.
    holders: VecDeque<u64>,
}

impl Configured for Spring {
    type Settings = Settings;

    fn new(settings: Settings) -> Self {
        Self {
            container: Container::new(settings),
            flow: CallFlow::default(),
            holders: VecDeque::new(),
        }
    }
}

impl Spring {
    /// Lives through an interval with these calls.
    fn live(&mut self, observation: &Observation) {
        let (started, ended) = self.flow.observe(observation);
        let begin_s = observation.at.as_secs_f64() - observation.interval.as_secs_f64();
        let (starts, ends) = (started.min(FOLLOWED), ended.min(FOLLOWED));
        let instant = |k: u64, of: u64| {
            let share = (k as f64 + 0.5) / of as f64;
            let at_s = begin_s + share * observation.interval.as_secs_f64();
            Time::ZERO + Duration::from_secs_f64(at_s)
        };
        let (mut start, mut end) = (0, 0);
        while start < starts || end < ends {
            let next_start = (start < starts).then(|| instant(start, starts));
            let next_end = (end < ends).then(|| instant(end, ends));
            // Calls that are under way end first where both are due.
            if next_end.is_some_and(|at| next_start.is_none_or(|start| at <= start)) {
                if let (Some(id), Some(at)) = (self.holders.pop_front(), next_end) {
                    self.container.end(id, at);
                }
                end += 1;
            } else if let Some(at) = next_start {
                self.holders.extend(self.container.hand_out(at));
                start += 1;
            }
        }
        self.container.settle(observation.at);
    }
}

impl Policy for Spring {
    fn name(&self) -> &str {
        "spring"
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        let followed = |workers: u32| u64::from(workers).min(FOLLOWED) as usize;
        let bounds = observation.bounds;
        self.container.bounds = (followed(bounds.min_workers), followed(bounds.max_workers));
        self.container.slots = observation.parallelism.max(1);
        let first = self.container.consumers.is_empty();
        if first {
            let begun = Time::from_nanos(
                observation
                    .at
                    .as_nanos()
                    .saturating_sub(observation.interval.as_nanos()),
            );
            for _ in 0..followed(observation.setting.workers).max(1) {
                self.container.start(begun);
            }
        }
        let before = self.container.consumers.len();
        self.live(observation);
        let count = self.container.consumers.len();
        let reason = match count.cmp(&before) {
            std::cmp::Ordering::Greater => Reason::new("busy", "a consumer was busy all along"),
            std::cmp::Ordering::Less => Reason::new("idle", "a consumer had nothing to do"),
            std::cmp::Ordering::Equal => {
                Reason::new("steady", "no consumer was busy or idle for long enough")
            }
        };
        Decision::of_workers(count as f64, observation, reason)
    }
}

#[cfg(test)]
mod tests;
