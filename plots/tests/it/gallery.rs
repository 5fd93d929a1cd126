//! Reports of the main job and of its awkward cousins, written where people can look at them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use ebbtide_plots::{Figure, figures, report_html};

use crate::awkward;
use crate::made_up::{self, Experiment};

/// A report with what it was made from.
pub(crate) struct Exhibit {
    pub(crate) name: &'static str,
    pub(crate) figures: Vec<Figure>,
    pub(crate) html: String,
}

/// All of them, drawn once.
pub(crate) static EXHIBITS: LazyLock<Vec<Exhibit>> = LazyLock::new(exhibits);

/// The exhibit `name`.
#[track_caller]
pub(crate) fn exhibit(name: &str) -> &'static Exhibit {
    let found = EXHIBITS.iter().find(|exhibit| exhibit.name == name);
    found.unwrap_or_else(|| panic!("there is no exhibit {name}"))
}

fn exhibits() -> Vec<Exhibit> {
    let five = ["adaptive", "remote", "in_process", "threshold", "fixed(10)"];
    [
        ("single", made_up::experiment(&["adaptive"], 330)),
        ("two", made_up::experiment(&["adaptive", "remote"], 2048)),
        ("five", made_up::experiment(&five, 4096)),
        ("hostile", awkward::hostile()),
        ("restless", awkward::restless()),
        ("crowd", awkward::crowd()),
        ("one", awkward::tiny(1)),
        ("none", awkward::tiny(0)),
    ]
    .map(|(name, experiment)| Exhibit::of(name, &experiment))
    .into()
}

impl Exhibit {
    fn of(name: &'static str, experiment: &Experiment) -> Self {
        experiment.with(|input| {
            let figures = figures(input);
            let html = report_html(input, &figures);
            Self {
                name,
                figures,
                html,
            }
        })
    }
}

/// Where tests leave what they drew: `plots/` in the target folder's `tmp`.
pub(crate) fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plots");
    fs::create_dir_all(&folder).expect("the target folder is writable");
    folder
}

#[test]
fn reports_are_written_where_people_can_look_at_them() {
    for exhibit in EXHIBITS.iter() {
        let path = folder().join(exhibit.name).with_extension("html");
        fs::write(path, &exhibit.html).expect("the target folder is writable");
    }
}

#[test]
fn pictures_are_drawn_for_the_main_job() {
    for figure in &exhibit("single").figures {
        let path = folder().join(&figure.name).with_extension("png");
        assert_eq!(figure.write_png(&path).ok(), Some(true), "{}", figure.name);
        let written = fs::metadata(&path).map_or(0, |file| file.len());
        assert!(written > 10_000, "{} has {written} bytes", figure.name);
    }
}

#[test]
fn a_picture_that_cannot_be_written_says_where() {
    let figure = &exhibit("single").figures[0];
    let error = figure.write_png(Path::new("no/such/folder/x.png"));
    let text = error.expect_err("there is no such folder").to_string();
    assert!(
        text.starts_with("cannot write no/such/folder/x.png: "),
        "{text}"
    );
}
