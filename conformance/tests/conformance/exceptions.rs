//! What a shipped policy may break, by name, with the reason. Most published rivals do: they see a
//! queue and not what keeps it long, or hold on to what was for longer than six minutes.

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
        Property::Bottleneck,
        "KEDA sees the length of a queue, and not what keeps it long: it adds pods while an agent is out",
    ),
    (
        "knative",
        Property::NoLimitCycle,
        "divides a minute's average by a target without a tolerance: at the boundary of two sizes noise crosses it",
    ),
    (
        "knative",
        Property::Bottleneck,
        "counts requests that wait beside those that run, whatever keeps them waiting",
    ),
    (
        "celery",
        Property::NoLimitCycle,
        "as many processes as there are requests at an instant, and half a minute later as few",
    ),
    (
        "celery",
        Property::Bottleneck,
        "takes a request that it has reserved for work to be done, whatever keeps it waiting",
    ),
    (
        "spring",
        Property::IdlesDown,
        "stops a consumer a minute at most, so that ten take nine minutes (`stopConsumerMinInterval`)",
    ),
    (
        "spring",
        Property::Bottleneck,
        "a consumer that never waits for a message counts as busy, and asks for another one every ten seconds",
    ),
    (
        "spring",
        Property::Survives,
        "what nonsense started is stopped at a consumer a minute (`stopConsumerMinInterval`)",
    ),
    (
        "ray-serve",
        Property::IdlesDown,
        "must want fewer replicas for ten minutes before it has them (`downscale_delay_s`)",
    ),
    (
        "ray-serve",
        Property::Bottleneck,
        "counts requests that wait beside those that run, whatever keeps them waiting",
    ),
    (
        "ray-serve",
        Property::Survives,
        "must want fewer replicas for ten minutes before it gets rid of what nonsense started (`downscale_delay_s`)",
    ),
    (
        "temporal-rate",
        Property::IdlesDown,
        "takes away one worker at a time, with cool-downs of a minute and more",
    ),
    (
        "temporal-rate",
        Property::Bottleneck,
        "an arrival that finds no free slot adds a worker at once, and what waits counts as two messages a second",
    ),
    (
        "temporal-rate",
        Property::Survives,
        "takes away one worker at a time, with cool-downs of a minute and more, and its averages fade as slowly",
    ),
    (
        "temporal-poller",
        Property::NoLimitCycle,
        "each poll that waited and each backlog older than 200 ms moves the pollers by one: nothing holds them",
    ),
    (
        "temporal-poller",
        Property::NoEcho,
        "a retry makes the oldest message look older than 200 ms, which asks for a poller ten times a second",
    ),
    (
        "temporal-poller",
        Property::Bottleneck,
        "a backlog older than 200 ms asks for a poller ten times a second, whatever keeps it waiting",
    ),
    (
        "laravel",
        Property::NoLimitCycle,
        "workers for arrivals times job time, without headroom: what waits then swings between urgent and gone",
    ),
    (
        "laravel",
        Property::NoEcho,
        "arrivals are throughput plus the growth of the backlog, in which retries are not told apart",
    ),
    (
        "laravel",
        Property::Bottleneck,
        "more workers the closer the oldest message comes to its objective, whatever keeps it waiting",
    ),
    (
        "laravel",
        Property::OrderingKeys,
        "more workers the closer the oldest message comes to its objective: behind a key some are old for longer",
    ),
    (
        "laravel",
        Property::Survives,
        "workers for arrivals times job time, without headroom: sojourns end about the objective, nonsense or not",
    ),
    (
        "simple",
        Property::NoLimitCycle,
        "a load at the boundary of two sizes crosses it with the noise of five seconds, and fifteen are soon over",
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
        Property::Bottleneck,
        "nothing is worked off while an agent is out, so a window says nothing and the pool stays as the outage found it",
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
];
