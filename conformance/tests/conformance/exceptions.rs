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
        "azure",
        Property::NoLimitCycle,
        "divides the queue of one instant by what an instance takes, and does not remember the instant before",
    ),
    (
        "azure",
        Property::Bottleneck,
        "divides what waits by what an instance takes, whatever keeps it waiting",
    ),
    (
        "ds2",
        Property::IdlesDown,
        "without work there is no rate of a busy worker, so an idle window says nothing and the pool stays",
    ),
    (
        "ds2",
        Property::NoLimitCycle,
        "the arrivals of ten seconds over the rate of a worker, rounded up without a tolerance",
    ),
    (
        "flink",
        Property::IdlesDown,
        "carries a wish to shrink out after an hour (`scale-down.interval`)",
    ),
    (
        "holt-winters",
        Property::NoLimitCycle,
        "staffs for the forecast or for the last bucket, whichever is more, and nothing damps it when that falls",
    ),
    (
        "holt-winters",
        Property::Bottleneck,
        "takes what waits for work to be done within a time, whatever keeps it waiting",
    ),
    (
        "holt-winters",
        Property::Survives,
        "nonsense of nineteen digits in level or trend is smoothed away by a factor a bucket, in more than six minutes",
    ),
    (
        "hill-climbing",
        Property::NoLimitCycle,
        "moves the pool in waves all the time: that is how it learns",
    ),
    (
        "hill-climbing",
        Property::Bottleneck,
        "its gate adds a thread when work waits and nothing was dequeued for half a second, whatever the reason",
    ),
    (
        "gradient2",
        Property::IdlesDown,
        "a limiter says how many slots there may be, and without calls the limit stays (`release` gives slots back)",
    ),
    (
        "gradient2",
        Property::Bottleneck,
        "grows while calls are no slower than usual, as they are when a limit holds others back before the agent",
    ),
    (
        "failsafe",
        Property::IdlesDown,
        "a limiter says how many slots there may be, and without calls the limit stays (`release` gives slots back)",
    ),
    (
        "failsafe",
        Property::Bottleneck,
        "grows while calls are no slower than usual, as they are when a limit holds others back before the agent",
    ),
    (
        "wva",
        Property::Bottleneck,
        "sets up workers for all that arrives, also for what a limit holds back and the queue refuses",
    ),
    (
        "wva",
        Property::Survives,
        "wishes for nothing where its fit says that no replica meets the target, so the pool stays as nonsense left it",
    ),
    (
        "chiron",
        Property::NoLimitCycle,
        "one instance more where nearly all are busy, one fewer where they are not, and no memory of having been there",
    ),
    (
        "chiron",
        Property::Bottleneck,
        "busy instances bring another one, whether or not an agent lets it work",
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
