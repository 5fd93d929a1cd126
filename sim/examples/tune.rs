//! Tunes the rivals on the tuning half of the suite, from the workspace's root:
//!
//! ```text
//! cargo run --release -p ebbtide-sim --example tune -- target/tuning.jsonl [RIVAL…]
//! cargo run --release -p ebbtide-sim --example tune -- target/tuning.jsonl --best FILE [UNTUNED]
//! ```
//!
//! A policy's text in place of a rival's name, such as `simple(load: 0.9)`, is only scored.
//!
//! `--best` writes which settings did best in each scenario (`scenarios/arena/best_settings.json`), and searches nothing:
//! on the tuning half of all that were tried. On the other half the winners of the tuning half are tried too, if a second
//! file, UNTUNED, is named for that: for information, nothing is tuned by it.
//!
//! What was tried is kept in the file named first and not run again: stop it at any time, and remove the file when
//! policies or scenarios changed. What it prints goes into `policies/src/rivals/tuned.rs` and `docs/tuning.md`.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{Write as _, stdout};
use std::path::Path;

use ebbtide_sim::arena::best_settings::BestSettings;
use ebbtide_sim::arena::tune::space::SPACES;
use ebbtide_sim::arena::tune::{Ground, REPLICATIONS, Ratios, SEARCHED, score, tune};
use ebbtide_sim::arena::{Arena, suite};
use ebbtide_sim::files::Files;
use ebbtide_sim::scenario::Scenario;
use ebbtide_sim::shipped::Shipped;
use ebbtide_sim::{Monitor, Plan};

/// Ratios by policy and replications.
type Tried = BTreeMap<(String, u32), Ratios>;

/// Settings that are tried before what came of them is written down.
const AT_ONCE: usize = 20;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [path, words @ ..] = words.as_slice() else {
        return Err("name the file for what was tried".into());
    };
    let mut log = Log::open(Path::new(path))?;
    match words {
        [flag, best, untuned @ ..] if flag == "--best" => {
            keep_best(&log, Path::new(best), untuned.first().map(Path::new))
        }
        _ => tune_all(&mut log, words),
    }
}

/// Tunes the rivals that are named, or all; or scores what is named instead.
fn tune_all(log: &mut Log, words: &[String]) -> Result<(), Box<dyn Error>> {
    let ground = ground(suite::TUNED)?;
    let mut evaluate = |texts: &[String], replications: u32| {
        let tried = log.evaluate(&ground, texts, replications);
        tried.map_err(|error| error.to_string())
    };
    let is_name = |word: &&String| SPACES.iter().any(|space| space.rival == **word);
    let (names, texts): (Vec<&String>, Vec<&String>) = words.iter().partition(is_name);
    if !texts.is_empty() {
        let texts: Vec<String> = texts.into_iter().cloned().collect();
        let ratios = evaluate(&texts, REPLICATIONS)?.ok_or("stopped")?;
        for (text, ratios) in texts.iter().zip(&ratios) {
            writeln!(stdout(), "{:.3} {text}", score(ratios))?;
        }
        return Ok(());
    }
    for space in SPACES {
        if !names.is_empty() && !names.iter().any(|name| *name == space.rival) {
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
fn keep_best(log: &Log, path: &Path, untuned: Option<&Path>) -> Result<(), Box<dyn Error>> {
    let names = |half: &[Shipped]| -> Vec<&str> { half.iter().map(|it| it.name).collect() };
    let mut best = BestSettings::of_search(&names(suite::TUNED), &log.tried());
    if let Some(untuned) = untuned {
        let ground = ground(suite::UNTUNED)?;
        let mut log = Log::open(untuned)?;
        log.evaluate(&ground, &best.texts(), SEARCHED)?;
        best.extend(BestSettings::of_search(
            &names(suite::UNTUNED),
            &log.tried(),
        ));
    }
    Ok(fs::write(path, best.to_json())?)
}

/// What was tried, in memory and in its file.
struct Log {
    tried: Tried,
    record: File,
}

impl Log {
    /// With what an earlier run tried.
    fn open(path: &Path) -> Result<Self, Box<dyn Error>> {
        let record = OpenOptions::new().create(true).append(true).open(path)?;
        let text = fs::read_to_string(path)?;
        let lines = text.lines().map(|line| {
            let (text, replications, ratios) = serde_json::from_str(line)?;
            Ok(((text, replications), ratios))
        });
        let tried = lines.collect::<Result<_, Box<dyn Error>>>()?;
        Ok(Self { tried, record })
    }

    fn tried(&self) -> Vec<(String, u32, Ratios)> {
        let tried = self.tried.iter();
        tried
            .map(|((text, replications), ratios)| (text.clone(), *replications, ratios.clone()))
            .collect()
    }

    /// The ratios of each; what was not tried yet is.
    fn evaluate(
        &mut self,
        ground: &Ground,
        texts: &[String],
        replications: u32,
    ) -> Result<Option<Vec<Ratios>>, Box<dyn Error>> {
        let key = |text: &String| (text.clone(), replications);
        let new = texts
            .iter()
            .filter(|text| !self.tried.contains_key(&key(text)));
        let new: Vec<String> = new.cloned().collect();
        for texts in new.chunks(AT_ONCE) {
            let Some(all) = ground.ratios(texts, replications, &Monitor::default())? else {
                return Ok(None);
            };
            for (text, ratios) in texts.iter().zip(all) {
                let line = serde_json::to_string(&(text, replications, &ratios))?;
                writeln!(self.record, "{line}")?;
                self.tried.insert(key(text), ratios);
            }
        }
        let all = texts.iter().map(|text| self.tried[&key(text)].clone());
        Ok(Some(all.collect()))
    }
}

fn ground(half: &[Shipped]) -> Result<Ground, Box<dyn Error>> {
    let arenas = half.iter().map(arena).collect::<Result<_, _>>()?;
    Ok(Ground::new(arenas, &Monitor::default())?.ok_or("stopped")?)
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
