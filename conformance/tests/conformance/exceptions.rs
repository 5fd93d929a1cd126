//! What a shipped policy may break, by name, with the reason.

use ebbtide_conformance::Property;

/// A policy by its name in the registry, a property that it breaks, and why that is accepted.
pub(crate) const EXCEPTIONS: &[(&str, Property, &str)] = &[
    (
        "fixed",
        Property::IdlesDown,
        "keeps its workers whatever comes: that is what it is for",
    ),
    (
        "threshold",
        Property::NoLimitCycle,
        "a worker of one slot is to have 20 messages: while the queue is short it takes away workers that the load \
         needs, and brings them back one by one as the queue grows",
    ),
    (
        "threshold",
        Property::Bottleneck,
        "KEDA sees the length of a queue, and not what keeps it long: it adds pods while an agent is out",
    ),
    (
        "simple",
        Property::NoLimitCycle,
        "a load at the boundary of two sizes of the pool crosses it with the noise of five seconds, and fifteen \
         without a larger wish are soon over",
    ),
    (
        "simple",
        Property::Bottleneck,
        "takes what waits for work to be done, whatever keeps it waiting",
    ),
    (
        "simple",
        Property::Survives,
        "its averages fade to a third in twenty seconds: nonsense of nineteen digits takes more than six minutes",
    ),
    (
        "adaptive",
        Property::NoLimitCycle,
        "of the former model; a needless exception fails, so this goes with it",
    ),
    (
        "adaptive",
        Property::Survives,
        "of the former model; a needless exception fails, so this goes with it",
    ),
];
