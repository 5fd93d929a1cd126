//! The queue that all contenders run, and the luck they share.

use ebbtide_sim::streams::{MessageKey, Stream, Streams};
use rand_distr::{Distribution, Exp1};

/// Servers of the queue.
pub const SERVERS: usize = 5;
/// Mean of the exponential call time, nanoseconds: 10 ms, the quick end of remote agents.
pub const MEAN_CALL_NS: f64 = 1e7;
/// Mean of the exponential gap between arrivals, nanoseconds: 450 a second, so 90 % load.
pub const MEAN_GAP_NS: f64 = MEAN_CALL_NS / 4.5;
/// Mean wait in mean call times by Erlang's formula C (P(wait) 0.76249), for these numbers.
pub const EXPECTED_WAIT: f64 = 1.52499;
/// Deadline of each message where a contender knows deadlines, seconds; none ever passes.
pub const DEADLINE_S: u64 = 30;

/// One run of the queue: started empty, run until the last of `messages` has left.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// How many messages arrive.
    pub messages: u64,
    /// Seed of all draws.
    pub seed: u64,
}

/// What a contender saw.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Messages served to the end.
    pub served: u64,
    /// Mean wait of a message, in mean call times.
    pub mean_wait: f64,
}

impl Seen {
    /// From the sum of all waits, in nanoseconds.
    #[must_use]
    pub fn from_sum(served: u64, waits_ns: u128) -> Self {
        Self {
            served,
            mean_wait: waits_ns as f64 / MEAN_CALL_NS / served as f64,
        }
    }
}

/// The draws: keyed, and with the very keys that the simulator uses for a scenario of one source
/// and an agent called `server`, so that all contenders meet the same messages.
#[derive(Clone, Copy, Debug)]
pub struct Luck {
    gaps: Stream,
    calls: Stream,
}

impl Luck {
    /// The luck of one seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let streams = Streams::new(seed, 0);
        Self {
            gaps: streams.stream("arrivals", 0),
            calls: streams.stream("calls of server", 0),
        }
    }

    /// From the message before to message `number`, nanoseconds.
    #[inline]
    #[must_use]
    pub fn gap_ns(&self, number: u64) -> u64 {
        exponential_ns(self.gaps, number, MEAN_GAP_NS)
    }

    /// How long the call of message `number` takes, nanoseconds.
    #[inline]
    #[must_use]
    pub fn call_ns(&self, number: u64) -> u64 {
        let key = MessageKey::new(0, 0, number).mixed();
        exponential_ns(self.calls, key, MEAN_CALL_NS)
    }
}

#[inline]
fn exponential_ns(stream: Stream, key: u64, mean_ns: f64) -> u64 {
    let unit: f64 = Exp1.sample(&mut stream.draw(key, 0));
    (unit * mean_ns + 0.5) as u64
}
