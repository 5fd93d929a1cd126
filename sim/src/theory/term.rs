//! How cells of a theory file are written: `name(argument,key=argument)`, nested, and several
//! joined by ` + `, each with its `@lane`.

use ebbtide_core::message::Lane;

/// A name with its arguments.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Term<'t> {
    pub(super) name: &'t str,
    arguments: Vec<(Option<&'t str>, &'t str)>,
}

impl<'t> Term<'t> {
    /// Reads `name(…)`.
    pub(super) fn read(text: &'t str) -> Result<Self, String> {
        let malformed = || format!("{text:?} is not of the form name(arguments)");
        let (name, rest) = text.trim().split_once('(').ok_or_else(malformed)?;
        let inside = rest.strip_suffix(')').ok_or_else(malformed)?;
        let arguments = split(inside, ",").into_iter().map(|argument| {
            // Only a key before any bracket: a nested term has keys of its own.
            match argument.split_once('=') {
                Some((key, value)) if !key.contains('(') => (Some(key.trim()), value.trim()),
                _ => (None, argument.trim()),
            }
        });
        Ok(Self {
            name,
            arguments: arguments.collect(),
        })
    }

    /// The argument called `key`, or the one at `place` if that has no key.
    pub(super) fn argument(&self, place: usize, key: &str) -> Result<&'t str, String> {
        let named = self.arguments.iter().find(|(name, _)| *name == Some(key));
        let placed = || self.arguments.get(place).filter(|(name, _)| name.is_none());
        let found = named.or_else(placed).map(|(_, value)| *value);
        found.ok_or_else(|| format!("{} lacks {key}", self.name))
    }
}

/// What is joined by ` + `, each with its lane; a lane that is none stays with its part, which
/// then cannot be read.
pub(super) fn parts(text: &str) -> Vec<(Option<Lane>, &str)> {
    let lane = |part: &str| {
        let (_, name) = part.rsplit_once('@')?;
        Lane::ALL.into_iter().find(|lane| lane.name() == name)
    };
    let parts = split(text, " + ").into_iter().map(|part| {
        let part = part.trim();
        match lane(part) {
            Some(lane) => (
                Some(lane),
                part.rsplit_once('@').map_or(part, |(term, _)| term),
            ),
            None => (None, part),
        }
    });
    parts.collect()
}

/// Splits where no bracket is open.
fn split<'t>(text: &'t str, separator: &str) -> Vec<&'t str> {
    let mut found = Vec::new();
    let (mut depth, mut from) = (0_i32, 0);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ if depth == 0 && at >= from && text[at..].starts_with(separator) => {
                found.push(&text[from..at]);
                from = at + separator.len();
            }
            _ => {}
        }
    }
    found.push(&text[from..]);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_nest() {
        let term = Term::read("batch_poisson(rate=2,size=geometric(mean=6))").expect("valid");
        assert_eq!(term.name, "batch_poisson");
        assert_eq!(term.argument(0, "rate"), Ok("2"));
        let size = Term::read(term.argument(1, "size").expect("there")).expect("valid");
        assert_eq!(
            (size.name, size.argument(0, "mean")),
            ("geometric", Ok("6"))
        );
        let renewal = Term::read("renewal(erlang(k=3,mean=0.0625))").expect("valid");
        assert_eq!(renewal.argument(0, "gap"), Ok("erlang(k=3,mean=0.0625)"));
        assert!(Term::read("poisson").is_err() && Term::read("poisson(rate=1").is_err());
    }

    #[test]
    fn parts_have_lanes() {
        let text = "erlang(k=2,mean=0.05)@high + exp(mean=per_call 1 + per_item 2)@low";
        let wanted = vec![
            (Some(Lane::High), "erlang(k=2,mean=0.05)"),
            (Some(Lane::Low), "exp(mean=per_call 1 + per_item 2)"),
        ];
        assert_eq!(parts(text), wanted);
        assert_eq!(
            parts("poisson(rate=1)@nowhere"),
            vec![(None, "poisson(rate=1)@nowhere")]
        );
    }
}
