//! What may happen to a broker, in terms that the reference and the broker both understand:
//! messages, calls and workers are picked by number among those that are there.

use ebbtide_core::Lane;
use ebbtide_policies::units::Duration;
use proptest::prelude::*;

use super::setup::Stress;

/// Something that happens `after` milliseconds.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// Milliseconds since the step before; the call itself moves the clock.
    pub(crate) after: u64,
    /// What happens.
    pub(crate) act: Act,
}

/// What happens.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// A message is sent to the agent picked.
    Submit(usize, Letter),
    /// A message is sent to all subscribers.
    Broadcast(Letter),
    /// The worker picked (gone ones among them) takes at most so many calls.
    Take(usize, u32),
    /// Every free slot takes.
    TakeAll,
    /// The open call picked ends; verdicts are read off over and over.
    Settle(usize, Vec<Word>),
    /// The open call picked ends in a panic.
    Panic(usize),
    /// Any call that ever was is settled as delivered, mostly too late.
    SettleAny(usize),
    /// The open call picked is extended.
    Extend(usize),
    /// Any call that ever was is extended.
    ExtendAny(usize),
    /// The message picked, among all that ever were, is cancelled.
    Cancel(usize),
    /// The clock moves on, nobody takes.
    Advance,
    /// The shell comes back whenever the broker says so, for as many milliseconds, and takes.
    Run(u64),
    /// The worker picked is ready.
    WorkerReady(usize),
    /// The worker picked is lost.
    WorkerLost(usize),
    /// The agent picked is paused for as many milliseconds, or until resumed.
    Pause(usize, Option<u64>),
    /// The agent picked is resumed.
    Resume(usize),
    /// A lane is paused for as many milliseconds, or until resumed.
    PauseLane(Lane, Option<u64>),
    /// A lane is resumed.
    ResumeLane(Lane),
    /// The workers are pinned, where the bounds allow so many, or no longer.
    Pin(Option<u32>),
    /// A dry run begins or ends.
    DryRun(bool),
    /// One more agent like the one picked is registered.
    AddAgent(usize),
    /// The agent picked is removed.
    RemoveAgent(usize),
    /// The broker shuts down within as many milliseconds.
    Shutdown(u64),
}

/// A message on its way in, in milliseconds from now.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    /// Its lane.
    pub(crate) lane: Lane,
    /// Sent so long ago.
    pub(crate) sent_before: u64,
    /// Due in so long; 0: at once.
    pub(crate) due_in: u64,
    /// Its deadline.
    pub(crate) deadline_in: Option<u64>,
    /// Its ordering key.
    pub(crate) key: Option<u64>,
    /// Its bytes.
    pub(crate) size: u32,
    /// Its units.
    pub(crate) units: u32,
    /// Sent on behalf of another.
    pub(crate) nested: bool,
}

/// What the handler says about one message, times in milliseconds from now.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Word {
    /// Handled.
    Delivered,
    /// Refused.
    Rejected,
    /// Dropped.
    Discarded,
    /// Failed.
    Failed,
    /// Not now.
    Snoozed(u64),
    /// Too many requests.
    RateLimited(Option<u64>),
}

/// Milliseconds.
pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Steps under `stress`.
pub(crate) fn steps(stress: Stress) -> BoxedStrategy<Step> {
    let after =
        prop_oneof![6 => Just(0_u64), 3 => (1_u64..4).prop_map(|n| n * 10), 1 => 0_u64..250];
    (after, acts(stress))
        .prop_map(|(after, act)| Step { after, act })
        .boxed()
}

fn acts(stress: Stress) -> impl Strategy<Value = Act> {
    let pick = || 0_usize..64;
    let words = move || prop::collection::vec(word(stress), 1..4);
    prop_oneof![
        12 => (pick(), letter(stress)).prop_map(|(agent, letter)| Act::Submit(agent, letter)),
        1 => letter(stress).prop_map(Act::Broadcast),
        8 => Just(Act::TakeAll),
        2 => (pick(), 0_u32..4).prop_map(|(worker, most)| Act::Take(worker, most)),
        8 => (pick(), words()).prop_map(|(call, words)| Act::Settle(call, words)),
        6 => (1_u64..16).prop_map(|tens| Act::Run(tens * 10)),
        2 => Just(Act::Advance),
        5 => rare(stress),
    ]
}

/// What happens less often, or once.
fn rare(stress: Stress) -> impl Strategy<Value = Act> {
    let pick = || 0_usize..64;
    prop_oneof![
        2 => pick().prop_map(Act::Panic),
        if stress.deadlines { 6 } else { 2 } => pick().prop_map(Act::SettleAny),
        2 => pick().prop_map(Act::Extend),
        1 => pick().prop_map(Act::ExtendAny),
        if stress.deadlines { 8 } else { 4 } => pick().prop_map(Act::Cancel),
        6 => pick().prop_map(Act::WorkerReady),
        if stress.wild_policy { 6 } else { 2 } => pick().prop_map(Act::WorkerLost),
        2 => (pick(), prop::option::of(0_u64..100)).prop_map(|(agent, ms)| Act::Pause(agent, ms)),
        2 => pick().prop_map(Act::Resume),
        2 => (lane(), prop::option::of(0_u64..100)).prop_map(|(lane, ms)| Act::PauseLane(lane, ms)),
        2 => lane().prop_map(Act::ResumeLane),
        1 => prop::option::of(0_u32..5).prop_map(Act::Pin),
        1 => prop::bool::weighted(0.3).prop_map(Act::DryRun),
        1 => pick().prop_map(Act::AddAgent),
        1 => pick().prop_map(Act::RemoveAgent),
        1 => (0_u64..200).prop_map(Act::Shutdown),
    ]
}

fn lane() -> impl Strategy<Value = Lane> {
    prop::sample::select(Lane::ALL.to_vec())
}

fn letter(stress: Stress) -> impl Strategy<Value = Letter> {
    let lane = lane();
    let due = prop_oneof![4 => Just(0_u64), 1 => (1_u64..8).prop_map(|n| n * 10)];
    let deadline = prop::option::weighted(if stress.deadlines { 0.7 } else { 0.1 }, 0_u64..12);
    let key = prop::option::weighted(if stress.keys { 0.8 } else { 0.1 }, 0_u64..3);
    let size = if stress.tight_queue {
        Just(5).boxed()
    } else {
        (0_u32..2).boxed()
    };
    let units = if stress.rates { 0_u32..8 } else { 0..2 };
    (
        lane,
        0_u64..40,
        due,
        deadline,
        key,
        size,
        units,
        prop::bool::weighted(0.1),
    )
        .prop_map(
            |(lane, sent_before, due_in, deadline, key, size, units, nested)| Letter {
                lane,
                sent_before,
                due_in,
                deadline_in: deadline.map(|tens| tens * 10),
                key,
                size,
                units,
                nested,
            },
        )
}

fn word(stress: Stress) -> impl Strategy<Value = Word> {
    let failures = if stress.breaker { 8 } else { 3 };
    prop_oneof![
        8 => Just(Word::Delivered),
        failures => Just(Word::Failed),
        1 => Just(Word::Rejected),
        1 => Just(Word::Discarded),
        1 => (0_u64..60).prop_map(Word::Snoozed),
        1 => prop::option::of(0_u64..60).prop_map(Word::RateLimited),
    ]
}
