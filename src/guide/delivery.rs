//! What is promised about delivery, in plain words.
//!
//! # The promise
//!
//! - **A message that was accepted ends in exactly one way**: delivered, rejected, discarded,
//!   expired, cancelled, dead-lettered, or returned at shutdown. [`Books`](crate::Books) count each.
//! - **A request gets exactly one answer**: its reply, or an error that says how it ended; no later
//!   than its deadline, whatever its handler does. Even if it blocks its thread, as long as the
//!   runtime has another one for the caller: deadlines are kept by a thread of the broker's own,
//!   unless the time is the runtime's ([`TimeSource::Runtime`](crate::TimeSource)).
//! - **A message that was not accepted comes back whole**, with the reason.
//! - **A message is handled at least once, and perhaps more than once.** Once a handler's result was
//!   handed in it is not handled again. But a call that takes longer than its lease may have
//!   done its work before the message is given to another call.
//!
//! The broker keeps messages in memory: they end with the process.
//!
//! # When a message is handled again
//!
//! | what happened | spends an attempt |
//! | --- | --- |
//! | the handler failed or panicked | yes |
//! | its lease ran out (`call_timeout_ms`): it hung, or was slow and did not say [`progress`](crate::Context::progress) | yes |
//! | the handler said "later" or "too many requests" | no |
//! | its worker was lost: a handler, its own or another, blocked the thread | no; the fifth time it is given up |
//!
//! So a handler with effects outside should be idempotent, or guard them with a key of its own.
//! [`idempotency_key`](crate::Request::idempotency_key) guards the other side: a sender that sends
//! twice is accepted once, as long as the key is remembered. A message that ended in any other way
//! than delivered gives its key back: sending it again is no duplicate.
//!
//! # A lease that is lost
//!
//! What a handler does after its lease is lost counts for nothing: its result is refused, and its
//! reply is dropped. It is told ([`cancelled`](crate::Context::cancelled)), has `cancel_grace_ms`, and
//! is then dropped at its next `await`. The same happens when its caller goes away or its
//! message's deadline passes, unless the call carries other messages besides.
//!
//! A handler that blocks its thread cannot be dropped. If it has done so for a tenth of a second when a
//! lease of its worker has 50 ms left, the worker is declared lost and replaced, all calls of that
//! worker go back to the queue without an attempt spent, and the thread is the runtime's again when the
//! handler lets go of it. If it has just begun (as with a `call_timeout_ms` below 200), the call whose
//! time is over spends its attempt, and the worker is lost if it blocks still a tenth of a second later. A worker
//! that is busy with one handler after another is not lost; one that is blocked shows in
//! [statistics](crate::WorkerStats::blocked_since). Blocking work belongs into `tokio::task::spawn_blocking`.
//!
//! # Order
//!
//! Within a lane the first to become due goes first, as long as its agent may be called; handlers
//! run at the same time, so they may end in any order. Messages to one agent with the same
//! [`ordering_key`](crate::Request::ordering_key) are handled one after another, retries included.
//! One exception: with a `cancel_grace_ms` a handler whose call timed out may work on until its
//! grace is over, and the retry of *its own message* may start meanwhile; for that long two handlers
//! of one key are at work, on the same message. The key's next message waits until both are gone.
//! A handler that must not overlap itself heeds [`cancelled`](crate::Context::cancelled), or the grace
//! stays 0.
//!
//! # Nothing waits without a bound
//!
//! The queue is bounded in messages and bytes. Senders wait in the order in which they came, until
//! there is room or their deadline passes; those of the critical lane have a reserve. Requests
//! expire after a minute unless they, or the [builder](crate::Builder::request_deadline), say
//! otherwise. [`shutdown`](crate::Broker::shutdown) returns what is left when its time is over and
//! says how much; handlers have their `cancel_grace_ms` besides, and those that block their thread a
//! tenth of a second.
//!
//! # What a shutdown loses
//!
//! "Returned" means that whoever waits for the message is told. Nobody waits for events and broadcasts: those without an
//! outcome at the limit, whether they wait, are delayed or are in a call, are counted as
//! [`returned`](crate::ShutdownReport::returned), are no dead letters, and are lost. Who cannot afford that gives
//! `shutdown` a longer time (it ends as soon as nothing is left), or stops sending and shuts down only when
//! `queued()` and `leased` of the [`books`](crate::Stats::books) in the statistics are 0.
//!
//! # What breaks
//!
//! A handler's panic is a failed attempt. A message that panics when it is dropped, or a waker that
//! panics, costs nobody else anything. A policy that panics is told as a [notice](crate::Broker::events),
//! the setting stays as it is, and `fixed` keeps it until another policy is chosen.
//!
//! # When an agent is down
//!
//! Its breaker opens, its messages wait, and probes find out when it is back; then calls grow from
//! one at a time. It opens after `failures_in_a_row` failures without a success among calls that started one after
//! another, with none between them still under way: an agent that fails quickly and succeeds slowly is not judged by
//! what ends first. A deadline that passes during a call counts against the agent only if the call had at least as
//! much of the message's time as the queue. Until the breaker is closed, and after `failures_in_a_row` calls that had
//! less, none of which delivered anything, what is about to expire lets what has most time left go first: either that
//! is delivered, or its deadline counts. What stands behind its ordering key cannot go first; the
//! deadlines before it count then. Retries are limited to a share of the traffic besides, so that an outage does
//! not become a storm. What is given up all the same becomes a
//! [dead letter](crate::Broker::dead_letters), with what its handlers said, and can be
//! [replayed](crate::Broker::replay).
