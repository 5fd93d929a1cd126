//! What a handler says when it does not deliver: not only that it failed, but what is to
//! follow.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use ebbtide_core::Verdict;
use ebbtide_policies::units::{Duration, Time};

/// Why a handler did not deliver a message, and what is to become of it.
///
/// Any error turns into a failure that is worth a retry, so `?` does the common thing. (For the
/// same reason a failure is not itself an [`Error`].) What only looks like an error, such as
/// `anyhow::Error` or a `Box<dyn Error>`, is told by its text:
///
/// ```
/// use ebbtide::Failure;
///
/// fn load(name: &str) -> Result<String, Box<dyn std::error::Error>> {
///     Err(format!("{name} is not there").into())
/// }
/// fn handle(name: &str) -> Result<String, Failure> {
///     load(name).map_err(|error| Failure::retry(error.to_string()))
/// }
/// assert_eq!(handle("a").unwrap_err().to_string(), "a is not there");
/// ```
///
/// What else can follow:
///
/// ```
/// use std::time::Duration;
/// use ebbtide::Failure;
///
/// fn parse(text: &str) -> Result<u32, Failure> {
///     if text.is_empty() {
///         return Err(Failure::reject("an empty text is no number"));
///     }
///     Ok(text.parse::<u32>()?) // tried again
/// }
/// assert!(parse("").is_err());
///
/// // The agent itself said "too many requests": all of its messages wait, no attempt is spent.
/// let slow_down = Failure::too_many_requests(Some(Duration::from_secs(20)));
/// assert_eq!(slow_down.to_string(), "too many requests");
/// ```
pub struct Failure(Box<Reason>);

/// Apart, since few calls have one: what a handler returns fits into registers.
struct Reason {
    said: Said,
    cause: Cause,
}

/// What follows from a call, times being lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Delivered,
    Failed,
    Later(Duration),
    TooManyRequests(Option<Duration>),
    Rejected,
    Discarded,
}

enum Cause {
    Text(Cow<'static, str>),
    Error(Box<dyn Error + Send + Sync>),
}

impl Failure {
    /// Failed: to be tried again after the backoff, as long as attempts and the retry budget
    /// last.
    pub fn retry(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Said::Failed, text)
    }

    /// Not now: to be tried again after this long. Spends no attempt.
    pub fn retry_after(after: impl Into<Duration>, text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Said::Later(after.into()), text)
    }

    /// The agent said "too many requests" (429): it is not called at all for this long (the
    /// first retry backoff if it did not say), and the message keeps its place. Spends no
    /// attempt.
    pub fn too_many_requests(pause: Option<impl Into<Duration>>) -> Self {
        let pause = pause.map(Into::into);
        Self::new(Said::TooManyRequests(pause), "too many requests")
    }

    /// Refused for good: the sender is told so.
    pub fn reject(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Said::Rejected, text)
    }

    /// Dropped for good, on purpose: not worth an answer.
    pub fn discard(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Said::Discarded, text)
    }

    fn new(said: Said, text: impl Into<Cow<'static, str>>) -> Self {
        Self::of(said, Cause::Text(text.into()))
    }

    fn of(said: Said, cause: Cause) -> Self {
        Self(Box::new(Reason { said, cause }))
    }

    /// What follows.
    pub(crate) fn said(&self) -> Said {
        self.0.said
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::of(Said::Failed, Cause::Error(Box::new(error)))
    }
}

impl Said {
    /// In core's words, said at `now`.
    pub(crate) fn verdict(self, now: Time) -> Verdict {
        match self {
            Self::Delivered => Verdict::Delivered,
            Self::Failed => Verdict::Failed,
            Self::Later(after) => Verdict::Snoozed(now + after),
            Self::TooManyRequests(pause) => Verdict::RateLimited(pause),
            Self::Rejected => Verdict::Rejected,
            Self::Discarded => Verdict::Discarded,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.cause {
            Cause::Text(text) => f.write_str(text),
            Cause::Error(error) => write!(f, "{error}"),
        }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.said)
    }
}
