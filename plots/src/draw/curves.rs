//! Curves over a common x axis, in panels one above the other, each with one y axis.
//!
//! Above the first panel run two lanes: labels of bands (faults), and numbered notes
//! (decisions) whose texts stand below the figure. Deliberately absent: second y axes, and
//! labels inside a panel, where they would hide what is drawn.

use plotters::prelude::DrawingBackend;
use plotters::style::text_anchor::HPos;

use super::axis::Axis;
use super::panel::{Frame, Panel};
use super::pen::{Drawn, Pen, TextLook};
use crate::theme::{GRID, LEADER, LINE, MARGIN, MUTED, NORMAL, ORANGE, PAPER, SMALL, WIDTH};

/// Free space right of the panels, for half the last tick label.
const RIGHT: i32 = WIDTH - 52;
/// Free space between a panel's legend and its plot.
const GAP: i32 = 10;
/// Height of the lane of numbered notes.
const NOTES: i32 = 46;
/// How far a note's number may stand from its place.
const NUDGE: i32 = 84;
/// Room for the text of a note.
const TEXT: i32 = RIGHT - 2 * MARGIN;
/// Widest label of a band.
const BAND_LABEL: i32 = 600;
/// How much a band darkens what lies behind.
const BAND_ALPHA: f64 = 0.2;

/// A figure of curves.
#[derive(Clone, Debug)]
pub(crate) struct Curves {
    pub(crate) x: Axis,
    pub(crate) panels: Vec<Panel>,
    pub(crate) bands: Vec<Band>,
    pub(crate) notes: Vec<Note>,
    /// What is said below the notes.
    pub(crate) remark: Option<String>,
}

/// A stretch of x that is shaded.
#[derive(Clone, Debug)]
pub(crate) struct Band {
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) label: String,
}

/// Something that happened at one x: a number there, and its text below the figure.
#[derive(Clone, Debug)]
pub(crate) struct Note {
    pub(crate) number: usize,
    pub(crate) at: f64,
    pub(crate) text: String,
}

impl Curves {
    /// Height of the whole figure.
    pub(crate) fn height(&self) -> i32 {
        let panel = |panel: &Panel| panel.legend().lines * LINE + GAP + panel.height + MARGIN;
        let panels: i32 = self.panels.iter().map(panel).sum();
        let texts = self.lines().len() as i32;
        self.lanes() + panels + 2 * LINE + texts * LINE
    }

    /// The lines below the figure.
    fn lines(&self) -> Vec<String> {
        let notes = self.notes.iter();
        let texts = notes.map(|note| format!("{}. {}", note.number, note.text));
        texts
            .chain(self.remark.clone())
            .flat_map(|text| TextLook::LABEL.wrapped(&text, TEXT))
            .collect()
    }

    fn lanes(&self) -> i32 {
        let bands = if self.bands.is_empty() { 0 } else { LINE };
        let notes = if self.notes.is_empty() { 0 } else { NOTES };
        bands + notes
    }

    /// Draws it from `top` on.
    pub(crate) fn draw<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>, top: i32) -> Drawn<DB> {
        let ticks = self.panels.iter().flat_map(|panel| &panel.y.ticks);
        let widest = ticks.map(|tick| TextLook::LABEL.width(&tick.label)).max();
        let left = MARGIN + widest.unwrap_or(0) + 16;
        let mut y = top;
        for (index, panel) in self.panels.iter().enumerate() {
            let legend = panel.legend();
            let title = TextLook::LABEL.em(NORMAL).bold();
            pen.text(&panel.y.title, (MARGIN, y + LINE / 2), title)?;
            legend.draw(pen, y)?;
            y += legend.lines * LINE + GAP;
            let lanes = y;
            if index == 0 {
                y += self.lanes();
            }
            let frame = Frame {
                x: &self.x,
                y: &panel.y,
                left,
                right: RIGHT,
                top: y,
                bottom: y + panel.height,
            };
            self.grid(pen, frame, lanes)?;
            if index == 0 {
                self.draw_lanes(pen, frame, lanes)?;
            }
            panel.draw(pen, frame)?;
            y = frame.bottom + MARGIN;
        }
        self.x_axis(pen, left, y - MARGIN)?;
        self.texts(pen, y - MARGIN + 2 * LINE + MARGIN / 2)
    }

    /// Bands from `top` on, grid lines, tick labels, and the lines of notes.
    fn grid<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>, frame: Frame<'_>, top: i32) -> Drawn<DB> {
        for band in &self.bands {
            let (from, to) = (frame.column(band.from), frame.column(band.to));
            let corners = ((from, top), (to.max(from + 2), frame.bottom));
            pen.fill(corners.0, corners.1, ORANGE.colour, BAND_ALPHA)?;
        }
        for tick in &self.x.ticks {
            let x = frame.column(tick.at);
            pen.polyline(&[(x, frame.top), (x, frame.bottom)], GRID, 2)?;
        }
        let mut lowest = i32::MAX;
        for tick in &frame.y.ticks {
            let (_, y) = frame.at((0.0, tick.at));
            pen.polyline(&[(frame.left, y), (RIGHT, y)], GRID, 2)?;
            if lowest - y >= SMALL + 4 {
                let look = TextLook::LABEL.anchor(HPos::Right);
                pen.text(&tick.label, (frame.left - 12, y), look)?;
                lowest = y;
            }
        }
        for note in &self.notes {
            let x = frame.column(note.at);
            pen.polyline(&[(x, frame.top), (x, frame.bottom)], LEADER, 2)?;
        }
        pen.polyline(
            &[(frame.left, frame.bottom), (RIGHT, frame.bottom)],
            MUTED,
            2,
        )
    }

    /// Labels of bands, then numbers of notes; what would overlap is left out (tables have it).
    fn draw_lanes<DB: DrawingBackend>(
        &self,
        pen: &Pen<'_, DB>,
        frame: Frame<'_>,
        top: i32,
    ) -> Drawn<DB> {
        let mut free = frame.left;
        for band in &self.bands {
            let label = TextLook::LABEL.fit(&band.label, BAND_LABEL);
            let half = TextLook::LABEL.width(&label) / 2;
            let middle = (frame.column(band.from) + frame.column(band.to)) / 2;
            let x = middle.min(RIGHT - half).max(frame.left + half);
            if x - half >= free {
                let look = TextLook::LABEL.anchor(HPos::Center);
                pen.text(&label, (x, top + LINE / 2), look)?;
                free = x + half + SMALL;
            }
        }
        self.numbers(pen, frame)
    }

    /// The notes' numbers, nudged apart; where there are too many, dots for some.
    fn numbers<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>, frame: Frame<'_>) -> Drawn<DB> {
        let look = TextLook {
            colour: PAPER,
            ..TextLook::LABEL.em(20).anchor(HPos::Center)
        };
        let y = frame.top - NOTES / 2 - 4;
        let mut free = 0;
        let mut shown = Vec::new();
        for note in &self.notes {
            let number = note.number.to_string();
            let radius = (look.width(&number) / 2 + 8).max(18);
            let place = frame.column(note.at);
            let x = place.max(free + radius);
            if x > (place + NUDGE).min(RIGHT) {
                pen.disc((place, frame.top - 6), 3, MUTED)?;
                continue;
            }
            pen.polyline(&[(x, y), (place, frame.top)], LEADER, 2)?;
            free = x + radius + 4;
            shown.push((x, radius, number));
        }
        for (x, radius, number) in shown {
            pen.disc((x, y), radius, MUTED)?;
            pen.text(&number, (x, y), look)?;
        }
        Ok(())
    }

    fn x_axis<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>, left: i32, top: i32) -> Drawn<DB> {
        let mut free = 0;
        for tick in &self.x.ticks {
            let x = left + (self.x.place(tick.at) * f64::from(RIGHT - left)).round() as i32;
            let half = TextLook::LABEL.width(&tick.label) / 2;
            pen.polyline(&[(x, top), (x, top + 8)], MUTED, 2)?;
            if x - half >= free {
                let look = TextLook::LABEL.anchor(HPos::Center);
                pen.text(&tick.label, (x, top + LINE / 2 + 6), look)?;
                free = x + half + SMALL / 2;
            }
        }
        let look = TextLook::LABEL.em(NORMAL).bold().anchor(HPos::Center);
        pen.text(
            &self.x.title,
            ((left + RIGHT) / 2, top + LINE + LINE / 2 + 4),
            look,
        )
    }

    fn texts<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>, top: i32) -> Drawn<DB> {
        for (index, line) in self.lines().iter().enumerate() {
            let y = top + index as i32 * LINE + LINE / 2;
            pen.text(line, (2 * MARGIN, y), TextLook::LABEL)?;
        }
        Ok(())
    }
}
