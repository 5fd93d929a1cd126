//! Closed loops: callers that send again once they have their answer.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use ebbtide_policies::units::{Duration, Time};

use crate::distribution::{Distribution, Sampler};
use crate::streams::{MessageKey, Stream, Streams};

/// The least time between a message and the next of its caller where the outcome took none: a
/// full queue, say, that refuses at once. Without it such a loop would spin at one instant.
const LEAST_TURN: Duration = Duration::from_millis(1);

/// The callers of one source.
#[derive(Clone)]
pub(crate) struct Callers {
    source: u32,
    think: Sampler,
    stream: Stream,
    /// Who sends when; those that wait for an outcome are not in it.
    thinking: BinaryHeap<Reverse<(Time, u32)>>,
    /// Messages that each caller sent.
    sent: Vec<u64>,
}

impl Callers {
    /// All of them thinking before their first message.
    pub(super) fn new(callers: u32, think: &Distribution, source: u32, streams: Streams) -> Self {
        let mut loops = Self {
            source,
            think: think.sampler(),
            stream: streams.stream("think", u64::from(source)),
            thinking: BinaryHeap::new(),
            sent: vec![0; callers as usize],
        };
        for caller in 0..callers {
            let first = Time::ZERO + loops.think_time(caller);
            loops.thinking.push(Reverse((first, caller)));
        }
        loops
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u32 {
        self.sent.len() as u32
    }

    /// When the next message is sent, unless an outcome comes before.
    #[inline]
    pub(crate) fn next(&self) -> Option<Time> {
        self.thinking.peek().map(|Reverse((at, _))| *at)
    }

    /// The caller whose turn it is sends.
    #[inline(always)]
    pub(crate) fn send(&mut self) -> MessageKey {
        let (caller, number) = self.take_turn();
        MessageKey::new(self.source, caller, number)
    }

    /// Whose turn it is to send, and how many it sent before. Apart, and two words: a key would be
    /// made in memory.
    #[inline(never)]
    fn take_turn(&mut self) -> (u32, u64) {
        let next = self.thinking.pop();
        let Reverse((_, caller)) = next.expect("called only when a message is due");
        let sent = &mut self.sent[caller as usize];
        *sent += 1;
        (caller, *sent - 1)
    }

    /// A message has its outcome: its caller thinks, and sends again in the time that is open,
    /// if it comes to that.
    pub(crate) fn think(&mut self, now: Time, key: MessageKey, sent: Time, open: Range<Time>) {
        let mut think = self.think_time(key.caller());
        if now == sent {
            think = think.max(LEAST_TURN);
        }
        let next = (now + think).max(open.start);
        if next < open.end {
            self.thinking.push(Reverse((next, key.caller())));
        }
    }

    /// How long a caller thinks before its next message; keyed by that message.
    fn think_time(&self, caller: u32) -> Duration {
        let key = MessageKey::new(self.source, caller, self.sent[caller as usize]);
        self.think.duration(&mut self.stream.draw(key.mixed(), 0))
    }
}
