//! The few strokes that every figure is made of, and the width of a text.
//!
//! Apart from the figures so that they never name plotters' elements. A [`Pen`] draws on any
//! plotters backend in drawing units; text is centred on its line and anchored left, middle or
//! right, which both backends agree on.

use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind};
use plotters::element::{Circle, PathElement, Polygon, Rectangle, Text};
use plotters::prelude::DrawingBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontDesc, FontFamily, FontStyle, RGBColor, ShapeStyle, TextStyle};

use crate::theme::{INK, Look, MUTED, Marker, PAPER, SMALL, STROKE};

/// What drawing on a backend gives.
pub(crate) type Drawn<DB> = Result<(), DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

/// A place on the page, in drawing units from the top left.
pub(crate) type At = (i32, i32);

/// plotters' font sizes are this much larger than the em of the text they give.
const SIZE_PER_EM: f64 = 1.24;

/// How a text looks.
#[derive(Clone, Copy)]
pub(crate) struct TextLook {
    /// Em, in drawing units.
    pub(crate) em: i32,
    pub(crate) bold: bool,
    pub(crate) colour: RGBColor,
    pub(crate) anchor: HPos,
}

impl TextLook {
    /// Small and muted, as tick labels are.
    pub(crate) const LABEL: Self = Self {
        em: SMALL,
        bold: false,
        colour: MUTED,
        anchor: HPos::Left,
    };

    pub(crate) const fn em(self, em: i32) -> Self {
        Self { em, ..self }
    }

    pub(crate) const fn bold(self) -> Self {
        let colour = INK;
        Self {
            bold: true,
            colour,
            ..self
        }
    }

    pub(crate) const fn anchor(self, anchor: HPos) -> Self {
        Self { anchor, ..self }
    }

    fn font(self) -> FontDesc<'static> {
        let style = if self.bold {
            FontStyle::Bold
        } else {
            FontStyle::Normal
        };
        let size = f64::from(self.em) * SIZE_PER_EM;
        FontDesc::new(FontFamily::SansSerif, size, style)
    }

    /// Width of `text` in drawing units, rather too wide than too narrow: a browser draws it
    /// in a font of its own.
    pub(crate) fn width(self, text: &str) -> i32 {
        let known = self.font().box_size(text).map_or(0, |(width, _)| width);
        // The built-in font has no wide scripts; their place-holders are narrower than they.
        let wide = text.chars().filter(|c| *c >= '\u{1100}').count();
        known as i32 + wide as i32 * self.em / 2
    }

    /// `text`, cut with an ellipsis where it would be wider than `room`.
    pub(crate) fn fit(self, text: &str, room: i32) -> String {
        let text = printable(text);
        if self.width(&text) <= room {
            return text;
        }
        let mut cut = text;
        while !cut.is_empty() && self.width(&cut) + self.em > room {
            cut.pop();
        }
        cut + "…"
    }

    /// `text` in lines of at most `room`, broken between words; a word that is wider is cut.
    pub(crate) fn wrapped(self, text: &str, room: i32) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for word in printable(text).split_whitespace() {
            let longer = lines.last().map(|line| format!("{line} {word}"));
            match longer.filter(|longer| self.width(longer) <= room) {
                Some(longer) => *lines.last_mut().expect("it was made longer") = longer,
                None => lines.push(self.fit(word, room)),
            }
        }
        lines
    }
}

/// `text` without what XML forbids or a line cannot hold.
pub(crate) fn printable(text: &str) -> String {
    let harmless = |c: char| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}');
    text.chars()
        .map(|c| if harmless(c) { c } else { '\u{fffd}' })
        .collect()
}

/// Draws on a backend.
pub(crate) struct Pen<'a, DB: DrawingBackend>(pub(crate) &'a DrawingArea<DB, Shift>);

impl<DB: DrawingBackend> Pen<'_, DB> {
    pub(crate) fn text(&self, text: &str, at: At, look: TextLook) -> Drawn<DB> {
        let style = TextStyle::from(look.font())
            .color(&look.colour)
            .pos(Pos::new(look.anchor, VPos::Center));
        self.0.draw(&Text::new(printable(text), at, style))
    }

    /// A line through `points`; a single point becomes a dot.
    pub(crate) fn polyline(&self, points: &[At], colour: RGBColor, width: u32) -> Drawn<DB> {
        match points {
            [] => Ok(()),
            [only] => self.disc(*only, width as i32, colour),
            _ => {
                let style = colour.stroke_width(width);
                self.0.draw(&PathElement::new(points.to_vec(), style))
            }
        }
    }

    /// A horizontal dashed line.
    pub(crate) fn dashes(&self, from: i32, to: i32, y: i32, colour: RGBColor) -> Drawn<DB> {
        const DASH: i32 = 28;
        for start in (from..to).step_by(DASH as usize * 3 / 2) {
            let end = (start + DASH).min(to);
            self.polyline(&[(start, y), (end, y)], colour, 3)?;
        }
        Ok(())
    }

    /// A filled rectangle between two corners; `alpha` 0 (nothing) to 1.
    pub(crate) fn fill(&self, corner: At, other: At, colour: RGBColor, alpha: f64) -> Drawn<DB> {
        let style = ShapeStyle::from(colour.mix(alpha)).filled();
        self.0.draw(&Rectangle::new([corner, other], style))
    }

    /// A filled shape; no points, no shape.
    pub(crate) fn polygon(&self, points: Vec<At>, colour: RGBColor, alpha: f64) -> Drawn<DB> {
        if points.is_empty() {
            return Ok(());
        }
        let style = ShapeStyle::from(colour.mix(alpha)).filled();
        self.0.draw(&Polygon::new(points, style))
    }

    pub(crate) fn disc(&self, at: At, radius: i32, colour: RGBColor) -> Drawn<DB> {
        let style = ShapeStyle::from(colour).filled();
        self.0.draw(&Circle::new(at, radius, style))
    }

    /// A marker of about `SMALL / 2` across.
    pub(crate) fn marker(&self, (x, y): At, look: Look) -> Drawn<DB> {
        const R: i32 = 8;
        let colour = look.colour;
        let square = |r: i32, colour| self.fill((x - r, y - r), (x + r, y + r), colour, 1.0);
        match look.marker {
            Marker::Disc => self.disc((x, y), R, colour),
            Marker::Square => square(R - 1, colour),
            Marker::Triangle => {
                let corners = vec![
                    (x - R - 1, y + R - 1),
                    (x + R + 1, y + R - 1),
                    (x, y - R - 1),
                ];
                self.polygon(corners, colour, 1.0)
            }
            Marker::Diamond => {
                let r = R + 2;
                let corners = vec![(x - r, y), (x, y + r), (x + r, y), (x, y - r)];
                self.polygon(corners, colour, 1.0)
            }
            Marker::Ring => {
                self.disc((x, y), R, colour)?;
                self.disc((x, y), R - 4, PAPER)
            }
            Marker::Cross => {
                self.polyline(&[(x - R, y - R), (x + R, y + R)], colour, STROKE)?;
                self.polyline(&[(x - R, y + R), (x + R, y - R)], colour, STROKE)
            }
            Marker::Box => {
                square(R, colour)?;
                square(R - 4, PAPER)
            }
        }
    }
}
