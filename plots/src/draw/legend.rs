//! Legends: in lines above the plot, never inside it, so that they hide no curve.

use plotters::prelude::DrawingBackend;
use plotters::style::RGBColor;

use super::pen::{Drawn, Pen, TextLook};
use crate::theme::{LINE, Look, MARGIN, WIDTH};

/// Width of the sample before a label.
const SAMPLE: i32 = 56;
/// Free space between a sample and its label, and twice that between entries.
const GAP: i32 = 14;
/// Widest label.
const LABEL: i32 = 620;

/// One entry.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) label: String,
    pub(crate) sample: Sample,
}

/// What an entry shows beside its label.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sample {
    /// A line with its marker.
    Line(Look, u32),
    /// A line alone.
    Plain(RGBColor, u32),
    /// A filled area.
    Area(RGBColor, f64),
    /// A dashed line.
    Dashes(RGBColor),
}

/// Entries with their places: x, and line from the top.
pub(crate) struct Legend {
    placed: Vec<(i32, i32, Entry)>,
    /// Lines that it fills, at least one.
    pub(crate) lines: i32,
}

impl Legend {
    /// Lays `entries` out from `start` to the right edge, then in further lines.
    pub(crate) fn new(entries: Vec<Entry>, start: i32) -> Self {
        let (mut x, mut line) = (start, 0);
        let mut placed = Vec::new();
        for mut entry in entries {
            entry.label = TextLook::LABEL.fit(&entry.label, LABEL);
            let width = SAMPLE + GAP + TextLook::LABEL.width(&entry.label);
            if x + width > WIDTH - MARGIN && x > MARGIN {
                (x, line) = (MARGIN, line + 1);
            }
            placed.push((x, line, entry));
            x += width + GAP * 2;
        }
        let lines = line + 1;
        Self { placed, lines }
    }

    /// Draws it, its first line from `top` on.
    pub(crate) fn draw<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>, top: i32) -> Drawn<DB> {
        for (x, line, entry) in &self.placed {
            let (x, y) = (*x, top + line * LINE + LINE / 2);
            let end = x + SAMPLE;
            match entry.sample {
                Sample::Line(look, width) => {
                    pen.polyline(&[(x, y), (end, y)], look.colour, width)?;
                    pen.marker((x + SAMPLE / 2, y), look)?;
                }
                Sample::Plain(colour, width) => pen.polyline(&[(x, y), (end, y)], colour, width)?,
                Sample::Area(colour, alpha) => {
                    pen.fill((x, y - 10), (end, y + 10), colour, alpha)?;
                }
                Sample::Dashes(colour) => pen.dashes(x, end, y, colour)?,
            }
            pen.text(&entry.label, (end + GAP, y), TextLook::LABEL)?;
        }
        Ok(())
    }
}
