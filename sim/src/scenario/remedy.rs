//! What helps with the values that newcomers write most often and that are none: a unit that is not there, a time where
//! a distribution belongs, a text with its unit where the field's name has the unit.
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
        }
    }
    error
}

/// A text with the wrong unit, or with one where a number is wanted.
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
    let number = quoted.strip_suffix('m')?.trim_end();
    let (_, units) = fault.message.split_once("unknown unit")?;
    let is_time = units.contains(" min,") && number.parse::<f64>().is_ok();
    is_time.then(|| format!("write \"{number}min\" for minutes, \"{number}ms\" for milliseconds"))
}

/// The field before a number or a text that should be one of several forms.
fn form<'t>(
    text: &'t str,
    fault: &TextFault,
    found: &str,
) -> Option<(&'t str, &'static str, &'static str)> {
    let is_plain = found.starts_with(|first: char| first == '"' || first.is_ascii_digit());
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
    let (.., what, help) = known.filter(|_| is_plain && fault.path.is_empty())?;
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
