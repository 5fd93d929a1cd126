//! What no single field of a scenario can tell: all faults at once, each by its path.
//!
//! Ranges are checked while reading, the broker's configuration by core.

use ebbtide_policies::counted::Counted;
use std::fmt::Display;

use ebbtide_core::config::{Check, Profile};
use ebbtide_core::fault::Fault as Wrong;
use ebbtide_core::message::ClassId;
use ebbtide_core::text::closest;
use ebbtide_measure::Scope;
use ebbtide_policies::registry;
use ebbtide_policies::units::{Duration, Time};

use crate::agents::{Agent, Drift, Effect};
use crate::arrivals::{Arrivals, HIGHEST_RATE};
use crate::files::Files;
use crate::observation_fault::Distortion;
use crate::scenario::{Run, Scenario, WarmUp};
use crate::trace::Trace;
use crate::traffic::To;

/// Class ids are 16 bits wide.
const MOST_CLASSES: usize = 65_535;
/// A century; beyond it times of several such lengths would not fit their 64 bits.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 86_400);

/// Changes of a source's rate in a run: more take longer to step over than the messages between.
const MOST_CHANGES: u64 = 10_000_000;
/// Control ticks in a run; with the default policy they take some minutes by themselves.
const MOST_TICKS: u64 = 100_000_000;

/// Ticks by which observations may be late: so many are kept.
const MOST_LATE: u32 = 1_000;

/// What is wrong with a run's length for a broker that ticks at this interval.
pub(super) fn too_many_ticks(run: &Run, interval: Duration) -> Option<String> {
    let time = run.length + run.tail;
    let ticks = time.as_nanos() / interval.as_nanos().max(1);
    (ticks > MOST_TICKS).then(|| {
        format!(
            "and run.tail make {ticks} control ticks of {interval}, allowed are {MOST_TICKS}, \
             shorten them or raise broker.control_interval_ms"
        )
    })
}

/// Everything wrong with a scenario.
pub(super) fn faults(scenario: &Scenario, files: &Files) -> Vec<Wrong> {
    let mut faults = Faults {
        scenario,
        found: Vec::new(),
    };
    faults.run();
    faults.agents();
    faults.traffic(files);
    faults.timetable();
    faults.observations();
    faults.policies();
    faults.expect();
    faults.found
}

/// A fault if the run may ask for replications that a trace does not have: nobody would send in them.
pub(super) fn enough_replications(file: &str, trace: &Trace, run: &Run) -> Result<(), String> {
    let (field, wanted) = match &run.until {
        Some(until) => ("run.until.max", until.max.max(run.replications)),
        None => ("run.replications", run.replications),
    };
    match trace.replications() {
        Some(recorded) if recorded < wanted => Err(format!(
            "{file} has {}, the run wants {wanted}, set {field} to {recorded} or fewer",
            Counted(recorded.into(), "replication")
        )),
        _ => Ok(()),
    }
}

/// A fault if only some of a file's classes are known: the others are likely misspelt.
pub(super) fn strangers<'a>(
    file: &str,
    names: &[String],
    named: &[Option<ClassId>],
    known: impl Fn() -> Vec<&'a str>,
) -> Result<(), String> {
    let stranger = names.iter().zip(named).find(|(_, id)| id.is_none());
    match stranger {
        Some((name, _)) if named.iter().any(Option::is_some) => Err(format!(
            "{file} has class {name:?}, which the scenario lacks, {}",
            suggestion(name, known())
        )),
        _ => Ok(()),
    }
}

/// What was meant, or what there is.
fn suggestion(found: &str, mut allowed: Vec<&str>) -> String {
    allowed.dedup();
    match closest(found, allowed.iter().copied()) {
        Some(meant) => format!("did you mean {meant:?}?"),
        None if allowed.is_empty() => "there are none".to_owned(),
        None => format!("allowed are {}", allowed.join(", ")),
    }
}

struct Faults<'s> {
    scenario: &'s Scenario,
    found: Vec<Wrong>,
}

impl Faults<'_> {
    fn add(&mut self, path: impl Into<String>, problem: impl Into<String>) {
        self.found.push(Wrong::new(path, problem));
    }

    fn range(&mut self, path: impl Into<String>, found: impl Display, allowed: impl Display) {
        self.found.push(Wrong::out_of_range(path, found, allowed));
    }

    fn run(&mut self) {
        let run = &self.scenario.run;
        if run.length.is_zero() || run.length > LONGEST {
            self.range(
                "run.length",
                run.length,
                format_args!("above 0s, up to {LONGEST}"),
            );
        }
        if run.tail > LONGEST {
            self.range("run.tail", run.tail, format_args!("0s to {LONGEST}"));
        }
        if let WarmUp::Fixed(warm_up) = run.warm_up
            && warm_up >= run.length
        {
            let allowed = format!("times below the run's length of {}", run.length);
            self.range("run.warm_up", warm_up, allowed);
        }
        if let Some(until) = &run.until
            && until.max < run.replications
        {
            let allowed = format!("run.replications, {}, and more", run.replications);
            self.range("run.until.max", until.max, allowed);
        }
    }

    fn agents(&mut self) {
        if self.scenario.agents.is_empty() {
            self.add("agents", "is empty, at least one agent is needed");
        }
        for (index, agent) in self.scenario.agents.iter().enumerate() {
            let path = format!("agents[{index}]");
            let before = &self.scenario.agents[..index];
            if before.iter().any(|other| other.name == agent.name) {
                self.add(
                    format!("{path}.name"),
                    format!("is {:?} a second time, names are unique", agent.name),
                );
            }
            self.agent(&path, agent);
        }
    }

    fn agent(&mut self, path: &str, agent: &Agent) {
        let is_batch = agent.per_call.is_some() || agent.per_item.is_some();
        if agent.call.is_some() == is_batch {
            self.add(
                path,
                "needs either call (an ordinary agent) or per_call and per_item (a batch agent)",
            );
        }
        if agent.servers == Some(0) {
            self.range(format!("{path}.servers"), 0, "1 and more");
        }
        if let Some(Drift::File { base, .. }) = &agent.drift
            && base.is_zero()
        {
            self.range(format!("{path}.drift.base"), base, "above 0s");
        }
        if let Some(Drift::Steps(steps)) = &agent.drift
            && !steps.is_sorted_by_key(|(from, _)| *from)
        {
            self.add(format!("{path}.drift"), "goes back in time, sort its steps");
        }
        for (field, fault) in agent.config().faults().into_iter().map(|fault| {
            let section = if fault.path == "name" { "" } else { "protect." };
            (section, fault)
        }) {
            self.found.push(Wrong {
                path: format!("{path}.{field}{}", fault.path),
                ..fault
            });
        }
        for (field, limit) in agent.rate_limit.iter().flat_map(|limit| limit.buckets()) {
            let wrong = limit.faults().into_iter();
            let section = format!("{path}.rate_limit.{field}");
            self.found.extend(wrong.map(|fault| fault.under(&section)));
        }
    }

    fn traffic(&mut self, files: &Files) {
        if self.scenario.traffic.is_empty() {
            self.add("traffic", "is empty, at least one source is needed");
        }
        for file in self.scenario.files() {
            // Whoever read the files says so before; this holds for those who did not.
            if !files.has(&file) {
                self.add(
                    "traffic",
                    format!("names {}, which was not read", file.path),
                );
            }
        }
        let mut names: Vec<&str> = Vec::new();
        for (index, source) in self.scenario.traffic.iter().enumerate() {
            let path = format!("traffic[{index}]");
            if source.classes.is_empty() {
                self.add(
                    format!("{path}.classes"),
                    "is empty, at least one class is needed",
                );
            }
            self.file_classes(&path, index, files);
            self.pace(&path, index, files);
            for (number, class) in source.classes.iter().enumerate() {
                let path = format!("{path}.classes[{number}]");
                if names.contains(&class.name.as_str()) {
                    let problem = format!("is {:?} a second time, names are unique", class.name);
                    self.add(format!("{path}.name"), problem);
                }
                if class.name.is_empty() {
                    let problem = "is empty, allowed are names of a letter or more";
                    self.add(format!("{path}.name"), problem);
                }
                names.push(&class.name);
                self.address(&path, &class.to);
                if class.ordering_keys == Some(0) {
                    self.range(format!("{path}.ordering_keys"), 0, "1 and more");
                }
            }
        }
        if names.len() > MOST_CLASSES {
            let problem = format!("has {} classes, allowed are {MOST_CLASSES}", names.len());
            self.add("traffic", problem);
        }
    }

    fn file_classes(&mut self, path: &str, index: usize, files: &Files) {
        let source = &self.scenario.traffic[index];
        let own = || {
            source
                .classes
                .iter()
                .map(|class| class.name.as_str())
                .collect()
        };
        let Some(file) = source.arrivals.file() else {
            return;
        };
        if !self.has_files(files) {
            return;
        }
        let names = match &source.arrivals {
            Arrivals::Trace { .. } => files.trace(file).classes(),
            _ => files.series(file).classes(),
        };
        let known: Vec<&str> = own();
        let named = names.iter().map(|name| {
            let place = known.iter().position(|class| class == name)?;
            u16::try_from(place).ok().map(ClassId)
        });
        if let Err(problem) = strangers(file, names, &named.collect::<Vec<_>>(), own) {
            self.add(format!("{path}.arrivals"), format!(": {problem}"));
        }
        if let Arrivals::Trace { .. } = &source.arrivals
            && let Err(problem) = enough_replications(file, files.trace(file), &self.scenario.run)
        {
            self.add(
                format!("{path}.arrivals"),
                format!("is too short: {problem}"),
            );
        }
    }

    /// What a run can bear of changes and of messages.
    fn pace(&mut self, path: &str, index: usize, files: &Files) {
        let arrivals = &self.scenario.traffic[index].arrivals;
        let length = self.scenario.run.length;
        let least = Duration::from_nanos(length.as_nanos().div_ceil(MOST_CHANGES));
        if let Some(pace) = arrivals.pace().filter(|pace| *pace < least) {
            self.add(
                format!("{path}.arrivals"),
                format!(
                    "changes its rate every {pace}, allowed are {least} and more in a run of \
                     {length}"
                ),
            );
        } else if matches!(arrivals, Arrivals::Series { .. }) && self.has_files(files) {
            let peak = arrivals.load(files, Time::ZERO + length).peak_per_s;
            if peak > HIGHEST_RATE {
                let found = format_args!("{peak}/s at its peak");
                self.range(
                    format!("{path}.arrivals"),
                    found,
                    format_args!("rates up to {HIGHEST_RATE:e}/s"),
                );
            }
        }
    }

    fn has_files(&self, files: &Files) -> bool {
        self.scenario.files().iter().all(|named| files.has(named))
    }

    fn address(&mut self, path: &str, to: &To) {
        let named: Vec<&String> = match to {
            To::Agent(name) => vec![name],
            To::Agents(weighed) => weighed.iter().map(|(_, name)| name).collect(),
            To::Topic(topic) => {
                let subscribed = |agent: &Agent| agent.protect.topics.contains(topic);
                if !self.scenario.agents.iter().any(subscribed) {
                    let problem = format!("is topic {topic:?}, to which no agent subscribes");
                    self.add(format!("{path}.to"), problem);
                }
                return;
            }
        };
        if named.is_empty() {
            self.add(
                format!("{path}.to"),
                "is empty, at least one agent is needed",
            );
        }
        for name in named {
            self.known_agent(format!("{path}.to"), name);
        }
    }

    fn known_agent(&mut self, path: String, name: &str) {
        let agents = self.scenario.agents.iter();
        let known: Vec<&str> = agents.map(|agent| agent.name.as_str()).collect();
        if !known.contains(&name) {
            let problem = format!(
                "is {name:?}, which is no agent, {}",
                suggestion(name, known)
            );
            self.add(path, problem);
        }
    }

    fn timetable(&mut self) {
        for (index, fault) in self.scenario.faults.iter().enumerate() {
            let path = format!("faults[{index}]");
            self.known_agent(format!("{path}.agent"), &fault.agent);
            if fault.until <= fault.from {
                let allowed = format!("times after its begin at {}", fault.from);
                self.range(format!("{path}.until"), fault.until, allowed);
            }
            if let Effect::RateLimit(limit) = &fault.effect {
                for (field, limit) in limit.buckets() {
                    let section = format!("{path}.effect.{field}");
                    let wrong = limit.faults().into_iter();
                    self.found.extend(wrong.map(|fault| fault.under(&section)));
                }
            }
        }
        let end = Time::ZERO + self.scenario.run.length + self.scenario.run.tail;
        for (index, death) in self.scenario.worker_deaths.iter().enumerate() {
            let path = format!("worker_deaths[{index}]");
            if death.workers == 0 {
                self.range(format!("{path}.workers"), 0, "1 and more");
            }
            if death.at > end {
                self.range(format!("{path}.at"), death.at, format!("times until {end}"));
            }
        }
    }

    fn observations(&mut self) {
        for (index, fault) in self.scenario.observation_faults.iter().enumerate() {
            if fault.until <= fault.from {
                let allowed = format!("times after its begin at {}", fault.from);
                let path = format!("observation_faults[{index}].until");
                self.range(path, fault.until, allowed);
            }
            if let Distortion::Late(ticks) = fault.effect
                && !(1..=MOST_LATE).contains(&ticks)
            {
                let path = format!("observation_faults[{index}].effect.Late");
                self.range(path, ticks, format_args!("1 to {MOST_LATE}"));
            }
        }
    }

    fn policies(&mut self) {
        let policies = self.scenario.policies.iter().enumerate();
        let named = policies.map(|(index, name)| (format!("policies[{index}]"), name));
        let own = [("broker.policy".to_owned(), &self.scenario.broker.policy)];
        for (path, name) in named.chain(own).collect::<Vec<_>>() {
            if name.parse::<Profile>().is_ok() && path != "broker.policy" {
                continue;
            }
            if let Err(unknown) = registry::build(name) {
                self.add(path, unknown.problem());
            }
        }
        let mut names = self.scenario.policies.clone();
        names.sort();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            self.add(
                "policies",
                format!("has {:?} twice, names are unique", twice[0]),
            );
        }
    }

    fn expect(&mut self) {
        for (index, threshold) in self.scenario.expect.iter().enumerate() {
            let path = format!("expect[{index}]");
            match &threshold.selector.scope {
                Scope::Agent(name) => self.known_agent(path, name),
                Scope::Class(name) => {
                    let classes = self.scenario.traffic.iter().flat_map(|s| &s.classes);
                    let known: Vec<&str> = classes.map(|class| class.name.as_str()).collect();
                    if !known.contains(&name.as_str()) {
                        let meant = suggestion(name, known);
                        self.add(path, format!("names {name:?}, which is no class, {meant}"));
                    }
                }
                Scope::Total | Scope::Lane(_) => {}
            }
        }
    }
}
