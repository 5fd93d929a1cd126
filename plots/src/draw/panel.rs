//! One plot with its own y axis: its curves and its legend.
//!
//! Deliberately absent: axes and grid, which panels share ([`super::curves`]).

use plotters::prelude::DrawingBackend;

use super::axis::Axis;
use super::legend::{Entry, Legend, Sample};
use super::pen::{At, Drawn, Pen, TextLook};
use super::thin::{self, Points};
use crate::theme::{INK, Look, MARGIN, NORMAL, STROKE};

/// Distance between markers on a curve.
const MARKER_STEP: i32 = 240;
/// Points below which each gets a marker.
const SPARSE: usize = 8;
/// How much an area darkens what lies behind.
const AREA_ALPHA: f64 = 0.35;

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

/// Where one panel lies on the page.
#[derive(Clone, Copy)]
pub(crate) struct Frame<'a> {
    pub(crate) x: &'a Axis,
    pub(crate) y: &'a Axis,
    pub(crate) left: i32,
    pub(crate) right: i32,
    pub(crate) top: i32,
    pub(crate) bottom: i32,
}

impl Frame<'_> {
    pub(crate) fn column(&self, x: f64) -> i32 {
        self.left + (self.x.place(x) * f64::from(self.right - self.left)).round() as i32
    }

    pub(crate) fn at(&self, (x, y): (f64, f64)) -> At {
        let height = f64::from(self.bottom - self.top);
        let up = (self.y.place(y) * height).round() as i32;
        (self.column(x), self.bottom - up)
    }
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
    const fn is_marked(self) -> bool {
        matches!(self, Self::Line | Self::Steps | Self::Faint)
    }

    const fn stroke(self) -> u32 {
        match self {
            Self::Line | Self::Steps => STROKE,
            Self::Faint | Self::Area => 2,
            Self::BroadLine | Self::BroadSteps => 10,
        }
    }
}

impl Panel {
    pub(crate) fn legend(&self) -> Legend {
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

impl Panel {
    /// Draws the curves; grid and axes are there already.
    pub(crate) fn draw<DB: DrawingBackend>(
        &self,
        pen: &Pen<'_, DB>,
        frame: Frame<'_>,
    ) -> Drawn<DB> {
        if let Some((value, _)) = self.level {
            let (_, y) = frame.at((0.0, value));
            pen.dashes(frame.left, frame.right, y, INK)?;
        }
        for (index, curve) in self.curves.iter().enumerate() {
            let sparse = curve.points.iter().filter(|(_, y)| y.is_some()).count() < SPARSE;
            let mut next_marker = frame.left + MARKER_STEP * (index as i32 + 1) / 4;
            for run in thin::runs(&curve.points) {
                let places = curve.places(&run, frame);
                curve.draw(pen, &places, frame)?;
                if !curve.shape.is_marked() {
                    continue;
                }
                for (x, y) in places {
                    if x >= next_marker || sparse {
                        pen.marker((x, y), curve.look)?;
                        next_marker = next_marker.max(x) + MARKER_STEP;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Curve {
    fn places(&self, run: &[(f64, f64)], frame: Frame<'_>) -> Vec<At> {
        let at = |point: &(f64, f64)| frame.at(*point);
        match self.shape {
            Shape::Line | Shape::BroadLine | Shape::Faint => run.iter().map(at).collect(),
            Shape::Steps | Shape::BroadSteps | Shape::Area => {
                let steps = thin::steps(run, |x| frame.x.place(x));
                steps.iter().map(at).collect()
            }
        }
    }

    fn draw<DB: DrawingBackend>(
        &self,
        pen: &Pen<'_, DB>,
        places: &[At],
        frame: Frame<'_>,
    ) -> Drawn<DB> {
        let (colour, stroke) = (self.look.colour, self.shape.stroke());
        match self.shape {
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
