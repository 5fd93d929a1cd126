//! What helps with the values that newcomers write most often and that are none: a time where a distribution belongs, a
//! text with its unit where the field's name has the unit, a percentage; and with fields that they leave out.
//!
//! Apart from the reader, which knows what stands where it failed, and not what the field is for.

use ebbtide_core::text::{self, TextError, TextFault};
use ebbtide_policies::units::Duration;

const NANOS_PER_MS: u64 = 1_000_000;

/// Fields that take one of several forms, in a section or anywhere: what that is, and how it may look.
const FORMS: [(Option<&str>, &[&str], &str, &str); 6] = [
    (
        None,
        &[
            "call",
            "per_item",
            "round_trip",
            "time",
            "think",
            "patience",
            "worker_start",
        ],
        "a distribution of times",
        r#"write one, such as Constant("300ms"), Exponential("300ms") or LogNormal(median: "300ms", sigma: 0.5)"#,
    ),
    (
        Some("classes"),
        &["size"],
        "a distribution of sizes",
        r#"write one, such as Constant("4KiB") or Uniform(low: "1KiB", high: "8KiB")"#,
    ),
    (
        Some("arrivals"),
        &["size"],
        "a distribution of whole numbers",
        "write one, such as Constant(5) or Geometric(5)",
    ),
    (
        Some("classes"),
        &["units"],
        "a distribution of whole numbers",
        "write one, such as Constant(3) or Uniform(low: 1, high: 5)",
    ),
    (
        None,
        &["arrivals"],
        "a kind of arrivals",
        r#"write one, such as Poisson("40/s") or Deterministic("40/s")"#,
    ),
    (
        Some("classes"),
        &["to"],
        "an address",
        r#"write one, such as Agent("model") or Topic("news")"#,
    ),
];

/// Fields that a section cannot do without, and how each may look.
const NEEDED: [(&str, &str, &str); 7] = [
    ("", "run", r#"run: (length: "5min")"#),
    (
        "",
        "traffic",
        r#"traffic: [(arrivals: Poisson("40/s"), classes: [(name: "chat", to: Agent("model"))])]"#,
    ),
    (
        "",
        "agents",
        r#"agents: [(name: "model", call: Exponential("300ms"))]"#,
    ),
    ("run", "length", r#"length: "5min""#),
    ("traffic", "arrivals", r#"arrivals: Poisson("40/s")"#),
    (
        "traffic",
        "classes",
        r#"classes: [(name: "chat", to: Agent("model"))]"#,
    ),
    ("classes", "to", r#"to: Agent("model")"#),
];

/// The faults of a scenario's or a configuration's `text`, each with what helps where that is known.
#[must_use]
pub fn with_remedies(text: &str, mut error: TextError) -> TextError {
    for fault in &mut error.faults {
        let found = value_at(text, fault.place.span.start).to_owned();
        if let Some(help) = quantity(fault, &found) {
            fault.help = Some(help);
        } else if let Some((field, what, help)) = form(text, fault, &found) {
            fault.message = format!("{field} is {found}, expected {what}");
            fault.help = Some(help.to_owned());
        } else if fault.help.is_none() {
            fault.help = needed(text, fault);
        }
    }
    error
}

/// A text with a unit, or with a per cent sign, where a number is wanted.
fn quantity(fault: &TextFault, found: &str) -> Option<String> {
    let quoted = found.strip_prefix('"')?.strip_suffix('"')?;
    if fault.path.contains("_ms") {
        let length: Duration = quoted.parse().ok()?;
        let (millis, rest) = (
            length.as_nanos() / NANOS_PER_MS,
            length.as_nanos() % NANOS_PER_MS,
        );
        return (rest == 0).then(|| format!("it counts milliseconds: write {millis}"));
    }
    let percent = quoted.strip_suffix('%')?.trim_end();
    let share: f64 = format!("{percent}e-2").parse().ok()?;
    Some(format!("write {share}"))
}

/// How a field may look that is not there.
fn needed(text: &str, fault: &TextFault) -> Option<String> {
    let (section, field) = fault.path.rsplit_once('.').unwrap_or(("", &fault.path));
    let section = section.rsplit('.').next()?.split('[').next()?;
    let is_it = |(within, name, _): &&(&str, &str, &str)| *within == section && *name == field;
    let (.., example) = NEEDED.iter().find(is_it)?;
    let is_missing = !text::has_field(text, &fault.path);
    is_missing.then(|| format!("add it, such as {example}"))
}

/// The field before a number or a text that should be one of several forms.
fn form<'t>(
    text: &'t str,
    fault: &TextFault,
    found: &str,
) -> Option<(&'t str, &'static str, &'static str)> {
    let is_plain =
        found.starts_with(|first: char| "\"-+.".contains(first) || first.is_ascii_digit());
    let before = text[..fault.place.span.start].trim_end();
    let before = before.strip_suffix(':')?.trim_end();
    let name_start = before.rfind(|c: char| !c.is_alphanumeric() && c != '_');
    let field = &before[name_start.map_or(0, |at| at + 1)..];
    let path = text::path_at(text, fault.place.span.start);
    let section = path.rsplit('.').nth(1).unwrap_or_default();
    let section = section.split('[').next();
    let known = FORMS.iter().find(|(within, fields, ..)| {
        fields.contains(&field) && (within.is_none() || *within == section)
    });
    let (.., what, help) = known.filter(|_| is_plain)?;
    Some((field, what, help))
}

/// The number, word or quoted text that begins at a byte.
fn value_at(text: &str, start: usize) -> &str {
    let rest = &text[start..];
    let length = match rest.strip_prefix('"') {
        Some(inside) => inside.find('"').map(|end| end + 2),
        None => rest.find(|c: char| c.is_whitespace() || ",)]}".contains(c)),
    };
    &rest[..length.unwrap_or(rest.len())]
}
