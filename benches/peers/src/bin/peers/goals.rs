//! What ebbtide is to reach beside its peers, and whether it does.

use ebbtide_peers::measure::Cost;
use ebbtide_peers::peers::YARDSTICK;

use crate::BARE;
use crate::page::{median, ratios, spread};
use crate::rounds::{Cores, Taken};

const OWN: &str = "ebbtide";
/// Crates of actors that use all cores and keep the order of messages.
const ACTORS: &[&str] = &["kameo", "ractor"];
/// An idle broker may use this share of a core: its control tick once a second.
const IDLE_SHARE: f64 = 0.001;

/// A row a goal.
pub(crate) fn table(taken: &Taken) -> String {
    let mut text = "| goal | measured | reached |\n|---|--:|---|\n".to_owned();
    let mut row = |goal: &str, figures: &[Option<f64>], reached: &dyn Fn(f64) -> bool| {
        let verdict = match median(figures) {
            Some(figure) if reached(figure) => "yes",
            Some(_) => "**no**",
            None => "not measured",
        };
        text += &format!("| {goal} | {} | {verdict} |\n", spread(figures));
    };
    let cpu = |to, case| ratios(taken, Cores::One, Cost::cpu_ns, OWN, to, case);
    let rate = |to, case| ratios(taken, Cores::All, Cost::rate, OWN, to, case);
    let actors = |case| {
        let all = ACTORS.iter().map(|actor| rate(actor, case));
        all.reduce(|one, other| least(&one, &other))
            .unwrap_or_default()
    };
    row(
        "tell 1→1: at most 2.3× tokio's CPU",
        &cpu(YARDSTICK, "tell 1→1"),
        &|it| it <= 2.3,
    );
    row(
        "tell 8→5: at least 1.3× the faster of kameo and ractor",
        &actors("tell 8→5"),
        &|it| it >= 1.3,
    );
    row(
        "ask 50: at most 1.9× tokio's CPU",
        &cpu(YARDSTICK, "ask 50"),
        &|it| it <= 1.9,
    );
    row(
        "ask 50: at least 1.15× the faster of kameo and ractor",
        &actors("ask 50"),
        &|it| it >= 1.15,
    );
    for case in ["tell 8→5", "ask 50"] {
        row(
            &format!("{case}: at least 10× the factory"),
            &rate("factory", case),
            &|it| it >= 10.0,
        );
        row(
            &format!("{case}: at least 5× cronoq"),
            &rate("cronoq", case),
            &|it| it >= 5.0,
        );
    }
    row(
        "50 callers: at least 0.99 of bare sleep",
        &rate(BARE, "callers 50"),
        &|it| it >= 0.99,
    );
    let idle = taken
        .idle
        .map(|it| it.cpu.as_secs_f64() / it.wall.as_secs_f64());
    row(
        "idle: no CPU (share of a core over 3 s, start included)",
        &[idle],
        &|it| it <= IDLE_SHARE,
    );
    text
}

/// The lesser figure of each round: over several peers, that against the fastest.
fn least(one: &[Option<f64>], other: &[Option<f64>]) -> Vec<Option<f64>> {
    let pairs = one.iter().zip(other);
    pairs
        .map(|(one, other)| Some(one.as_ref()?.min(*other.as_ref()?)))
        .collect()
}
