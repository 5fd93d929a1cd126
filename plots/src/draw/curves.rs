//! Curves over a common x axis, in panels one above the other, each with one y axis.
//!
//! Above the first panel run two lanes: labels of bands (faults), and numbered notes
//! (decisions) whose texts stand below the figure. Deliberately absent: second y axes, and
//! labels inside a panel, where they would hide what is drawn.

use plotters::prelude::DrawingBackend;
use plotters::style::text_anchor::HPos;

use super::axis::Axis;
use super::legend::{Entry, Legend, Sample};
use super::pen::{At, Drawn, Pen, TextLook};
use super::thin::{self, Points};
use crate::theme::{
    GRID, INK, LEADER, LINE, Look, MARGIN, MUTED, NORMAL, ORANGE, PAPER, SMALL, STROKE, WIDTH,
};

/// Free space right of the panels, for half the last tick label.
const RIGHT: i32 = WIDTH - 52;
/// Height of the lane of numbered notes.
const NOTES: i32 = 46;
/// How far a note's number may stand from its place.
const NUDGE: i32 = 84;
/// Notes whose texts are written below the figure; the table has them all.
const TEXTS: usize = 10;
/// Notes up to which each gets a line through the panels.
const NOTE_LINES: usize = 40;
/// Distance between markers on a curve.
const MARKER_STEP: i32 = 240;
/// How much a band and an area darken what lies behind.
const BAND_ALPHA: f64 = 0.2;
const AREA_ALPHA: f64 = 0.35;

/// A figure of curves.
#[derive(Clone, Debug)]
pub(crate) struct Curves {
    pub(crate) x: Axis,
    pub(crate) panels: Vec<Panel>,
    pub(crate) bands: Vec<Band>,
    pub(crate) notes: Vec<Note>,
}

/// One plot with its own y axis.
#[derive(Clone, Debug)]
pub(crate) struct Panel {
    pub(crate) y: Axis,
    /// Height of the plot alone.
    pub(crate) height: i32,
    pub(crate) curves: Vec<Curve>,
    /// A limit, drawn as a dashed line.
    pub(crate) level: Option<(f64, String)>,
}

/// One series.
#[derive(Clone, Debug)]
pub(crate) struct Curve {
    /// Its entry in the legend; the continuation of another curve has none.
    pub(crate) label: Option<String>,
    pub(crate) look: Look,
    pub(crate) shape: Shape,
    pub(crate) points: Points,
}

/// How a series becomes a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// From point to point.
    Line,
    /// From point to point, thin: what is uncertain.
    Faint,
    /// A value holds until the next point.
    Steps,
    /// From point to point, broad: to be seen behind another line.
    BroadLine,
    /// As steps, broad.
    BroadSteps,
    /// As steps, filled down to the axis.
    Area,
}

/// A stretch of x that is shaded.
#[derive(Clone, Debug)]
pub(crate) struct Band {
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) label: String,
}

/// Something that happened at one x; notes are numbered in their order.
#[derive(Clone, Debug)]
pub(crate) struct Note {
    pub(crate) at: f64,
    pub(crate) text: String,
}

impl Curve {
    fn entry(&self) -> Option<Entry> {
        let sample = match self.shape {
            Shape::Area => Sample::Area(self.look.colour, AREA_ALPHA),
            Shape::Line | Shape::Steps => Sample::Line(self.look, self.shape.stroke()),
            shape => Sample::Plain(self.look.colour, shape.stroke()),
        };
        let label = self.label.clone()?;
        Some(Entry { label, sample })
    }
}

impl Shape {
    const fn stroke(self) -> u32 {
        match self {
            Self::Line | Self::Steps => STROKE,
            Self::Faint | Self::Area => 2,
            Self::BroadLine | Self::BroadSteps => 10,
        }
    }
}

impl Panel {
    fn legend(&self) -> Legend {
        let level = self.level.iter().map(|(_, label)| Entry {
            label: label.clone(),
            sample: Sample::Dashes(INK),
        });
        let entries = self.curves.iter().filter_map(Curve::entry);
        let title = TextLook::LABEL.em(NORMAL).bold();
        let start = MARGIN + title.width(&self.y.title) + 2 * MARGIN;
        Legend::new(entries.chain(level).collect(), start)
    }
}

/// Where one panel lies on the page.
#[derive(Clone, Copy)]
struct Frame<'a> {
    x: &'a Axis,
    y: &'a Axis,
    left: i32,
    top: i32,
    bottom: i32,
}

impl Frame<'_> {
    fn column(&self, x: f64) -> i32 {
        self.left + (self.x.place(x) * f64::from(RIGHT - self.left)).round() as i32
    }

    fn at(&self, (x, y): (f64, f64)) -> At {
        let height = f64::from(self.bottom - self.top);
        let up = (self.y.place(y) * height).round() as i32;
        (self.column(x), self.bottom - up)
    }
}

impl Curves {
    /// Height of the whole figure.
    pub(crate) fn height(&self) -> i32 {
        let panel = |panel: &Panel| panel.legend().lines * LINE + panel.height + MARGIN;
        let panels: i32 = self.panels.iter().map(panel).sum();
        let texts = self.notes.len().min(TEXTS + 1) as i32;
        self.lanes() + panels + 2 * LINE + texts * LINE
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
            y += legend.lines * LINE;
            let lanes = y;
            if index == 0 {
                y += self.lanes();
            }
            let frame = Frame {
                x: &self.x,
                y: &panel.y,
                left,
                top: y,
                bottom: y + panel.height,
            };
            self.grid(pen, frame, lanes)?;
            if index == 0 {
                self.draw_lanes(pen, frame, lanes)?;
            }
            draw_panel(pen, panel, frame)?;
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
        if self.notes.len() <= NOTE_LINES {
            for note in &self.notes {
                let x = frame.column(note.at);
                pen.polyline(&[(x, frame.top), (x, frame.bottom)], LEADER, 2)?;
            }
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
            let label = TextLook::LABEL.fit(&band.label, RIGHT - frame.left);
            let half = TextLook::LABEL.width(&label) / 2;
            let middle = (frame.column(band.from) + frame.column(band.to)) / 2;
            let x = middle.clamp(frame.left + half, RIGHT - half);
            if x - half >= free {
                let look = TextLook::LABEL.anchor(HPos::Center);
                pen.text(&label, (x, top + LINE / 2), look)?;
                free = x + half + SMALL;
            }
        }
        let y = frame.top - NOTES / 2 - 4;
        let mut free = 0;
        for (index, note) in self.notes.iter().enumerate() {
            let place = frame.column(note.at);
            let x = place.max(free);
            if x > place + NUDGE {
                pen.disc((place, frame.top), 4, MUTED)?;
                continue;
            }
            pen.polyline(&[(x, y), (place, frame.top)], LEADER, 2)?;
            pen.disc((x, y), 18, MUTED)?;
            let look = TextLook {
                colour: PAPER,
                ..TextLook::LABEL.em(20).anchor(HPos::Center)
            };
            pen.text(&(index + 1).to_string(), (x, y), look)?;
            free = x + 40;
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

    /// The texts of the first notes, and how many there are besides.
    fn texts<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>, top: i32) -> Drawn<DB> {
        let line = |index: usize| top + index as i32 * LINE + LINE / 2;
        for (index, note) in self.notes.iter().take(TEXTS).enumerate() {
            let text = format!("{}  {}", index + 1, note.text);
            let text = TextLook::LABEL.fit(&text, RIGHT - 2 * MARGIN);
            pen.text(&text, (2 * MARGIN, line(index)), TextLook::LABEL)?;
        }
        match self.notes.len().saturating_sub(TEXTS) {
            0 => Ok(()),
            more => {
                let text = format!("… and {more} more, in the table");
                pen.text(&text, (2 * MARGIN, line(TEXTS)), TextLook::LABEL)
            }
        }
    }
}

fn draw_panel<DB: DrawingBackend>(pen: &Pen<'_, DB>, panel: &Panel, frame: Frame<'_>) -> Drawn<DB> {
    if let Some((value, _)) = panel.level {
        let (_, y) = frame.at((0.0, value));
        pen.dashes(frame.left, RIGHT, y, INK)?;
    }
    for (index, curve) in panel.curves.iter().enumerate() {
        let mut next_marker = frame.left + MARKER_STEP * (index as i32 + 1) / 4;
        for run in thin::visible(&curve.points, |x| frame.x.place(x)) {
            let places: Vec<At> = run.iter().map(|point| frame.at(*point)).collect();
            draw_run(pen, curve, &places, frame)?;
            if !matches!(curve.shape, Shape::Line | Shape::Steps) {
                continue;
            }
            let alone = run.len() == 1;
            for (x, y) in places {
                if x >= next_marker || alone {
                    pen.marker((x, y), curve.look)?;
                    next_marker = next_marker.max(x) + MARKER_STEP;
                }
            }
        }
    }
    Ok(())
}

fn draw_run<DB: DrawingBackend>(
    pen: &Pen<'_, DB>,
    curve: &Curve,
    places: &[At],
    frame: Frame<'_>,
) -> Drawn<DB> {
    let (colour, stroke) = (curve.look.colour, curve.shape.stroke());
    match curve.shape {
        Shape::Line | Shape::Faint | Shape::BroadLine => pen.polyline(places, colour, stroke),
        Shape::Steps | Shape::BroadSteps => pen.polyline(&stairs(places), colour, stroke),
        Shape::Area => {
            let top = stairs(places);
            let (first, last) = (top[0].0, top[top.len() - 1].0);
            pen.polyline(&top, colour, stroke)?;
            let feet = [(last, frame.bottom), (first, frame.bottom)];
            let outline = top.into_iter().chain(feet).collect();
            pen.polygon(outline, colour, AREA_ALPHA)
        }
    }
}

/// The corners of a line that keeps its height until the next place.
fn stairs(places: &[At]) -> Vec<At> {
    let mut corners: Vec<At> = Vec::with_capacity(places.len() * 2);
    for &(x, y) in places {
        if let Some(&(_, before)) = corners.last() {
            if before == y {
                continue;
            }
            corners.push((x, before));
        }
        corners.push((x, y));
    }
    if let (Some(&(x, _)), Some(&(_, y))) = (places.last(), corners.last()) {
        corners.push((x, y));
    }
    corners
}

#[cfg(test)]
mod tests {
    use super::stairs;

    #[test]
    fn stairs_keep_their_height_until_the_next_place() {
        let corners = stairs(&[(0, 5), (10, 5), (20, 3), (30, 3)]);
        assert_eq!(corners, [(0, 5), (20, 5), (20, 3), (30, 3)]);
    }
}
