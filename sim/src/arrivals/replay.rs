//! The messages of a trace, at their times.

use std::sync::Arc;

use ebbtide_policies::units::Time;

use crate::series::sped_up;
use crate::streams::{MessageKey, Stream, Streams};
use crate::trace::{Origin, Row, Trace};

use super::{Generator, Load};

/// Where a repeated message's number begins, apart from all original ones.
const COPY: u64 = 1 << 48;

/// One replication's messages of a trace.
pub(crate) struct Replay {
    trace: Arc<Trace>,
    replication: u32,
    stream: Stream,
    speed: f64,
    load: f64,
    index: usize,
    /// Times that the present row is still to be sent, and how often it was.
    left: u64,
    copy: u64,
    row: Row,
}

impl Replay {
    pub(crate) fn new(trace: Arc<Trace>, speed: f64, load: f64, streams: Streams) -> Self {
        Self {
            trace,
            replication: streams.replication(),
            stream: streams.stream("trace load", 0),
            speed,
            load,
            index: 0,
            left: 0,
            copy: 0,
            row: Row::default(),
        }
    }

    /// Goes to the next row that is sent at least once.
    fn advance(&mut self) -> Option<()> {
        while self.left == 0 {
            let row = *self.trace.rows(self.replication).get(self.index)?;
            let origin = row.origin.unwrap_or(Origin {
                source: None,
                caller: 0,
                number: self.index as u64,
            });
            self.index += 1;
            self.copy = 0;
            self.left = self.copies(origin);
            self.row = Row {
                at: sped_up(row.at, self.speed),
                origin: Some(origin),
                ..row
            };
        }
        Some(())
    }

    /// How often a message is sent: `load` on average.
    fn copies(&self, origin: Origin) -> u64 {
        if self.load == 1.0 {
            return 1;
        }
        let key = MessageKey::new(origin.source.unwrap_or(0), origin.caller, origin.number);
        let mut rng = self.stream.draw(key.mixed(), 0);
        self.load as u64 + u64::from(rng.happens(self.load.fract()))
    }
}

impl Generator for Replay {
    fn next(&mut self) -> Option<Time> {
        self.advance()?;
        if self.copy > 0
            && let Some(origin) = &mut self.row.origin
        {
            origin.number += COPY;
        }
        self.left -= 1;
        self.copy += 1;
        Some(self.row.at)
    }

    fn row(&self) -> Option<&Row> {
        Some(&self.row)
    }
}

/// What the first replication of a trace brings until `end`; the peak is that of ten seconds.
pub(super) fn load(trace: &Trace, speed: f64, load: f64, end: Time) -> Load {
    const WINDOW_S: f64 = 10.0;
    let times = trace.rows(0).iter().map(|row| sped_up(row.at, speed));
    let times: Vec<Time> = times.take_while(|at| *at < end).collect();
    let mut first = 0;
    let mut most = 0;
    for (last, at) in times.iter().enumerate() {
        while at.since(times[first]).as_secs_f64() >= WINDOW_S {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    Load {
        messages: times.len() as f64 * load,
        peak_per_s: most as f64 / WINDOW_S * load,
    }
}
