//! What figures and reports are made of, read as text.

use ebbtide_measure::run::PoolState;
use ebbtide_measure::steps::Steps;
use ebbtide_measure::units::Duration;
use ebbtide_plots::{Figure, figures};

use crate::gallery::{EXHIBITS, exhibit};
use crate::made_up;

const MIB: usize = 1 << 20;
/// Colours of frames, grids and texts; what has another one is data.
const FRAME: [&str; 6] = [
    "#FFFFFF", "#E3E6EA", "#555B63", "#22262B", "#B4BAC2", "none",
];

/// The value of `attribute` in the tag `tag`.
fn attribute<'a>(tag: &'a str, attribute: &str) -> Option<&'a str> {
    let from = tag.find(&format!(" {attribute}=\""))? + attribute.len() + 3;
    tag[from..].split('"').next()
}

/// Shapes of `svg` that show data: those in the colour of a series.
fn drawn(svg: &str) -> usize {
    let shapes = ["<polyline", "<polygon", "<rect", "<circle"];
    let is_data = |tag: &&str| {
        let colours = [attribute(tag, "stroke"), attribute(tag, "fill")];
        colours
            .into_iter()
            .flatten()
            .any(|colour| !FRAME.contains(&colour))
    };
    let tags = svg.split_inclusive('>').map(str::trim);
    tags.filter(|tag| shapes.iter().any(|shape| tag.starts_with(shape)))
        .filter(is_data)
        .count()
}

/// Checks that every tag is closed in order, as XML wants it.
#[track_caller]
fn check_well_formed(svg: &str) {
    let mut open = Vec::new();
    for tag in svg.split('<').skip(1) {
        let (tag, text) = tag.split_once('>').expect("a tag ends");
        assert!(!text.contains('>'), "{text:?} has a bare >");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "closes what is not open");
        } else if !tag.ends_with('/') {
            open.push(tag.split_whitespace().next().expect("a tag has a name"));
        }
    }
    assert!(open.is_empty(), "{open:?} stay open");
    let entities = svg.split('&').skip(1);
    for entity in entities {
        let name = entity.split(';').next().unwrap_or_default();
        assert!(
            ["amp", "lt", "gt", "quot", "apos"].contains(&name),
            "&{name}"
        );
    }
    let control = |c: char| c.is_control() && c != '\n';
    assert!(!svg.contains(control), "control characters are no XML");
}

fn find<'a>(figures: &'a [Figure], name: &str) -> &'a Figure {
    let found = figures.iter().find(|figure| figure.name == name);
    found.unwrap_or_else(|| panic!("there is no figure {name}"))
}

#[test]
fn every_drawn_figure_has_data_a_title_and_a_summary() {
    for exhibit in EXHIBITS.iter() {
        for figure in &exhibit.figures {
            let name = format!("{}: {}", exhibit.name, figure.name);
            assert!(!figure.title.is_empty(), "{name} has no title");
            assert!(figure.summary.ends_with('.'), "{name}: {}", figure.summary);
            if let Some(svg) = figure.svg() {
                assert!(drawn(&svg) > 0, "{name} shows nothing");
                check_well_formed(&svg);
            }
        }
    }
}

#[test]
fn tables_have_a_cell_for_each_heading_and_few_rows() {
    for exhibit in EXHIBITS.iter() {
        for figure in &exhibit.figures {
            let table = &figure.table;
            for row in &table.rows {
                assert_eq!(row.len(), table.header.len(), "{}", figure.name);
            }
            let most = if figure.name == "differences" {
                1000
            } else {
                60
            };
            assert!(
                table.rows.len() <= most,
                "{}: {}",
                figure.name,
                table.rows.len()
            );
        }
    }
}

#[test]
fn no_number_has_ten_digits() {
    for exhibit in EXHIBITS.iter() {
        for figure in exhibit.figures.iter().filter(|_| exhibit.name != "hostile") {
            let cells = figure.table.rows.iter().flatten();
            for text in cells.chain([&figure.summary]) {
                let longest = text
                    .split(|c: char| !c.is_ascii_digit())
                    .map(str::len)
                    .max();
                assert!(longest < Some(8), "{}: {text}", figure.name);
            }
        }
    }
}

#[test]
fn reports_stay_within_their_size() {
    for exhibit in EXHIBITS.iter() {
        let size = exhibit.html.len();
        assert!(size < 3 * MIB / 2, "{} has {size} bytes", exhibit.name);
    }
}

#[test]
fn figures_of_several_policies_have_names_of_their_own() {
    for exhibit in EXHIBITS.iter() {
        let mut names: Vec<_> = exhibit.figures.iter().map(|figure| &figure.name).collect();
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all, "{}", exhibit.name);
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
        assert!(
            names.iter().all(|name| name.chars().all(plain)),
            "{names:?}"
        );
    }
}

#[test]
fn summaries_are_computed_from_the_data() {
    let figures = &exhibit("single").figures;
    for (name, summary) in [
        (
            "sojourn",
            "P95 peaks at 397 ms at 8 min 29 s, below the objective's 500 ms.",
        ),
        ("outcomes", "Of 1.88 M messages, > 99.9 % delivered."),
        (
            "pool",
            "Between 1 and 5 workers wanted; the setting changed 7 times.",
        ),
    ] {
        assert_eq!(find(figures, name).summary, summary);
    }
}

#[test]
fn where_nothing_happened_a_sentence_stands_instead_of_a_chart() {
    let figures = &exhibit("none").figures;
    for (name, summary) in [
        ("rates", "Nothing was offered."),
        ("sojourn", "No message was sent."),
        ("backlog", "Nothing had to wait."),
        ("percentiles", "No message was sent within the window."),
        ("outcomes", "No message was sent."),
    ] {
        let figure = find(figures, name);
        assert_eq!(figure.summary, summary);
        assert_eq!(figure.svg(), None, "{name}");
    }
}

/// A panel that is one flat line says nothing: it is left out, and so is its name.
#[test]
fn the_pool_shows_of_batches_what_changes() {
    let pool_of = |changed: fn(&mut PoolState)| {
        let mut experiment = made_up::experiment(&["adaptive"], 330);
        let detail = &mut experiment.courses[0].1;
        let mut points = detail.pool.points().to_vec();
        for (_, state) in &mut points {
            state.setting = made_up::setting(state.setting.workers, 20);
            changed(state);
        }
        detail.pool = Steps::from_points(points);
        let figures = experiment.with(figures);
        find(&figures, "pool").svg().expect("the pool is known")
    };
    let [size, timeout] = ["messages a batch may carry", "a batch waits to fill"];
    let flat = pool_of(|_| {});
    assert!(!flat.contains(size) && !flat.contains(timeout));
    let waits = pool_of(|state| {
        let workers = u64::from(state.setting.workers);
        state.setting.batch_timeout = Duration::from_millis(workers);
    });
    assert!(!waits.contains(size) && waits.contains(timeout));
    let carries = pool_of(|state| state.setting.batch_size = state.setting.workers);
    assert!(carries.contains(size) && !carries.contains(timeout));
}

#[test]
fn axes_name_their_units() {
    let figures = &exhibit("single").figures;
    for (name, units) in [
        (
            "rates",
            ["messages per second", "time since the start, min"],
        ),
        ("sojourn", ["200 ms", "time since the start, min"]),
        (
            "backlog",
            ["age, seen at control ticks", "time since the start, min"],
        ),
        (
            "pool",
            ["messages a batch may carry", "time since the start, min"],
        ),
        ("percentiles", ["99.9 %", "100 ms"]),
    ] {
        let svg = find(figures, name).svg().expect("the main job has it");
        for unit in units {
            assert!(svg.contains(unit), "{name} does not say {unit:?}");
        }
    }
}

#[test]
fn hostile_names_stay_text() {
    let html = &exhibit("hostile").html;
    assert!(!html.contains("<script"), "a name became a script");
    assert!(!html.contains("<img"), "a name became an image");
    assert!(html.contains("&lt;script&gt;"), "the name is gone");
}

#[test]
fn the_report_says_first_what_was_found_and_how_to_find_it_again() {
    let html = &exhibit("single").html;
    let place = |text: &str| {
        html.find(text)
            .unwrap_or_else(|| panic!("{text:?} is not there"))
    };
    let order = [
        "1 of 3 thresholds inconclusive",
        "adaptive holds p95(sojourn) &lt; 500ms",
        "<dd>42</dd>",
        "ebbtide simulate remote-agents",
        "153 ms to 161 ms",
        "<svg",
    ];
    assert!(order.map(place).is_sorted(), "{:?}", order.map(place));
    assert!(html.contains("default-src 'none'"));
}

#[test]
fn reports_name_no_address_to_load_from() {
    const NAMESPACE: &str = "http://www.w3.org/2000/svg";
    for exhibit in EXHIBITS.iter() {
        let rest = exhibit.html.replace(NAMESPACE, "");
        for address in ["http:", "https:", "//", "url(", "@import"] {
            assert!(!rest.contains(address), "{} has {address:?}", exhibit.name);
        }
    }
}
