//! The frame of every page: one file, without scripts, that loads nothing.

use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("page.css");
/// Nothing may be loaded, from anywhere; styles and pictures within the file are let through.
const SECURITY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// A page called `title`, with `style` beside that of all pages.
pub(crate) fn page(title: &str, style: &str, main: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(SECURITY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                // An empty icon, or the browser would ask for one.
                link rel="icon" href="data:,";
                title { (title) }
                style { (PreEscaped(STYLE)) (PreEscaped(style)) }
            }
            body { main { (main) } }
        }
    };
    // Names may hold what no page may: control characters.
    let control = |c: char| c.is_control() && c != '\n';
    page.into_string().replace(control, "\u{fffd}")
}
