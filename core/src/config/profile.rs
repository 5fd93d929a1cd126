//! Profiles: settings of the pool that fit a kind of agent, by name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::BrokerConfig;
use crate::text::closest;

/// A setting of workers, batches, parallelism and policy that fits a kind of agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// For handlers in the same process: 1 worker of 5 slots, batches of 10 or 50 ms, fixed.
    InProcess,
    /// For agents behind a network: 5 workers of 10 slots, batches of 20 or 100 ms, fixed.
    Remote,
    /// For load that varies: starts as `Remote` does and lets the policy choose 1 to 10
    /// workers and the batches.
    #[default]
    Adaptive,
}

/// A name that no profile has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown profile {found:?}, {help}")]
pub struct UnknownProfile {
    found: String,
    help: String,
}

impl Profile {
    /// All profiles.
    pub const ALL: [Self; 3] = [Self::InProcess, Self::Remote, Self::Adaptive];

    /// Its name in files and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InProcess => "in_process",
            Self::Remote => "remote",
            Self::Adaptive => "adaptive",
        }
    }
}

impl BrokerConfig {
    /// This configuration with workers (their number and its bounds), batch size and timeout,
    /// parallelism and policy as the profile has them, and nothing else changed.
    #[must_use]
    pub fn with_profile(self, profile: Profile) -> Self {
        let (num_workers, batch_size, batch_timeout_ms, delivery_parallelism, policy) =
            match profile {
                Profile::InProcess => (1, 10, 50, 5, "fixed"),
                Profile::Remote => (5, 20, 100, 10, "fixed"),
                Profile::Adaptive => (5, 20, 100, 10, "adaptive"),
            };
        Self {
            num_workers,
            min_workers: 1,
            max_workers: 10,
            batch_size,
            batch_timeout_ms,
            delivery_parallelism,
            policy: policy.to_owned(),
            ..self
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, UnknownProfile> {
        let known = Self::ALL.into_iter().find(|profile| profile.name() == name);
        known.ok_or_else(|| {
            let names = Self::ALL.map(Self::name);
            UnknownProfile {
                found: name.to_owned(),
                help: match closest(name, names) {
                    Some(meant) => format!("did you mean {meant}?"),
                    None => format!("allowed are {}", names.join(", ")),
                },
            }
        })
    }
}

impl Serialize for Profile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Profile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(de::Error::custom)
    }
}
