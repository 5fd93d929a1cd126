//! The bitmap backend: plotters' own, drawn at twice the size and averaged down.
//!
//! plotters smooths neither thick lines nor their joints, and sets text higher than SVG does;
//! this wrapper mends both, so that one drawing serves SVG and PNG alike.

use plotters::backend::BitMapBackend;
use plotters::style::{FontDesc, RGBAColor, TextStyle};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
};

/// Samples per pixel in each direction.
const SAMPLES: i32 = 2;
/// Bytes per pixel.
const RGB: usize = 3;
/// plotters' bitmap text is this much smaller in SVG at the same size: `ab_glyph` takes a size
/// for the height of the font (1.164 em in DejaVu), SVG gets size / 1.24 as the em.
const TEXT_SCALE: f64 = 1.164 / 1.24;
/// How far plotters' bitmap text stands too high, in sizes; found by comparing with SVG.
const TEXT_DROP: f64 = 0.13;

type Fault<'a> = DrawingErrorKind<<BitMapBackend<'a> as DrawingBackend>::ErrorType>;

/// A backend for bitmaps of `size` drawing units, one pixel each.
pub(crate) struct Raster<'a> {
    fine: BitMapBackend<'a>,
    size: (u32, u32),
}

impl<'a> Raster<'a> {
    /// Bytes that [`Raster::new`] needs for a figure of `size`.
    pub(crate) fn buffer_len((width, height): (u32, u32)) -> usize {
        (width * height) as usize * (SAMPLES * SAMPLES) as usize * RGB
    }

    /// Draws into `buffer`, which has [`Raster::buffer_len`] bytes.
    pub(crate) fn new(buffer: &'a mut [u8], size: (u32, u32)) -> Self {
        let samples = SAMPLES as u32;
        let fine = BitMapBackend::with_buffer(buffer, (size.0 * samples, size.1 * samples));
        Self { fine, size }
    }
}

/// The picture of `size` that the finished samples in `buffer` average to, as RGB bytes.
pub(crate) fn average(buffer: &[u8], (width, height): (u32, u32)) -> Vec<u8> {
    let samples = SAMPLES as usize;
    let row = width as usize * samples * RGB;
    let mut picture = Vec::with_capacity((width * height) as usize * RGB);
    for y in 0..height as usize {
        for x in 0..width as usize {
            for channel in 0..RGB {
                let sample = |dy: usize, dx: usize| {
                    let at = (y * samples + dy) * row + (x * samples + dx) * RGB + channel;
                    u32::from(buffer[at])
                };
                let sum: u32 = (0..samples)
                    .flat_map(|dy| (0..samples).map(move |dx| (dy, dx)))
                    .map(|(dy, dx)| sample(dy, dx))
                    .sum();
                picture.push((sum / (samples * samples) as u32) as u8);
            }
        }
    }
    picture
}

/// A colour and a width in samples.
struct Stroke {
    colour: BackendColor,
    width: u32,
}

impl Stroke {
    fn of<S: BackendStyle>(style: &S) -> Self {
        Self {
            colour: style.color(),
            width: style.stroke_width() * SAMPLES as u32,
        }
    }
}

impl BackendStyle for Stroke {
    fn color(&self) -> BackendColor {
        self.colour
    }

    fn stroke_width(&self) -> u32 {
        self.width
    }
}

fn fine((x, y): BackendCoord) -> BackendCoord {
    (x * SAMPLES, y * SAMPLES)
}

impl<'a> DrawingBackend for Raster<'a> {
    type ErrorType = <BitMapBackend<'a> as DrawingBackend>::ErrorType;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Result<(), Fault<'a>> {
        self.fine.ensure_prepared()
    }

    fn present(&mut self) -> Result<(), Fault<'a>> {
        self.fine.present()
    }

    fn draw_pixel(&mut self, at: BackendCoord, colour: BackendColor) -> Result<(), Fault<'a>> {
        let (x, y) = fine(at);
        let corner = (x + SAMPLES, y + SAMPLES);
        self.fine.draw_rect((x, y), corner, &colour, true)
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Result<(), Fault<'a>> {
        self.draw_path([from, to], style)
    }

    /// One segment after another with round joints: plotters' outline of a whole path grows
    /// spikes where it turns sharply.
    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Result<(), Fault<'a>> {
        let stroke = Stroke::of(style);
        let mut before: Option<BackendCoord> = None;
        for at in path.into_iter().map(fine) {
            if let Some(from) = before {
                self.fine.draw_line(from, at, &stroke)?;
                self.fine
                    .draw_circle(from, stroke.width / 2, &stroke, true)?;
            }
            before = Some(at);
        }
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        upper_left: BackendCoord,
        bottom_right: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Result<(), Fault<'a>> {
        let corners = (fine(upper_left), fine(bottom_right));
        self.fine
            .draw_rect(corners.0, corners.1, &Stroke::of(style), fill)
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        centre: BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Result<(), Fault<'a>> {
        let radius = radius * SAMPLES as u32;
        self.fine
            .draw_circle(fine(centre), radius, &Stroke::of(style), fill)
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Result<(), Fault<'a>> {
        let path: Vec<_> = path.into_iter().map(fine).collect();
        self.fine.fill_polygon(path, &Stroke::of(style))
    }

    fn draw_text<S: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &S,
        at: BackendCoord,
    ) -> Result<(), Fault<'a>> {
        let size = style.size() * f64::from(SAMPLES);
        let font = FontDesc::new(style.family(), size * TEXT_SCALE, style.style());
        let BackendColor {
            rgb: (red, green, blue),
            alpha,
        } = style.color();
        let colour = RGBAColor(red, green, blue, alpha);
        let look = TextStyle::from(font).color(&colour).pos(style.anchor());
        let (x, y) = fine(at);
        let drop = (size * TEXT_DROP).round() as i32;
        self.fine.draw_text(text, &look, (x, y + drop))
    }
}
