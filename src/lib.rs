//! An embeddable message broker for agents that sizes itself.
//!
//! What is here today: the loading of configuration files ([`config::load`]), and the broker as
//! a state machine without I/O ([`BrokerState`]) with its policies, for those who bring their
//! own clock and their own tasks. Not yet here: the live broker on tokio, transports, stores
//! and metrics.
//!
//! To see how a configuration behaves before it ships, run the `ebbtide` command: its simulator
//! drives this very [`BrokerState`].
//!
//! | looking for | see |
//! | --- | --- |
//! | settings, their ranges and defaults | [`BrokerConfig`], [`AgentConfig`] |
//! | driving the broker | [`BrokerState`] |
//! | what goes in | [`Submission`], [`Settlement`] |
//! | what comes out | [`Call`], [`Event`] |
//! | writing a policy | [`Policy`], [`Observation`], [`Decision`] |

pub mod config;

pub use ebbtide_core::config::{BreakerConfig, ConfigError, Discipline, Profile};
pub use ebbtide_core::message::{AgentId, Kind, LeaseId, MessageId, WorkerId};
pub use ebbtide_core::{
    AddAgentError, AgentConfig, Books, BrokerConfig, BrokerState, Call, Checked, Event, Lane,
    LateSettle, Outcome, RateLimit, Refusal, Settlement, Submission, SubmitError, Verdict, Wake,
    What,
};
pub use ebbtide_policies::objective::Objective;
pub use ebbtide_policies::units::{Bytes, Duration, Rate, Time};
pub use ebbtide_policies::{Decision, Observation, Policy, registry};
