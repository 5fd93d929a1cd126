//! Names and values that travel with a message: trace context, tenant, anything that is about
//! the message rather than in it.

use std::sync::Arc;

/// A message's headers, in the order in which they were set; names are compared as they are.
///
/// Copying them is cheap, and a message without headers carries none of their cost.
///
/// ```
/// use ebbtide::Headers;
///
/// let mut headers = Headers::default();
/// headers.set("traceparent", "00-4bf9-00f0-01");
/// assert_eq!(headers.get("traceparent"), Some("00-4bf9-00f0-01"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Option<Arc<Vec<(String, String)>>>);

impl Headers {
    pub(crate) const NONE: Self = Self(None);

    /// Sets a header; an earlier value of that name is replaced.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let (name, value) = (name.into(), value.into());
        let all = Arc::make_mut(self.0.get_or_insert_default());
        match all.iter_mut().find(|(other, _)| *other == name) {
            Some((_, old)) => *old = value,
            None => all.push((name, value)),
        }
    }

    /// The value of a header.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.iter().find(|(other, _)| *other == name);
        found.map(|(_, value)| value)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.0.iter().flat_map(|all| all.iter());
        all.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Takes over those of `other` that are not set here.
    pub(crate) fn inherit(&mut self, other: &Self) {
        if self.0.is_none() {
            self.0.clone_from(&other.0);
            return;
        }
        for (name, value) in other.iter() {
            if self.get(name).is_none() {
                self.set(name, value);
            }
        }
    }
}
