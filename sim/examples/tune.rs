//! Tunes the rivals on the tuning half of the suite, from the workspace's root:
//!
//! ```text
//! cargo run --release -p ebbtide-sim --example tune -- target/tuning.jsonl [RIVAL…]
//! ```
//!
//! `--best FILE` after the first name writes into FILE which settings of those tried so far did best in each scenario
//! (`scenarios/arena/best_settings.json`), and searches nothing. A policy's text in place of a rival's name, such as `simple(load: 0.9)`, is only scored.
//!
//! What was tried is kept in the file named first and not run again: stop it at any time, and remove the file when
//! policies or scenarios changed. What it prints goes into `policies/src/rivals/tuned.rs` and `docs/tuning.md`.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{Write as _, stdout};
use std::path::{Path, PathBuf};

use ebbtide_sim::arena::best_settings::BestSettings;
use ebbtide_sim::arena::tune::space::SPACES;
use ebbtide_sim::arena::tune::{Ground, REPLICATIONS, Ratios, score, tune};
use ebbtide_sim::arena::{Arena, suite};
use ebbtide_sim::files::Files;
use ebbtide_sim::scenario::Scenario;
use ebbtide_sim::shipped::Shipped;
use ebbtide_sim::{Monitor, Plan};

/// Ratios by policy and replications.
type Tried = BTreeMap<(String, u32), Ratios>;

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let path = PathBuf::from(words.next().ok_or("name the file for what was tried")?);
    let words: Vec<String> = words.collect();
    if let [flag, best] = words.as_slice()
        && flag == "--best"
    {
        return keep_best(recall(&path)?, Path::new(best));
    }
    let monitor = Monitor::default();
    let arenas = suite::TUNED.iter().map(arena).collect::<Result<_, _>>()?;
    let ground = Ground::new(arenas, &monitor)?.ok_or("stopped")?;
    let mut tried = recall(&path)?;
    let mut record = OpenOptions::new().create(true).append(true).open(&path)?;
    let mut evaluate = |texts: &[String], replications: u32| {
        let key = |text: &String| (text.clone(), replications);
        let new = texts.iter().filter(|text| !tried.contains_key(&key(text)));
        let new: Vec<String> = new.cloned().collect();
        if !new.is_empty() {
            let Some(ratios) = ground.ratios(&new, replications, &monitor)? else {
                return Ok(None);
            };
            for (text, ratios) in new.iter().zip(ratios) {
                note(&mut record, text, replications, &ratios)?;
                tried.insert(key(text), ratios);
            }
        }
        Ok(Some(
            texts.iter().map(|text| tried[&key(text)].clone()).collect(),
        ))
    };
    let is_name = |word: &String| SPACES.iter().any(|space| space.rival == word);
    let (names, texts): (Vec<String>, Vec<String>) = words.into_iter().partition(is_name);
    if !texts.is_empty() {
        let ratios = evaluate(&texts, REPLICATIONS)?.ok_or("stopped")?;
        for (text, ratios) in texts.iter().zip(&ratios) {
            writeln!(stdout(), "{:.3} {text}", score(ratios))?;
        }
        return Ok(());
    }
    for space in SPACES {
        if !names.is_empty() && !names.iter().any(|name| name == space.rival) {
            continue;
        }
        let tuned = tune(space, &mut evaluate)?.ok_or("stopped")?;
        writeln!(
            stdout(),
            "| {} | {} | {:.3} | {:.3} | {:.3} | `{}` |",
            space.rival,
            tuned.tried,
            tuned.before,
            tuned.after,
            tuned.per_scenario,
            tuned.text
        )?;
    }
    Ok(())
}

/// Writes which settings did best in each scenario.
fn keep_best(tried: Tried, path: &Path) -> Result<(), Box<dyn Error>> {
    let scenarios: Vec<&str> = suite::TUNED.iter().map(|it| it.name).collect();
    let tried = tried.into_iter();
    let tried: Vec<_> = tried
        .map(|((text, count), ratios)| (text, count, ratios))
        .collect();
    let best = BestSettings::of_search(&scenarios, &tried);
    Ok(fs::write(path, best.to_json())?)
}

/// What an earlier run tried.
fn recall(path: &Path) -> Result<Tried, Box<dyn Error>> {
    if !path.exists() {
        return Ok(Tried::new());
    }
    let text = fs::read_to_string(path)?;
    let lines = text.lines().map(|line| {
        let (text, replications, ratios) = serde_json::from_str(line)?;
        Ok(((text, replications), ratios))
    });
    lines.collect()
}

fn note(record: &mut File, text: &str, replications: u32, ratios: &Ratios) -> Result<(), String> {
    let line = serde_json::to_string(&(text, replications, ratios)).map_err(|it| it.to_string())?;
    writeln!(record, "{line}").map_err(|it| it.to_string())
}

fn arena(shipped: &Shipped) -> Result<Arena, Box<dyn Error>> {
    let mut files = Files::default();
    for named in Scenario::from_ron(shipped.text)?.files() {
        files.add(
            &named,
            &fs::read(Path::new(shipped.folder).join(&named.path))?,
        )?;
    }
    let plan = Plan::new(shipped.text, files)?;
    Ok(Arena::new(shipped.name, shipped.text, plan))
}
