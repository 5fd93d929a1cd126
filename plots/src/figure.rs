//! A figure: what it shows in words, in a table, and drawn as SVG or PNG.

use std::path::{Path, PathBuf};

use ebbtide_measure::Report;
use plotters::backend::{BitMapBackend, SVGBackend};
use plotters::drawing::IntoDrawingArea;
use plotters::prelude::DrawingBackend;

use crate::draw::curves::Curves;
use crate::draw::pen::{Drawn, Pen, TextLook};
use crate::draw::rows::Rows;
use crate::draw::{Raster, average};
use crate::theme::{LARGE, LINE, MARGIN, PAPER, UNITS_PER_PIXEL, WIDTH, register_fonts};

/// One figure with its title, its summary and its numbers.
#[derive(Clone, Debug)]
pub struct Figure {
    /// A name for files, of `a`–`z`, `0`–`9`, `-` and `_`; unique within a report.
    pub name: String,
    /// The policy whose course it shows; `None` for a figure of the whole experiment.
    pub policy: Option<String>,
    /// What it shows.
    pub title: String,
    /// What is to be seen in it, in one sentence computed from the data.
    pub summary: String,
    /// Its numbers, thinned to what people read.
    pub table: Table,
    /// The drawing; `None` where there was nothing to draw, and the summary says so.
    pub(crate) chart: Option<Chart>,
}

/// Numbers behind a figure, ready to print.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Column headings, with units where the cells have none.
    pub header: Vec<String>,
    /// Rows, as long as the header each.
    pub rows: Vec<Vec<String>>,
    /// How many rows there were before they were thinned to these.
    pub of: usize,
}

/// What is drawn.
#[derive(Clone, Debug)]
pub(crate) enum Chart {
    Curves(Curves),
    Rows(Rows),
}

/// Whether a drawing carries its title: a file does, inside a page the page has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Titled {
    Yes,
    No,
}

/// A picture that could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PictureError {
    /// The file could not be written.
    #[error("cannot write {}: {reason}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the encoder or the system said.
        reason: String,
    },
}

impl Table {
    pub(crate) fn new(header: &[&str], rows: Vec<Vec<String>>) -> Self {
        let header = header.iter().map(|&title| title.to_owned()).collect();
        let of = rows.len();
        Self { header, rows, of }
    }

    /// Says that the rows were `of` before they were thinned.
    pub(crate) fn out_of(self, of: usize) -> Self {
        Self { of, ..self }
    }
}

impl Figure {
    /// The figure as an SVG file with its title; `None` if there was nothing to draw.
    #[must_use]
    pub fn svg(&self) -> Option<String> {
        self.svg_with(Titled::Yes)
    }

    pub(crate) fn svg_with(&self, titled: Titled) -> Option<String> {
        let size = self.size(titled)?;
        let mut svg = String::new();
        let backend = SVGBackend::with_string(&mut svg, size);
        self.draw(backend, titled)
            .expect("a string takes every drawing, and the font is built in");
        Some(self.with_head(&svg, size))
    }

    /// Writes the figure as a PNG file with its title, two pixels for each of the SVG's;
    /// whether there was anything to draw.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_png(&self, path: &Path) -> Result<bool, PictureError> {
        let Some(size) = self.size(Titled::Yes) else {
            return Ok(false);
        };
        let mut buffer = vec![0; Raster::buffer_len(size)];
        self.draw(Raster::new(&mut buffer, size), Titled::Yes)
            .expect("a buffer takes every drawing, and the font is built in");
        let picture = average(&buffer, size);
        let mut file = BitMapBackend::new(path, size);
        file.blit_bitmap((0, 0), size, &picture)
            .and_then(|()| file.present())
            .map_err(|error| PictureError::Write {
                path: path.to_owned(),
                reason: error.to_string(),
            })?;
        Ok(true)
    }

    fn size(&self, titled: Titled) -> Option<(u32, u32)> {
        register_fonts();
        let height = match self.chart.as_ref()? {
            Chart::Curves(curves) => curves.height(),
            Chart::Rows(rows) => rows.height(),
        };
        let height = height + MARGIN + titled.height();
        Some((WIDTH as u32, height as u32))
    }

    fn draw<DB: DrawingBackend>(&self, backend: DB, titled: Titled) -> Drawn<DB> {
        let area = backend.into_drawing_area();
        area.fill(&PAPER)?;
        let pen = Pen(&area);
        let top = MARGIN + titled.height();
        if titled == Titled::Yes {
            let look = TextLook::LABEL.em(LARGE).bold();
            let title = look.fit(&self.title, WIDTH - 2 * MARGIN);
            pen.text(&title, (MARGIN, MARGIN + LINE / 2), look)?;
        }
        match &self.chart {
            Some(Chart::Curves(curves)) => curves.draw(&pen, top)?,
            Some(Chart::Rows(rows)) => rows.draw(&pen, top)?,
            None => {}
        }
        area.present()
    }

    /// `svg` with a head that says what it shows and scales it, and without idle attributes.
    fn with_head(&self, svg: &str, (width, height): (u32, u32)) -> String {
        let label = escaped(&format!("{}. {}", self.title, self.summary));
        let units = UNITS_PER_PIXEL as u32;
        let (shown_width, shown_height) = (width / units, height / units);
        let head = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{shown_width}\" \
             height=\"{shown_height}\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
             aria-label=\"{label}\">"
        );
        let body = svg.split_once('>').map_or("", |(_, body)| body);
        head + &body.replace(" opacity=\"1\"", "")
    }
}

impl Titled {
    const fn height(self) -> i32 {
        match self {
            Self::Yes => LINE + MARGIN,
            Self::No => 0,
        }
    }
}

/// `text` inside an attribute of XML.
fn escaped(text: &str) -> String {
    crate::draw::pen::printable(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// A name for files: `stem`, and which of `results`' policies it is of where there are several.
pub(crate) fn file_name(stem: &str, policy: &str, results: &Report) -> String {
    let names = || results.policies.iter().map(|entry| entry.policy.as_str());
    if names().count() < 2 {
        return stem.to_owned();
    }
    let mine = slug(policy);
    let index = names().position(|name| name == policy).unwrap_or(0);
    if names().filter(|name| slug(name) == mine).count() == 1 {
        format!("{stem}-{mine}")
    } else {
        format!("{stem}-{mine}-{}", index + 1)
    }
}

/// A policy's name as a part of a file's, as those of its series and decisions have it: `fixed(7)` becomes `fixed-7`.
fn slug(policy: &str) -> String {
    let plain = |c: char| match c {
        'a'..='z' | '0'..='9' | '-' | '_' | '.' => c,
        'A'..='Z' => c.to_ascii_lowercase(),
        _ => '-',
    };
    let slug: String = policy.chars().map(plain).take(40).collect();
    slug.trim_matches(['-', '.']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It was `pool-threshold-20-`, beside a series `threshold-20`.
    #[test]
    fn a_policy_in_a_file_name_ends_without_a_dash() {
        assert_eq!(slug("threshold(20)"), "threshold-20");
        assert_eq!(slug("adaptive(switch: 0.5)"), "adaptive-switch--0.5");
    }
}
