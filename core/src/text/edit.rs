//! One value of a text replaced by another, found by its path.
//!
//! Apart from reading because the text around the value must stay as it is, comments and all.
//! Deliberately absent: whether the new value fits, which the next reader finds.

use std::ops::Range;

use super::TextFault;
use super::outline::{Entry, Outline, Segment};

/// Why a value could not be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// The path is empty, or one of its parts is.
    #[error("path {path:?} has an empty part, write for example broker.num_workers")]
    EmptyPart {
        /// The path.
        path: String,
    },
    /// A list without such an element, or something that has no parts.
    #[error("{section} has no element {wanted:?}, {allowed}")]
    NoElement {
        /// The path up to the list.
        section: String,
        /// The element asked for.
        wanted: String,
        /// Which elements there are.
        allowed: String,
    },
    /// The text itself is malformed.
    #[error("{0}")]
    Malformed(TextFault),
}

/// RON `text` with `value` at `path`, whose parts are names of fields, and numbers or the `name` of
/// elements: `broker.num_workers`, `agents.rank.per_call`, `traffic[0].when_full`. A field that
/// is not there is added to its section, and so are the sections around it.
///
/// # Errors
///
/// [`EditError`] if there is no such place.
pub fn edit(text: &str, path: &str, value: &str) -> Result<String, EditError> {
    let parts: Vec<&str> = path
        .split(['.', '['])
        .map(|part| part.trim_end_matches(']'))
        .collect();
    if parts.iter().any(|part| part.is_empty()) {
        return Err(EditError::EmptyPart {
            path: path.to_owned(),
        });
    }
    let outline = Outline::of(text).map_err(EditError::Malformed)?;
    if outline.is_empty() {
        return Err(EditError::NoElement {
            section: "the text".to_owned(),
            wanted: parts[0].to_owned(),
            allowed: "it is empty".to_owned(),
        });
    }
    let mut at = 0;
    for (depth, part) in parts.iter().enumerate() {
        match outline.child(at, part) {
            Some(child) => at = child,
            None => {
                let added = nested(&parts[depth..], value);
                let after = outline.opening(at).ok_or_else(|| {
                    let section = parts[..depth].join(".");
                    outline.no_element(at, section, part)
                })?;
                return Ok(replaced(text, after..after, &format!("{added}, ")));
            }
        }
    }
    let place = outline.entry(at).value.clone();
    Ok(replaced(text, place, value))
}

fn replaced(text: &str, place: Range<usize>, by: &str) -> String {
    format!("{}{by}{}", &text[..place.start], &text[place.end..])
}

/// `a: (b: (c: value))`.
fn nested(names: &[&str], value: &str) -> String {
    match names {
        [] => value.to_owned(),
        [name] => format!("{name}: {value}"),
        [name, rest @ ..] => format!("{name}: ({})", nested(rest, value)),
    }
}

impl Outline<'_> {
    /// The part of an entry that goes by `name`: a field, an element's number, or the `name`
    /// that an element has.
    fn child(&self, parent: usize, name: &str) -> Option<usize> {
        let children = self.children(parent);
        let named = |&child: &usize| self.key(child) == Some(name);
        if let Some(field) = children.iter().copied().find(named) {
            return Some(field);
        }
        if let Ok(index) = name.parse::<usize>() {
            return children.get(index).copied();
        }
        let own_name = |&child: &usize| self.own_name(child) == Some(name);
        children.iter().copied().find(own_name)
    }

    /// What an entry is made of: fields, or elements. A variant's or an option's brackets
    /// around a single value do not count.
    fn children(&self, parent: usize) -> Vec<usize> {
        let children: Vec<usize> = self.children_of(parent).collect();
        match children.as_slice() {
            [only] if matches!(self.entry(*only).segment, Segment::Inner) => {
                let inner = self.children(*only);
                if inner.is_empty() { children } else { inner }
            }
            _ => children,
        }
    }

    /// The text of an element's field `name`.
    fn own_name(&self, element: usize) -> Option<&str> {
        let children = self.children(element);
        let name = children
            .iter()
            .find(|&&child| self.key(child) == Some("name"))?;
        let value = self.entry(*name).value.clone();
        Some(self.text()[value].trim_matches('"'))
    }

    /// Where a field may be added: after the bracket that opens the section.
    fn opening(&self, section: usize) -> Option<usize> {
        let Entry { value, .. } = self.entry(section);
        let text = &self.text()[value.clone()];
        let bracket = text.find(['(', '['])?;
        let is_list = text[bracket..].starts_with('[');
        let elements = self.children(section);
        let has_fields = elements
            .first()
            .is_none_or(|&first| self.key(first).is_some());
        (!is_list && has_fields).then_some(value.start + bracket + 1)
    }

    fn no_element(&self, list: usize, section: String, wanted: &str) -> EditError {
        let children = self.children(list);
        let names: Vec<&str> = children
            .iter()
            .filter_map(|&child| self.own_name(child))
            .collect();
        let allowed = match (names.as_slice(), children.len()) {
            ([], 0) => "it has no parts".to_owned(),
            ([], count) => format!("allowed are 0 to {}", count - 1),
            (names, _) => format!("allowed are {}", names.join(", ")),
        };
        EditError::NoElement {
            section,
            wanted: wanted.to_owned(),
            allowed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"(
    // Who sends.
    traffic: [(arrivals: Poisson("40/s"), classes: [(name: "a"), (name: "b", share: 2)])],
    agents: [(name: "x", call: Constant("1s")), (name: "y", per_call: "2ms")],
    phases: Phases([("1/s", "1min"), ("2/s", "2min")]),
    limit: Some((rate: 5)),
    broker: (),
)"#;

    #[track_caller]
    fn check(path: &str, value: &str, before: &str, after: &str) {
        assert!(TEXT.contains(before), "{before}");
        assert_eq!(edit(TEXT, path, value), Ok(TEXT.replace(before, after)));
    }

    #[test]
    fn a_value_is_found_by_its_path() {
        check(
            "traffic.0.arrivals",
            "Closed()",
            r#"Poisson("40/s")"#,
            "Closed()",
        );
        check("traffic[0].classes.b.share", "3", "share: 2", "share: 3");
        check("agents.y.per_call", "\"9s\"", "\"2ms\"", "\"9s\"");
        check("agents[1].per_call", "\"9s\"", "\"2ms\"", "\"9s\"");
        check("phases.1.0", "\"9/s\"", "\"2/s\"", "\"9/s\"");
        check("limit.rate", "6", "rate: 5", "rate: 6");
    }

    #[test]
    fn a_field_that_is_not_there_is_added() {
        check(
            "broker.num_workers",
            "3",
            "broker: ()",
            "broker: (num_workers: 3, )",
        );
        check(
            "agents.x.protect.in_flight_limit",
            "2",
            r#"(name: "x""#,
            r#"(protect: (in_flight_limit: 2), name: "x""#,
        );
    }

    #[test]
    fn what_is_nowhere_is_refused_with_what_there_is() {
        #[track_caller]
        fn check(path: &str, wanted: &str) {
            let error = edit(TEXT, path, "1").expect_err(path).to_string();
            assert!(error.contains(wanted), "{error}\n does not say: {wanted}");
        }
        check(
            "agents.z.call",
            "agents has no element \"z\", allowed are x, y",
        );
        check("phases.7.0", "allowed are 0 to 1");
        check("agents..call", "empty part");
        check(
            "limit.rate.x",
            "limit.rate has no element \"x\", it has no parts",
        );
    }
}
