//! Labelled rows over one axis: bars, or values with whiskers.
//!
//! Names stand left and values right of the plot, so that long names and small bars can be
//! read; rows come in groups with a heading each.

use plotters::prelude::DrawingBackend;
use plotters::style::text_anchor::HPos;

use super::axis::Axis;
use super::legend::{Entry, Legend, Sample};
use super::pen::{Drawn, Pen, TextLook};
use crate::theme::{GRID, INK, LINE, Look, MARGIN, MUTED, NORMAL, SKY, SMALL, STROKE, WIDTH};

/// Height of one row.
const ROW: i32 = 42;
/// Height of a group's heading.
const HEADING: i32 = 44;
/// Widest label of a row; longer ones are cut, the table has them whole.
const LABEL: i32 = 560;
const ZONE_ALPHA: f64 = 0.3;

/// A figure of rows.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    pub(crate) x: Axis,
    pub(crate) groups: Vec<Group>,
    /// A shaded stretch of the axis, with what it means.
    pub(crate) zone: Option<(f64, f64, String)>,
}

/// Rows under one heading; an empty heading takes no room.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) heading: String,
    pub(crate) rows: Vec<Row>,
}

/// One row.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) label: String,
    pub(crate) look: Look,
    /// `None` where there is nothing to show.
    pub(crate) mark: Option<Mark>,
    /// The value as text.
    pub(crate) value: String,
}

/// What a row shows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mark {
    /// A bar from zero.
    Bar(f64),
    /// A value, with the ends of its interval if it has one.
    Whisker(f64, Option<(f64, f64)>),
}

/// Where the plot lies on the page.
#[derive(Clone, Copy)]
struct Frame<'a> {
    x: &'a Axis,
    left: i32,
    right: i32,
}

impl Frame<'_> {
    fn column(&self, x: f64) -> i32 {
        self.left + (self.x.place(x) * f64::from(self.right - self.left)).round() as i32
    }
}

impl Rows {
    /// Height of the whole figure.
    pub(crate) fn height(&self) -> i32 {
        let groups: i32 = self.groups.iter().map(Group::height).sum();
        self.legend().map_or(0, |legend| legend.lines * LINE) + groups + 2 * LINE + MARGIN
    }

    fn legend(&self) -> Option<Legend> {
        let (_, _, label) = self.zone.as_ref()?;
        let entry = Entry {
            label: label.clone(),
            sample: Sample::Area(SKY.colour, ZONE_ALPHA),
        };
        Some(Legend::new(vec![entry], MARGIN))
    }

    fn rows(&self) -> impl Iterator<Item = &Row> {
        self.groups.iter().flat_map(|group| &group.rows)
    }

    /// Draws it from `top` on.
    pub(crate) fn draw<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>, top: i32) -> Drawn<DB> {
        let bold = TextLook::LABEL.bold();
        let label = |row: &Row| TextLook::LABEL.width(&row.label).min(LABEL);
        let labels = self.rows().map(label);
        let headings = self
            .groups
            .iter()
            .map(|group| bold.width(&group.heading).min(LABEL));
        let value = |row: &Row| TextLook::LABEL.width(&row.value);
        let frame = Frame {
            x: &self.x,
            left: MARGIN + labels.chain(headings).max().unwrap_or(0) + 24,
            right: WIDTH - MARGIN - self.rows().map(value).max().unwrap_or(0) - 24,
        };
        let mut y = top;
        if let Some(legend) = self.legend() {
            legend.draw(pen, y)?;
            y += legend.lines * LINE;
        }
        let groups: i32 = self.groups.iter().map(Group::height).sum();
        let bottom = y + groups + MARGIN / 2;
        self.grid(pen, frame, y, bottom)?;
        for group in &self.groups {
            group.draw(pen, frame, y)?;
            y += group.height();
        }
        self.axis(pen, frame, bottom)
    }

    fn grid<DB: DrawingBackend>(
        &self,
        pen: &Pen<'_, DB>,
        frame: Frame<'_>,
        top: i32,
        bottom: i32,
    ) -> Drawn<DB> {
        if let Some((from, to, _)) = &self.zone {
            let corners = ((frame.column(*from), top), (frame.column(*to), bottom));
            pen.fill(corners.0, corners.1, SKY.colour, ZONE_ALPHA)?;
        }
        for tick in &self.x.ticks {
            let x = frame.column(tick.at);
            let (colour, width) = if tick.at == 0.0 {
                (MUTED, 3)
            } else {
                (GRID, 2)
            };
            pen.polyline(&[(x, top), (x, bottom)], colour, width)?;
        }
        Ok(())
    }

    fn axis<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>, frame: Frame<'_>, top: i32) -> Drawn<DB> {
        pen.polyline(&[(frame.left, top), (frame.right, top)], MUTED, 2)?;
        let mut free = 0;
        for tick in &self.x.ticks {
            let x = frame.column(tick.at);
            let half = TextLook::LABEL.width(&tick.label) / 2;
            if x - half >= free {
                let look = TextLook::LABEL.anchor(HPos::Center);
                pen.text(&tick.label, (x, top + LINE / 2 + 4), look)?;
                free = x + half + SMALL / 3;
            }
        }
        let middle = (frame.left + frame.right) / 2;
        let look = TextLook::LABEL.em(NORMAL).bold().anchor(HPos::Center);
        pen.text(&self.x.title, (middle, top + LINE + LINE / 2 + 4), look)
    }
}

impl Group {
    fn height(&self) -> i32 {
        let heading = if self.heading.is_empty() { 0 } else { HEADING };
        heading + self.rows.len() as i32 * ROW
    }

    fn draw<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>, frame: Frame<'_>, top: i32) -> Drawn<DB> {
        let mut y = top + ROW / 2;
        if !self.heading.is_empty() {
            let look = TextLook::LABEL.bold();
            let heading = look.fit(&self.heading, LABEL);
            pen.text(&heading, (MARGIN, top + HEADING / 2 + 4), look)?;
            y += HEADING;
        }
        for row in &self.rows {
            let right = TextLook::LABEL.anchor(HPos::Right);
            let label = TextLook::LABEL.fit(&row.label, LABEL);
            pen.text(&label, (frame.left - 16, y), right)?;
            pen.text(&row.value, (frame.right + 16, y), TextLook::LABEL)?;
            if let Some(mark) = row.mark {
                mark.draw(pen, row.look, frame, y)?;
            }
            y += ROW;
        }
        Ok(())
    }
}

impl Mark {
    fn draw<DB: DrawingBackend>(
        self,
        pen: &Pen<'_, DB>,
        look: Look,
        frame: Frame<'_>,
        y: i32,
    ) -> Drawn<DB> {
        match self {
            Self::Bar(value) => {
                let (from, to) = (frame.column(0.0), frame.column(value));
                let to = if value > 0.0 { to.max(from + 3) } else { to };
                pen.fill((from, y - 13), (to, y + 13), look.colour, 1.0)
            }
            Self::Whisker(value, interval) => {
                if let Some((low, high)) = interval {
                    let (low, high) = (frame.column(low), frame.column(high));
                    pen.polyline(&[(low, y), (high, y)], INK, STROKE)?;
                    for end in [low, high] {
                        pen.polyline(&[(end, y - 9), (end, y + 9)], INK, STROKE)?;
                    }
                }
                pen.marker((frame.column(value), y), look)
            }
        }
    }
}
