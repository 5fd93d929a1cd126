//! Core's state as bytes: what a journal goes on from after a gap.
//!
//! Everything but payloads, the listener, and the policy, which the replay
//! rebuilds from what it saw. The fields are those of [`BrokerState`]: one that is added is saved
//! without further ado.

use ebbtide_policies::Policy;
use ebbtide_policies::fixed::Fixed;

use crate::config::{BrokerConfig, Checked};
use crate::state::BrokerState;

impl<M, L> BrokerState<M, L> {
    /// Its state, to be [restored](Self::restore).
    pub(crate) fn save(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("core's state has no maps or texts of unknown length")
    }
}

impl<M: Default, L: Default> BrokerState<M, L> {
    /// The state that was saved, with its policy; `None` if the bytes are no state.
    pub(crate) fn restore(bytes: &[u8], policy: Box<dyn Policy>) -> Option<Self> {
        let mut state: Self = postcard::from_bytes(bytes).ok()?;
        state.control.policy = policy;
        Some(state)
    }
}

/// Stands where the policy will be.
pub(crate) fn no_policy() -> Box<dyn Policy> {
    Box::new(Fixed::at_start_setting())
}

/// A configuration as journals have it; `None` if it is none.
pub(super) fn from_json(text: &str) -> Option<Checked<BrokerConfig>> {
    Checked::new(serde_json::from_str(text).ok()?).ok()
}

/// Configurations in binary formats: their file form reads words and units, for which it needs
/// a format that says what it holds.
pub(crate) mod as_json {
    use serde::de::{DeserializeOwned, Error as _};
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::config::{Check, Checked};

    pub(crate) fn serialize<T: Serialize, S: Serializer>(
        config: &Checked<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let text = serde_json::to_string(&**config).map_err(S::Error::custom)?;
        serializer.serialize_str(&text)
    }

    pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<Checked<T>, D::Error>
    where
        T: Check + DeserializeOwned,
        D: Deserializer<'de>,
    {
        let text = String::deserialize(deserializer)?;
        let config = serde_json::from_str(&text).map_err(D::Error::custom)?;
        Checked::new(config).map_err(D::Error::custom)
    }
}
