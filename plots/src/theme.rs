//! How figures look: sizes, colours, markers, and the one font, which is built in.
//!
//! Everything is in drawing units, two to a pixel at the figure's natural size: backends take
//! whole numbers only, and half a pixel keeps slopes smooth. Colours are those of Okabe and
//! Ito ("Color Universal Design", 2008), told apart by every common kind of colour vision; each
//! comes with a marker of its own, so that a grey print can be read too. Deliberately absent:
//! system fonts and dark figures (the report puts figures on a light card).

use std::sync::Once;

use plotters::style::{FontStyle, RGBColor, register_font};

/// Width of every figure, in drawing units.
pub(crate) const WIDTH: i32 = 1800;
/// Drawing units to a pixel at the natural size of a figure.
pub(crate) const UNITS_PER_PIXEL: i32 = 2;
/// Free space around a figure.
pub(crate) const MARGIN: i32 = 24;
/// Height of a line of labels.
pub(crate) const LINE: i32 = 38;
/// Size (em) of tick labels and legends.
pub(crate) const SMALL: i32 = 24;
/// Size (em) of axis titles.
pub(crate) const NORMAL: i32 = 26;
/// Size (em) of a figure's title.
pub(crate) const LARGE: i32 = 32;
/// Width of a data line.
pub(crate) const STROKE: u32 = 4;

/// Text and axes.
pub(crate) const INK: RGBColor = RGBColor(0x22, 0x26, 0x2B);
/// Tick labels and what is said in passing.
pub(crate) const MUTED: RGBColor = RGBColor(0x55, 0x5B, 0x63);
/// Grid lines.
pub(crate) const GRID: RGBColor = RGBColor(0xE3, 0xE6, 0xEA);
/// Lines that lead from a note to its place.
pub(crate) const LEADER: RGBColor = RGBColor(0xB4, 0xBA, 0xC2);
/// What lies behind everything.
pub(crate) const PAPER: RGBColor = RGBColor(0xFF, 0xFF, 0xFF);

/// How one series is drawn: its colour and its marker always go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) colour: RGBColor,
    pub(crate) marker: Marker,
}

/// Shapes that sit on a line at intervals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Marker {
    Disc,
    Square,
    Triangle,
    Diamond,
    Ring,
    Cross,
    Box,
}

pub(crate) const BLUE: Look = look(0x00, 0x72, 0xB2, Marker::Disc);
pub(crate) const VERMILLION: Look = look(0xD5, 0x5E, 0x00, Marker::Square);
pub(crate) const GREEN: Look = look(0x00, 0x9E, 0x73, Marker::Triangle);
pub(crate) const PURPLE: Look = look(0xCC, 0x79, 0xA7, Marker::Diamond);
pub(crate) const ORANGE: Look = look(0xE6, 0x9F, 0x00, Marker::Ring);
pub(crate) const SKY: Look = look(0x56, 0xB4, 0xE9, Marker::Cross);
/// Behind another line, which it would else hide.
pub(crate) const GREY: Look = look(0xA6, 0xAD, 0xB5, Marker::Box);
pub(crate) const BLACK: Look = look(0x22, 0x26, 0x2B, Marker::Box);

/// Looks in the order in which policies take them. Okabe and Ito's yellow is left out: it
/// cannot be seen as a line on white.
const SERIES: [Look; 7] = [BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK];

/// The look of the `index`-th of several like series; repeats after seven.
pub(crate) fn series_look(index: usize) -> Look {
    SERIES[index % SERIES.len()]
}

const fn look(red: u8, green: u8, blue: u8, marker: Marker) -> Look {
    let colour = RGBColor(red, green, blue);
    Look { colour, marker }
}

/// Registers the built-in font for each style that figures use; cheap after the first call.
/// It measures text for SVG and draws it for PNG.
pub(crate) fn register_fonts() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let styles = [
            (FontStyle::Normal, dejavu::sans::regular()),
            (FontStyle::Bold, dejavu::sans::bold()),
        ];
        for (style, bytes) in styles {
            let known = register_font("sans-serif", style, bytes);
            assert!(known.is_ok(), "the built-in font is a font");
        }
    });
}
