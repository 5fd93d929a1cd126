//! Which room may depend on which: `policies ← core ← measure ← {sim, root} ← cli`, `plots`
//! on `measure` alone, and `conformance` on sim and plots. Read from `cargo metadata`, development dependencies included.

use serde_json::Value;

use super::Fault;
use crate::shell::Done;

/// Each room with the rooms it may name.
const ARROWS: &[(&str, &[&str])] = &[
    ("ebbtide-policies", &[]),
    ("ebbtide-core", &["ebbtide-policies"]),
    ("ebbtide-measure", &["ebbtide-policies", "ebbtide-core"]),
    (
        "ebbtide-sim",
        &["ebbtide-policies", "ebbtide-core", "ebbtide-measure"],
    ),
    (
        "ebbtide",
        &[
            "ebbtide-policies",
            "ebbtide-core",
            "ebbtide-measure",
            // Of its tests alone.
            "ebbtide-sim",
            "ebbtide-fidelity",
        ],
    ),
    (
        "ebbtide-fidelity",
        &[
            "ebbtide-policies",
            "ebbtide-core",
            "ebbtide-measure",
            "ebbtide-sim",
            "ebbtide",
        ],
    ),
    ("ebbtide-plots", &["ebbtide-measure"]),
    (
        "ebbtide-conformance",
        &[
            "ebbtide-policies",
            "ebbtide-core",
            "ebbtide-measure",
            "ebbtide-sim",
            "ebbtide-plots",
        ],
    ),
    (
        "ebbtide-cli",
        &[
            "ebbtide-policies",
            "ebbtide-core",
            "ebbtide-measure",
            "ebbtide-sim",
            "ebbtide-plots",
            // Of its tests alone.
            "ebbtide-conformance",
            "ebbtide",
            "ebbtide-fidelity",
        ],
    ),
    (
        "ebbtide-peers",
        &["ebbtide", "ebbtide-core", "ebbtide-policies"],
    ),
    (
        "ebbtide-benches",
        &[
            "ebbtide-policies",
            "ebbtide-core",
            "ebbtide-measure",
            "ebbtide-sim",
            "ebbtide",
        ],
    ),
    ("xtask", &[]),
];

/// Rooms without I/O, and what brings it in.
const PURE: &[&str] = &[
    "ebbtide-policies",
    "ebbtide-core",
    "ebbtide-measure",
    "ebbtide-sim",
];
const IMPURE_CRATES: &[&str] = &["tokio", "mio", "smol", "async-std", "socket2", "hyper"];

/// Judges the output of `cargo metadata --no-deps`.
pub(super) fn check(metadata: &Value) -> Done<Vec<Fault>> {
    let packages = metadata["packages"]
        .as_array()
        .ok_or("cargo metadata lists no packages")?;
    let names: Vec<&str> = packages.iter().filter_map(name_of).collect();
    let mut faults = Vec::new();
    for package in packages {
        let name = name_of(package).unwrap_or_default();
        let Some((_, allowed)) = ARROWS.iter().find(|(room, _)| *room == name) else {
            faults.push(Fault::new(
                name,
                "this package is not in xtask/src/tidy/arrows.rs; say there what it may depend on",
            ));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let to = name_of(dependency).unwrap_or_default();
            if names.contains(&to) && !allowed.contains(&to) {
                faults.push(Fault::new(
                    name,
                    format!("depends on {to}; that arrow points the wrong way: the thing it needs belongs in a lower room"),
                ));
            }
            if PURE.contains(&name) && IMPURE_CRATES.contains(&to) {
                faults.push(Fault::new(name, format!("is pure and depends on {to}")));
            }
        }
    }
    Ok(faults)
}

fn name_of(value: &Value) -> Option<&str> {
    value["name"].as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn faults(room: &str, dependency: &str) -> usize {
        let metadata = format!(
            r#"{{"packages":[
                {{"name":"{room}","dependencies":[{{"name":"{dependency}"}}]}},
                {{"name":"ebbtide-core","dependencies":[]}},
                {{"name":"ebbtide-measure","dependencies":[]}}]}}"#
        );
        check(&serde_json::from_str(&metadata).unwrap())
            .unwrap()
            .len()
    }

    #[test]
    fn an_arrow_down_is_fine_and_one_up_is_a_fault() {
        assert_eq!(faults("ebbtide-sim", "ebbtide-measure"), 0);
        assert_eq!(faults("ebbtide-policies", "ebbtide-core"), 1);
    }

    #[test]
    fn plots_may_not_know_brokers() {
        assert_eq!(faults("ebbtide-plots", "ebbtide-measure"), 0);
        assert_eq!(faults("ebbtide-plots", "ebbtide-core"), 1);
    }

    #[test]
    fn a_pure_room_may_not_depend_on_a_runtime() {
        assert_eq!(faults("ebbtide-sim", "tokio"), 1);
        assert_eq!(faults("ebbtide", "tokio"), 0);
    }

    #[test]
    fn a_new_package_must_say_where_it_stands() {
        assert_eq!(faults("ebbtide-surprise", "serde"), 1);
    }
}
