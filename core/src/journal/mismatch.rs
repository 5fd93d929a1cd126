//! Where live and replayed part: at which decision, in which field.

use std::fmt;

use ebbtide_policies::units::Time;
use serde_json::Value;

/// The first thing on which live and replayed do not agree.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatch {
    /// The decision's number, from 0; `None`: the books at the end.
    pub decision: Option<u64>,
    /// When.
    pub at: Time,
    /// Inputs replayed until then.
    pub inputs: u64,
    /// The field, its parts joined by dots; empty: one side has no decision here at all.
    pub field: String,
    /// What the live broker logged.
    pub live: String,
    /// What the replay makes of it.
    pub replayed: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.decision {
            Some(number) => write!(f, "decision {number}")?,
            None => write!(f, "the books at the end")?,
        }
        write!(f, " at {}, after {} inputs", self.at, self.inputs)?;
        if !self.field.is_empty() {
            write!(f, ", {}", self.field)?;
        }
        write!(f, ": live {}, replayed {}", self.live, self.replayed)
    }
}

/// Where two JSON texts that are not the same first differ, with both values.
pub(super) fn first_difference(live: &str, replayed: &str) -> (String, String, String) {
    let parse = |text| serde_json::from_str::<Value>(text).ok();
    let found = parse(live).zip(parse(replayed));
    let found = found.and_then(|(live, replayed)| {
        let mut path = Vec::new();
        differing(&live, &replayed, &mut path).map(|(a, b)| (path.join("."), a, b))
    });
    found.unwrap_or_else(|| ("its bytes".to_owned(), live.to_owned(), replayed.to_owned()))
}

/// Leaves the path to the first difference in `path`.
fn differing(a: &Value, b: &Value, path: &mut Vec<String>) -> Option<(String, String)> {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let mut names: Vec<&String> = a.keys().chain(b.keys()).collect();
            // What was seen explains what was decided.
            names.sort_by_key(|name| (*name != "observation", *name));
            names.dedup();
            names
                .into_iter()
                .find_map(|name| part(a.get(name), b.get(name), name.clone(), path))
        }
        (Value::Array(a), Value::Array(b)) => (0..a.len().max(b.len()))
            .find_map(|index| part(a.get(index), b.get(index), index.to_string(), path)),
        _ => (a != b).then(|| (a.to_string(), b.to_string())),
    }
}

fn part(
    a: Option<&Value>,
    b: Option<&Value>,
    name: String,
    path: &mut Vec<String>,
) -> Option<(String, String)> {
    path.push(name);
    let found = match (a, b) {
        (Some(a), Some(b)) => differing(a, b, path),
        (a, b) => {
            let text = |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
            Some((text(a), text(b)))
        }
    };
    if found.is_none() {
        path.pop();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::first_difference;

    #[track_caller]
    fn check(live: &str, replayed: &str, expected: (&str, &str, &str)) {
        let (field, a, b) = first_difference(live, replayed);
        assert_eq!((field.as_str(), a.as_str(), b.as_str()), expected);
    }

    #[test]
    fn the_path_leads_to_the_first_difference_and_observations_come_first() {
        check(
            r#"{"decision":{"workers":3.0},"observation":{"agents":[{"waiting":1}]}}"#,
            r#"{"decision":{"workers":4.0},"observation":{"agents":[{"waiting":2}]}}"#,
            ("observation.agents.0.waiting", "1", "2"),
        );
        check(
            r#"{"wait":[[1,2]]}"#,
            r#"{"wait":[[1,2],[3,1]]}"#,
            ("wait.1", "nothing", "[3,1]"),
        );
    }
}
