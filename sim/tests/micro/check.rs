//! How a micro-scenario is written, run and compared.

use std::fmt::Write as _;

use ebbtide_measure::{Counts, Group, Sample, Selector};
use ebbtide_sim::files::{FileKind, Files, Named};
use ebbtide_sim::{Experiment, Monitor, Plan, Sinks};

/// What a scenario has unless it says otherwise: the least there can be.
const RUN: &str = "run: (length: \"10s\", warm_up: \"0s\", replications: 1)";
const BROKER: [&str; 5] = [
    "policy: \"fixed\"",
    "num_workers: 1",
    "delivery_parallelism: 1",
    "batch_timeout_ms: 0",
    "retry_jitter: 0.0",
];

/// Runs a scenario and compares what became of its messages with what was worked out.
///
/// `scenario` is the inside of a scenario file without its traffic; what [`RUN`] and [`BROKER`]
/// have is put in where it says nothing of it.
///
/// A line of `messages` is a message, `TIME CLASS AGENT`, then `for SECONDS` if its call takes
/// a time of its own; the first of a class may go on with `;` and the class's other fields.
/// `#TOPIC` in place of the agent is a broadcast. A first line `block` makes the sender wait
/// for room.
///
/// A line of `expected` is `CLASS: OUTCOME SOJOURN` with times in seconds, or
/// `CLASS: 3 OUTCOME, mean M, max M` of several messages, or any figure, `FIGURE: NUMBER`.
/// Every class must be there.
#[track_caller]
pub(crate) fn check(scenario: &str, messages: &str, expected: &str) {
    let traffic = Traffic::read(messages);
    check_text(&traffic.text(scenario), &traffic.csv, expected);
}

/// As [`check`], with the whole text of a scenario, and the file `messages` that it may name.
#[track_caller]
pub(crate) fn check_text(text: &str, csv: &str, expected: &str) {
    let books = run(text, csv);
    let subjects: Vec<&str> = lines(expected).map(subject).collect();
    let mut found = String::new();
    for subject in &subjects {
        let told = match books.by_class.get(*subject) {
            Some(group) => class_line(group),
            None => figure(&books, subject),
        };
        let _ = writeln!(found, "{subject}: {told}");
    }
    for class in books.by_class.keys() {
        assert!(
            subjects.contains(&class.as_str()),
            "class {class} is missing"
        );
    }
    let wanted: String = lines(expected).map(|line| format!("{line}\n")).collect();
    assert!(found == wanted, "worked out:\n{wanted}\nfound:\n{found}");
}

/// One figure of a scenario that is written as for [`check`], in words.
#[track_caller]
pub(crate) fn told(scenario: &str, messages: &str, name: &str) -> String {
    let traffic = Traffic::read(messages);
    figure(&run(&traffic.text(scenario), &traffic.csv), name)
}

type Books = ebbtide_measure::Books<Sample>;

#[track_caller]
fn run(text: &str, csv: &str) -> Books {
    let plan = plan(text, csv);
    let mut it = Experiment::run(&plan, &Sinks::default(), &Monitor::default());
    it.first_runs.swap_remove(0).books
}

/// The plan of a whole scenario text.
#[track_caller]
pub(crate) fn plan(text: &str, csv: &str) -> Plan {
    let mut files = Files::default();
    if !csv.is_empty() {
        let file = Named {
            path: "messages".to_owned(),
            kind: FileKind::Trace,
        };
        files
            .add(&file, csv.as_bytes())
            .unwrap_or_else(|error| panic!("{error}\n{csv}"));
    }
    Plan::new(text, files).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

fn subject(line: &str) -> &str {
    line.split_once(": ").map_or(line, |(subject, _)| subject)
}

/// The messages of a scenario: a trace, and the classes in it.
struct Traffic {
    when_full: &'static str,
    csv: String,
    classes: Vec<String>,
}

impl Traffic {
    #[track_caller]
    fn read(messages: &str) -> Self {
        let mut traffic = Self {
            when_full: "Refuse",
            csv: "t_s,class,service_s\n".to_owned(),
            classes: Vec::new(),
        };
        let mut names: Vec<&str> = Vec::new();
        for line in lines(messages) {
            if line == "block" {
                traffic.when_full = "Block";
                continue;
            }
            let (message, fields) = line.split_once(';').unwrap_or((line, ""));
            let words: Vec<&str> = message.split_whitespace().collect();
            let (at, class, to, service) = match words[..] {
                [at, class, to] => (at, class, to, ""),
                [at, class, to, "for", service] => (at, class, to, service),
                _ => panic!("not a message: {line}"),
            };
            let _ = writeln!(traffic.csv, "{at},{class},{service}");
            if !names.contains(&class) {
                names.push(class);
                let to = match to.strip_prefix('#') {
                    Some(topic) => format!("Topic(\"{topic}\")"),
                    None => format!("Agent(\"{to}\")"),
                };
                let class = format!("(name: \"{class}\", to: {to}, {fields})");
                traffic.classes.push(class);
            }
        }
        traffic
    }

    /// The scenario's whole text.
    fn text(&self, scenario: &str) -> String {
        let arrivals = "Trace(file: \"messages\")";
        let source = format!(
            "traffic: [(arrivals: {arrivals}, when_full: {}, classes: [{}])]",
            self.when_full,
            self.classes.join(", ")
        );
        format!("({source},\n{}\n)", with_defaults(scenario))
    }
}

/// The scenario with everything that it does not say.
fn with_defaults(scenario: &str) -> String {
    let mut text = scenario.trim().trim_end_matches(',').to_owned();
    if !text.contains("run:") {
        let _ = write!(text, ",\n{RUN}");
    }
    if !text.contains("broker:") {
        text.push_str(",\nbroker: ()");
    }
    let said = |setting: &&str| {
        let name = setting.split(':').next().unwrap_or(setting);
        !text.contains(&format!("{name}:"))
    };
    let unsaid: Vec<&str> = BROKER.into_iter().filter(said).collect();
    text.replacen("broker: (", &format!("broker: ({}, ", unsaid.join(", ")), 1)
        .replace(", )", ")")
}

/// `delivered 1.3`; of several messages `2 delivered, 1 refused, mean 1.2, max 1.3`.
fn class_line(group: &Group<Sample>) -> String {
    let Counts {
        outcomes,
        refused,
        blocked,
        ..
    } = group.counts;
    let counts = outcomes.named();
    let counts = counts
        .into_iter()
        .chain([("refused", refused), ("blocked", blocked)])
        .filter(|(_, count)| *count > 0);
    let counts: Vec<(&str, u64)> = counts.collect();
    let sojourn = &group.figures.sojourn_s;
    if counts.is_empty() {
        return "never sent".to_owned();
    }
    if let [(name, 1)] = counts[..] {
        return match sojourn.mean.value {
            Some(_) => format!("{name} {}", seconds(sojourn.mean)),
            None => name.to_owned(),
        };
    }
    let mut parts: Vec<String> = counts
        .into_iter()
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    if sojourn.mean.value.is_some() {
        parts.push(format!("mean {}", seconds(sojourn.mean)));
        parts.push(format!("max {}", seconds(sojourn.max)));
    }
    parts.join(", ")
}

#[track_caller]
fn figure(books: &Books, name: &str) -> String {
    let selector: Selector = name.parse().unwrap_or_else(|error| panic!("{error}"));
    let found = books.figure(&selector.scope, selector.metric);
    found.map_or("nothing".to_owned(), |sample| seconds(*sample))
}

/// To the nanosecond, without zeros that say nothing; `≥` where the truth may be more.
fn seconds(sample: Sample) -> String {
    let Some(value) = sample.value else {
        return "none".to_owned();
    };
    let text = format!("{value:.9}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{}{text}", if sample.at_least { "≥" } else { "" })
}
