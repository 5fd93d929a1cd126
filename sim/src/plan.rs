//! A scenario, checked as a whole and resolved into what the simulator runs.
//!
//! Apart from `scenario.rs` so that text has one shape and the simulator another, with names
//! turned into ids and distributions into samplers: parse, then resolve. Deliberately absent:
//! anything that differs between replications.

mod check;
mod contender;

use std::sync::Arc;

use ebbtide_core::BrokerConfig;
use ebbtide_core::config::{self, Checked, Profile};
use ebbtide_core::fault::Fault as Wrong;
use ebbtide_core::message::{AgentId, ClassId, Kind};
use ebbtide_core::text::TextError;
use ebbtide_measure::Threshold;
use ebbtide_policies::registry;
use ebbtide_policies::units::{Duration, Time};

use crate::agents::{Agent, AgentModel, Fault};
use crate::arrivals::{Arrivals, Load};
use crate::distribution::Sampler;
use crate::files::Files;
use crate::observation_fault::ObservationFault;
use crate::scenario::{Run, Scenario, WarmUp, WorkerDeath, set};
use crate::series::sped_up;
use crate::streams::Streams;
use crate::trace::Trace;
use crate::traffic::{Address, ClassPlan, Count, Share, Source, To, WhenFull};

pub use contender::{Contender, PolicySource};

/// Silence before a trace's first message that nobody would call a mistake.
const SHORT_SILENCE: Duration = Duration::from_secs(60);

/// What the simulator runs.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How long, how often, with which luck.
    pub run: Run,
    /// Every timer ends on a whole multiple of this; zero: anywhere.
    pub time_grain: Duration,
    /// What to run, at least one; thresholds bind the first.
    pub contenders: Vec<Contender>,
    /// The agents, by id.
    pub agents: Vec<Agent>,
    /// The sources, by the first part of their messages' keys.
    pub sources: Vec<SourcePlan>,
    /// The classes, by id.
    pub classes: Vec<ClassPlan>,
    /// What befalls the agents.
    pub faults: Vec<Fault>,
    /// Workers that die, in order of time.
    pub worker_deaths: Vec<WorkerDeath>,
    /// What befalls the observations that policies see.
    pub observation_faults: Vec<ObservationFault>,
    /// What must hold.
    pub expect: Vec<Threshold>,
    /// What a user should know, though it is no fault; a sentence each.
    pub warnings: Vec<String>,
    /// A trace that takes the place of all sources.
    pub(crate) replay: Option<Replayed>,
    pub(crate) all_classes: Share<ClassId>,
    pub(crate) files: Files,
    worker_start: Option<Sampler>,
}

/// A source, resolved.
#[derive(Clone, Debug)]
pub struct SourcePlan {
    /// What its sender does when the queue is full.
    pub when_full: WhenFull,
    pub(crate) arrivals: Arrivals,
    pub(crate) classes: Share<ClassId>,
    /// For each class name of its file, the class.
    pub(crate) named: Vec<Option<ClassId>>,
}

/// A trace in place of the sources.
#[derive(Clone, Debug)]
pub(crate) struct Replayed {
    pub(crate) trace: Arc<Trace>,
    /// For each of the trace's class names, the class.
    pub(crate) named: Vec<Option<ClassId>>,
}

impl Plan {
    /// Reads, checks and resolves a scenario; `files` must have what
    /// [`Scenario::files`] names.
    ///
    /// # Errors
    ///
    /// [`TextError`]: the first fault of form, or all faults of what was said.
    pub fn new(text: &str, files: Files) -> Result<Self, TextError> {
        let scenario = Scenario::from_ron(text)?;
        let mut faults = check::faults(&scenario, &files);
        let contenders = contenders(text, &scenario, &mut faults);
        let intervals = contenders.iter().map(|it| it.config.control_interval());
        if let Some(interval) = intervals.min()
            && let Some(problem) = check::too_many_ticks(&scenario.run, interval)
        {
            faults.push(Wrong::new("run.length", problem));
        }
        if faults.is_empty() {
            Ok(Self::resolve(scenario, contenders, files))
        } else {
            let mut error =
                TextError::of_values(text, faults).with_help(|path| config::left_open(text, path));
            error.faults.sort_by_key(|fault| fault.place.span.start);
            Err(error)
        }
    }

    /// A scenario without faults.
    fn resolve(scenario: Scenario, contenders: Vec<Contender>, files: Files) -> Self {
        let classes = scenario.traffic.iter().flat_map(|source| &source.classes);
        let agent_id = |name: &str| {
            let place = scenario.agents.iter().position(|agent| agent.name == name);
            AgentId(place.expect("checked: every agent named is there") as u32)
        };
        let plans = classes.clone().map(|class| {
            let to = match &class.to {
                To::Agent(name) => Address::Agents(Share::new([(1.0, agent_id(name))])),
                To::Agents(weighed) => Address::Agents(Share::new(
                    weighed
                        .iter()
                        .map(|(weight, name)| (weight.0, agent_id(name))),
                )),
                To::Topic(topic) => Address::Topic(topic.clone()),
            };
            ClassPlan {
                name: class.name.clone(),
                lane: class.lane,
                kind: match to {
                    Address::Agents(_) => class.kind,
                    Address::Topic(_) => Kind::Broadcast,
                },
                to,
                deadline: class.deadline,
                patience: class.patience.as_ref().map(|patience| patience.sampler()),
                size: Count::new(&class.size),
                units: Count::new(&class.units),
                ordering_keys: class.ordering_keys,
            }
        });
        let mut plan = Self {
            classes: plans.collect(),
            all_classes: Share::new(classes.map(|class| class.share).zip((0..).map(ClassId))),
            run: scenario.run,
            time_grain: scenario.time_grain,
            contenders,
            sources: Vec::new(),
            worker_start: scenario.worker_start.map(|start| start.sampler()),
            faults: scenario.faults,
            worker_deaths: scenario.worker_deaths,
            observation_faults: scenario.observation_faults,
            expect: scenario.expect,
            agents: scenario.agents,
            warnings: Vec::new(),
            replay: None,
            files,
        };
        plan.worker_deaths.sort_by_key(|death| death.at);
        plan.resolve_sources(scenario.traffic);
        plan
    }

    fn resolve_sources(&mut self, sources: Vec<Source>) {
        let mut first = 0;
        for source in sources {
            let own = (first..).map(ClassId).zip(&source.classes);
            let weighed = own.clone().map(|(id, class)| (class.share, id));
            let names: Vec<String> = match &source.arrivals {
                Arrivals::Trace { file, .. } => self.files.trace(file).classes().to_vec(),
                Arrivals::Series { file, .. } => self.files.series(file).classes().to_vec(),
                _ => Vec::new(),
            };
            let named = names.iter().map(|name| {
                let known = own.clone().find(|(_, class)| class.name == *name);
                known.map(|(id, _)| id)
            });
            let named: Vec<Option<ClassId>> = named.collect();
            if let Some(file) = source.arrivals.file() {
                self.warn_of_strangers(file, &named);
                self.warn_of_columns(file, &source.arrivals);
            }
            if let Arrivals::Trace { file, speed, .. } = &source.arrivals {
                self.move_to_its_start(file, *speed);
            }
            let classes = Share::new(weighed);
            first += source.classes.len() as u16;
            self.sources.push(SourcePlan {
                when_full: source.when_full,
                arrivals: source.arrivals,
                classes,
                named,
            });
        }
    }

    /// Says so if a file has classes and none of them is known.
    fn warn_of_strangers(&mut self, file: &str, named: &[Option<ClassId>]) {
        if !named.is_empty() && named.iter().all(Option::is_none) {
            self.warnings.push(format!(
                "none of the {} classes in {file} is one of the scenario: \
                 classes are drawn by their shares",
                named.len()
            ));
        }
    }

    /// Says so if a file has columns that nobody reads.
    fn warn_of_columns(&mut self, file: &str, arrivals: &Arrivals) {
        let unread = match arrivals {
            Arrivals::Trace { .. } => self.files.trace(file).unread(),
            _ => self.files.series(file).unread(),
        };
        self.warnings
            .extend(unread.map(|unread| format!("{file}: {unread}")));
    }

    /// A trace whose messages would all come after the run, since its times count from 1970,
    /// say, is played from its first row on.
    fn move_to_its_start(&mut self, file: &str, speed: f64) {
        let first = self.files.trace(file).first();
        if sped_up(first, speed) >= self.end() {
            self.files.move_to_its_start(file);
            self.warnings.push(format!(
                "{file} begins at t_s {}, after the run: it is played from its first row on",
                first.as_secs_f64()
            ));
        }
    }

    /// Replaces all traffic by a trace. An exported trace brings the length and the warm-up of
    /// its run, another one ends with its last message, and begins with its first if that comes
    /// only after a silence longer than all the rest; what a row does not say is drawn as the
    /// scenario's classes have it.
    ///
    /// # Errors
    ///
    /// A sentence, if the trace does not fit the scenario.
    pub fn replay(mut self, name: &str, mut trace: Trace) -> Result<Self, String> {
        // They were about the sources that the trace replaces.
        self.warnings.clear();
        let known = |wanted: &String| self.classes.iter().position(|class| class.name == *wanted);
        let ids = trace.classes().iter().map(known);
        let named: Vec<Option<ClassId>> = ids.map(|id| id.map(|id| ClassId(id as u16))).collect();
        check::strangers(name, trace.classes(), &named, || {
            self.classes
                .iter()
                .map(|class| class.name.as_str())
                .collect()
        })?;
        check::enough_replications(name, &trace, &self.run)?;
        let silence = trace.first().since(Time::ZERO);
        let rest = trace.last().since(trace.first());
        if trace.recorded().length.is_none() && silence > rest.max(SHORT_SILENCE) {
            trace = trace.from_its_start();
            self.warnings.push(format!(
                "{name} begins at t_s {}: it is played from its first row on",
                silence.as_secs_f64()
            ));
        }
        let end = trace.last() + Duration::from_nanos(1);
        self.run.length = trace.recorded().length.unwrap_or(end.since(Time::ZERO));
        if let Some(warm_up) = trace.recorded().warm_up {
            self.run.warm_up = WarmUp::Fixed(warm_up);
        }
        self.fits_the_run(name)?;
        self.warn_of_strangers(name, &named);
        let unread = trace.unread();
        self.warnings
            .extend(unread.map(|unread| format!("{name}: {unread}")));
        self.replay = Some(Replayed {
            trace: Arc::new(trace),
            named,
        });
        Ok(self)
    }

    /// Whether a run of this trace's length can be had.
    fn fits_the_run(&self, name: &str) -> Result<(), String> {
        let length = self.run.length;
        if let WarmUp::Fixed(warm_up) = self.run.warm_up
            && warm_up >= length
        {
            return Err(format!(
                "{name} lasts {length}, run.warm_up is {warm_up}, set run.warm_up=0s or another \
                 time below"
            ));
        }
        let intervals = self.contenders.iter();
        let shortest = intervals.map(|it| it.config.control_interval()).min();
        let interval = shortest.unwrap_or(Duration::MAX);
        match check::too_many_ticks(&self.run, interval) {
            Some(problem) => Err(format!("{name} lasts {length}: run.length {problem}")),
            None => Ok(()),
        }
    }

    /// When arrivals stop.
    #[must_use]
    pub fn end(&self) -> Time {
        Time::ZERO + self.run.length
    }

    /// From the order of a worker until it is ready, where the scenario draws it; `number`
    /// counts orders.
    #[must_use]
    pub fn worker_start(&self, streams: Streams, number: u64) -> Option<Duration> {
        let start = self.worker_start.as_ref()?;
        Some(start.duration(&mut streams.stream("worker start", 0).draw(number, 0)))
    }

    /// The same where workers that a scenario draws a start for are ready at once; `broker.worker_start_ms` is the
    /// configuration's.
    #[must_use]
    pub(crate) fn with_workers_at_once(self) -> Self {
        Self {
            worker_start: None,
            ..self
        }
    }

    /// Whether the scenario draws how long a worker takes to start.
    #[must_use]
    pub fn draws_worker_start(&self) -> bool {
        self.worker_start.is_some()
    }

    /// The agents of one replication, by id.
    #[must_use]
    pub fn agent_models(&self, streams: Streams) -> Vec<AgentModel> {
        let model = |agent| AgentModel::new(agent, &self.faults, &self.files, streams);
        self.agents.iter().map(model).collect()
    }

    /// Whether nothing about the load or the agents changes in the course of a run, so that a
    /// warm-up can be told from the rest.
    #[must_use]
    pub fn is_stationary(&self) -> bool {
        let steady = |source: &SourcePlan| source.arrivals.is_stationary();
        self.replay.is_none()
            && self.faults.is_empty()
            && self.worker_deaths.is_empty()
            && self.observation_faults.is_empty()
            && self.agents.iter().all(|agent| agent.drift.is_none())
            && self.sources.iter().all(steady)
    }

    /// Whether messages are sent and that is that: each is for one agent, its sender neither waits
    /// for room or an outcome nor gives up, and time has no grain.
    #[must_use]
    pub(crate) fn is_plain(&self) -> bool {
        let refused = |source: &SourcePlan| source.when_full == WhenFull::Refuse;
        let for_one = |class: &ClassPlan| matches!(class.to, Address::Agents(_));
        self.time_grain.is_zero()
            && !self.has_callers()
            && self.sources.iter().all(refused)
            && self
                .classes
                .iter()
                .all(|class| for_one(class) && !class.has_patience())
    }

    /// Whether any source waits for outcomes before it sends again.
    #[must_use]
    pub fn has_callers(&self) -> bool {
        let closed = |source: &SourcePlan| matches!(source.arrivals, Arrivals::Closed { .. });
        self.replay.is_none() && self.sources.iter().any(closed)
    }

    /// How many messages each source brings, and how fast.
    #[must_use]
    pub fn loads(&self) -> Vec<Load> {
        let end = self.end();
        match &self.replay {
            Some(replayed) => vec![crate::arrivals::load_of(&replayed.trace, end)],
            None => (self.sources.iter())
                .map(|source| source.arrivals.load(&self.files, end))
                .collect(),
        }
    }

    /// The trace that source `index` plays, if it is one.
    #[must_use]
    pub fn trace_of(&self, index: usize) -> Option<&Trace> {
        match &self.sources.get(index)?.arrivals {
            Arrivals::Trace { file, .. } => Some(self.files.trace(file)),
            _ => None,
        }
    }

    /// The class of a row of source `index` that names it.
    pub(crate) fn class_of(&self, index: usize, class: u32) -> Option<ClassId> {
        let named = match &self.replay {
            Some(replayed) => &replayed.named,
            None => &self.sources[index].named,
        };
        named.get(class as usize).copied().flatten()
    }
}

/// The brokers to run, each as the scenario has it, with the policy or profile that was asked
/// for. What the scenario says of the broker holds under every profile.
fn contenders(text: &str, scenario: &Scenario, faults: &mut Vec<Wrong>) -> Vec<Contender> {
    let own = [scenario.broker.policy.clone()];
    let names = if scenario.policies.is_empty() {
        own.as_slice()
    } else {
        scenario.policies.as_slice()
    };
    let mut contenders = Vec::new();
    for name in names {
        let mut config = scenario.broker.clone();
        if scenario.policies.is_empty() {
            // The broker's own.
        } else if let Ok(profile) = name.parse::<Profile>() {
            if let Some(broker) = with_profile(text, profile) {
                config = broker;
            }
            config.policy = BrokerConfig::default().with_profile(profile).policy;
        } else {
            config.policy.clone_from(name);
        }
        if let Ok(policy) = registry::build(&config.policy) {
            config = config.under(&*policy);
        }
        match Checked::read(config) {
            Ok(config) => contenders.push(Contender {
                name: name.clone(),
                config,
                policy: PolicySource::Named,
            }),
            Err(error) => {
                faults.extend(error.faults.into_iter().map(|fault| fault.under("broker")));
            }
        }
    }
    faults.dedup();
    contenders
}

/// The scenario's broker, had it named this profile.
fn with_profile(text: &str, profile: Profile) -> Option<BrokerConfig> {
    let text = set(text, "broker.profile", &format!("\"{profile}\"")).ok()?;
    Some(Scenario::from_ron(&text).ok()?.broker)
}

#[cfg(test)]
mod tests;
