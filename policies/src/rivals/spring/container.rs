//! The container itself: consumers, their cycles, and what these lead to.

use super::Settings;
use crate::units::Time;

/// A consumer's own view.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Consumer {
    id: u64,
    /// Busy cycles in a row, and idle ones.
    actives: u32,
    idles: u32,
    calls: u32,
    /// Since when it has had a slot free, and where its present wait for a message began.
    free_since: Time,
    waiting_since: Time,
}

/// What a consumer's cycle led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    None,
    Started,
    Stopped,
}

/// The container: its consumers and when it last started and stopped one.
#[derive(Clone, Debug)]
pub(super) struct Container {
    settings: Settings,
    pub(super) bounds: (usize, usize),
    pub(super) slots: u32,
    pub(super) consumers: Vec<Consumer>,
    next_id: u64,
    last_started: Option<Time>,
    last_stopped: Option<Time>,
}

impl Container {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            bounds: (1, 1),
            slots: 1,
            consumers: Vec::new(),
            next_id: 0,
            last_started: None,
            last_stopped: None,
        }
    }

    pub(super) fn start(&mut self, now: Time) {
        self.consumers.push(Consumer {
            id: self.next_id,
            actives: 0,
            idles: 0,
            calls: 0,
            free_since: now,
            waiting_since: now,
        });
        self.next_id += 1;
    }

    /// `checkAdjust` after a cycle of consumer `index`.
    pub(super) fn after_cycle(&mut self, index: usize, is_active: bool, now: Time) -> Change {
        let count = self.consumers.len();
        let over = |last: Option<Time>, length| last.is_none_or(|at| now.since(at) > length);
        let consumer = &mut self.consumers[index];
        if is_active {
            consumer.idles = 0;
            if consumer.actives <= self.settings.active_trigger {
                consumer.actives += 1;
                return Change::None;
            }
            consumer.actives = 0;
            if count < self.bounds.1 && over(self.last_started, self.settings.start_interval) {
                self.last_started = Some(now);
                self.start(now);
                return Change::Started;
            }
        } else {
            consumer.actives = 0;
            if consumer.idles <= self.settings.idle_trigger {
                consumer.idles += 1;
                return Change::None;
            }
            consumer.idles = 0;
            if count > self.bounds.0 && over(self.last_stopped, self.settings.stop_interval) {
                self.last_stopped = Some(now);
                self.consumers.remove(index);
                return Change::Stopped;
            }
        }
        Change::None
    }

    /// Ends the waits of consumer `index` that were in vain until `now`; whether it is still there.
    fn idle_cycles(&mut self, index: usize, now: Time) -> bool {
        let timeout = self.settings.receive_timeout;
        // More than a run each is no news.
        for _ in 0..=2 * self.settings.idle_trigger {
            let consumer = &mut self.consumers[index];
            let over = consumer.waiting_since + timeout;
            if consumer.calls >= self.slots || over > now {
                return true;
            }
            consumer.waiting_since = over;
            if self.after_cycle(index, false, over) == Change::Stopped {
                return false;
            }
        }
        self.consumers[index].waiting_since = now;
        true
    }

    /// Hands a call to the consumer that has been free longest; its id.
    pub(super) fn hand_out(&mut self, now: Time) -> Option<u64> {
        let free = self.consumers.iter().enumerate();
        let free = free.filter(|(_, consumer)| consumer.calls < self.slots);
        let (index, _) = free.min_by_key(|(_, consumer)| (consumer.free_since, consumer.id))?;
        if !self.idle_cycles(index, now) {
            return self.hand_out(now);
        }
        let consumer = &mut self.consumers[index];
        consumer.calls += 1;
        (consumer.free_since, consumer.waiting_since) = (now, now);
        Some(consumer.id)
    }

    /// A call of consumer `id` ends.
    pub(super) fn end(&mut self, id: u64, now: Time) {
        let found = self.consumers.iter().position(|consumer| consumer.id == id);
        let Some(index) = found else {
            return;
        };
        let consumer = &mut self.consumers[index];
        if consumer.calls >= self.slots {
            (consumer.free_since, consumer.waiting_since) = (now, now);
        }
        consumer.calls = consumer.calls.saturating_sub(1);
        self.after_cycle(index, true, now);
    }

    /// All waits in vain until `now`.
    pub(super) fn settle(&mut self, now: Time) {
        let mut index = 0;
        while index < self.consumers.len() {
            index += usize::from(self.idle_cycles(index, now));
        }
    }
}
