//! An embeddable message broker for agents that sizes itself.
//!
//! ```
//! use std::time::Duration;
//! use ebbtide::Broker;
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let broker = Broker::builder().start().await?;
//!     let greeter = broker.add_agent("greeter", async |name: &String| {
//!         Ok(format!("Hello, {name}!"))
//!     })?;
//!     let greeting = greeter.request("Ada".to_owned()).await?;
//!     assert_eq!(greeting, "Hello, Ada!");
//!     broker.shutdown(Duration::from_secs(5)).await;
//!     Ok(())
//! }
//! ```
//!
//! The [`guide`] leads from this to a policy of your own ([`guide::tutorial`]), says in plain words
//! what is promised about delivery ([`guide::delivery`]), and which settings matter when
//! ([`guide::tuning`]).
//!
//! Workers, batch sizes, retries, limits and breakers are the broker's business: see
//! [`BrokerConfig`] and [`AgentConfig`]. To see how a configuration behaves before it ships, run
//! the `ebbtide` command: its simulator drives the very state machine that is inside.
//!
//! | looking for | see |
//! | --- | --- |
//! | starting a broker | [`Broker`], [`Builder`] |
//! | writing an agent | [`Agent`], [`BatchAgent`], [`IntoAgent`], [`Failure`], [`Context`] |
//! | sending | [`AgentRef`], [`Request`], [`Event`] |
//! | settings, their ranges and defaults | [`BrokerConfig`], [`AgentConfig`], [`config::load`] |
//! | writing a policy | [`Policy`], [`Observation`], [`Decision`], and what these consist of: [`policy`] |
//! | driving the broker with a clock of your own | [`BrokerState`] |

mod address;
mod admission;
mod agent;
mod alarm;
mod bell;
mod broadcast;
mod broker;
mod builder;
mod clock;
mod contained;
mod context;
mod control;
mod crew;
mod dead;
mod decision_log;
mod driver;
mod ear;
mod errands;
mod error;
mod failure;
mod figures;
mod floor;
mod guard;
mod handler;
mod headers;
mod health;
mod journal;
mod keys;
mod latencies;
mod metrics;
mod notice;
mod observer;
mod options;
mod pace;
mod parcel;
mod porch;
mod reply;
mod request;
mod room;
mod runner;
mod send;
mod shared;
mod shutdown;
mod stats;
#[cfg(test)]
mod stress;
mod sync;
#[cfg(feature = "tower")]
mod tower;
mod way;
mod worker;
mod written;

pub mod config;
pub mod guide;
pub mod policy;

pub use ebbtide_core::config::{BreakerConfig, ConfigError, Discipline, Profile};
pub use ebbtide_core::error::{PinError, ReconfigureAgentError, ReconfigureError};
pub use ebbtide_core::history::{History, Setback, SetbackKind};
pub use ebbtide_core::message::{AgentId, ClassId, DeadReason, Kind, LeaseId, MessageId, WorkerId};
pub use ebbtide_core::{
    AddAgentError, AgentConfig, Books, BrokerConfig, BrokerState, Call, Checked, Lane, LateSettle,
    Outcome, RateLimit, Refusal, Settlement, Submission, SubmitError, Verdict, Wake, What,
};
pub use ebbtide_policies::decision::Reason;
pub use ebbtide_policies::objective::Objective;
pub use ebbtide_policies::observation::{BreakerState, Setting};
pub use ebbtide_policies::units::{Bytes, Duration, Rate, Time};
pub use ebbtide_policies::{Decision, Observation, Policy, registry};

pub use address::AgentRef;
pub use agent::{Agent, Batch, BatchAgent};
pub use broadcast::{Broadcast, Broadcasting};
pub use broker::Broker;
pub use builder::Builder;
pub use clock::TimeSource;
pub use context::{Context, LeaseLost};
pub use control::{ChangeError, Pause, SwitchError};
pub use dead::{DeadLetter, DeadLetterId, ReplayError};
pub use decision_log::{DECISION_LOG_VERSION, DecisionLogConfig, LoggedDecision};
pub use error::{AgentError, NoReply, NotAccepted, RequestError, SendError, StartError};
pub use failure::Failure;
#[doc(hidden)]
pub use handler::{AnyAgent, kind};
pub use handler::{ByValue, IntoAgent, With, by_value, with};
pub use headers::Headers;
pub use health::{Escalation, RestartLimit};
pub use metrics::{RuntimeFigures, TaskFigures};
pub use notice::{Events, Happening, Notice};
pub use observer::Observer;
#[doc(hidden)]
pub use options::Planned;
pub use request::{Reply, Request};
pub use send::{Event, Sending};
pub use shutdown::{Closed, ShutdownReport};
pub use stats::{
    AgentStats, AgentWork, Flow, LaneStats, Quantiles, RemovedAgents, Stats, Times, WorkerState,
    WorkerStats,
};
#[cfg(feature = "tower")]
pub use tower::{ServiceAgent, from_service};
