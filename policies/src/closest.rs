//! What was most likely meant by a name that is unknown.
//!
//! In the lowest room, because every room that reads text from people suggests.

/// What of `allowed` was most likely meant by `found`, if anything comes close.
#[must_use]
pub fn closest<'a>(found: &str, allowed: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let found = found.to_lowercase();
    let distance = |name: &&str| strsim::damerau_levenshtein(&found, &name.to_lowercase());
    let nearest = allowed.into_iter().min_by_key(distance)?;
    let longer = nearest.chars().count().max(found.chars().count());
    // A third of the letters may differ: beyond that a suggestion misleads more than it helps.
    (distance(&nearest) * 3 <= longer).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_name_is_close() {
        let names = ["batch_size", "num_workers", "scale_cooldown_ms"];
        assert_eq!(closest("batchsize", names), Some("batch_size"));
        assert_eq!(closest("Num_Worker", names), Some("num_workers"));
        assert_eq!(closest("colour", names), None);
        assert_eq!(closest("x", []), None);
    }
}
