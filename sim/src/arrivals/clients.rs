//! Many clients at once, each a renewal process whose rate and variability change by window.
//!
//! The gaps have mean 1 in operational time and the coefficient of variation of the window in
//! which they begin; the client's rate stretches them (as `curve.rs` does for Poisson).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use ebbtide_policies::units::Time;

use crate::distribution::Sampler;
use crate::series::{Client, Window, sped_up};
use crate::streams::{MessageKey, Stream};
use crate::trace::{Origin, Row};

use super::curve::{self, Curve, Piece, Walk};
use super::{Generator, Load};

/// The clients of a file, merged.
pub(super) struct Clients {
    clients: Vec<ClientTimes>,
    /// When each client that is not done sends next; ties in the order of the clients.
    next: BinaryHeap<Reverse<(Time, u32)>>,
    row: Row,
}

struct ClientTimes {
    walk: Walk<Windows>,
    stream: Stream,
    class: u32,
    index: u32,
    drawn: u64,
}

/// The rates of one client.
struct Windows {
    windows: std::vec::IntoIter<(Piece, Option<Sampler>)>,
    /// Gaps of the present window, where it is not silent.
    gaps: Option<Sampler>,
}

impl Curve for Windows {
    fn next_piece(&mut self) -> Piece {
        let Some((piece, gaps)) = self.windows.next() else {
            return Piece::silence();
        };
        if gaps.is_some() {
            self.gaps = gaps;
        }
        piece
    }
}

impl Windows {
    fn new(windows: &[Window], speed: f64, load: f64) -> Self {
        let scaled = |window: &Window| {
            let until = sped_up(window.until, speed);
            (Piece::flat(until, window.per_s * load), window.gaps())
        };
        Self {
            windows: windows.iter().map(scaled).collect::<Vec<_>>().into_iter(),
            gaps: None,
        }
    }
}

impl ClientTimes {
    fn next(&mut self) -> Option<Time> {
        let subject = MessageKey::new(0, self.index, self.drawn).mixed();
        self.drawn += 1;
        let mut rng = self.stream.draw(subject, 0);
        let gap = match &self.walk.curve().gaps {
            Some(gaps) => gaps.value(&mut rng),
            // Before the first window that is not silent: any gap will do.
            None => crate::distribution::exponential(&mut rng),
        };
        self.walk.pass(gap)
    }
}

impl Clients {
    pub(super) fn new(
        clients: &[Client],
        speed: f64,
        load: f64,
        stream: Stream,
        end: Time,
    ) -> Self {
        let times = clients.iter().zip(0..).map(|(client, index)| ClientTimes {
            walk: Walk::new(Windows::new(&client.windows, speed, load), end),
            stream,
            class: client.class,
            index,
            drawn: 0,
        });
        let mut clients: Vec<ClientTimes> = times.collect();
        let first = |client: &mut ClientTimes| Some(Reverse((client.next()?, client.index)));
        Self {
            next: clients.iter_mut().filter_map(first).collect(),
            clients,
            row: Row::default(),
        }
    }
}

impl Generator for Clients {
    fn next(&mut self) -> Option<Time> {
        let Reverse((at, index)) = self.next.pop()?;
        let client = &mut self.clients[index as usize];
        self.row = Row {
            at,
            class: Some(client.class),
            origin: Some(Origin {
                source: None,
                caller: index,
                number: client.drawn - 1,
            }),
            ..Row::default()
        };
        if let Some(next) = client.next() {
            self.next.push(Reverse((next, index)));
        }
        Some(at)
    }

    fn row(&self) -> Option<&Row> {
        Some(&self.row)
    }
}

/// What the clients bring together until `end`; the peak is the sum of their own peaks, which
/// they need not reach at once.
pub(super) fn load(clients: &[Client], speed: f64, load: f64, end: Time) -> Load {
    let each = clients
        .iter()
        .map(|client| curve::load(Windows::new(&client.windows, speed, load), end));
    each.fold(Load::default(), |sum, one| Load {
        messages: sum.messages + one.messages,
        peak_per_s: sum.peak_per_s + one.peak_per_s,
    })
}
