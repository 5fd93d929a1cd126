//! (to be written) Units as text and as serde values.
use super::{Bytes, Duration, Rate, Time};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A quantity that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitError;

macro_rules! stub { ($($t:ty),*) => {$(
impl Serialize for $t { fn serialize<S: Serializer>(&self, _s: S) -> Result<S::Ok, S::Error> { unimplemented!() } }
impl<'de> Deserialize<'de> for $t { fn deserialize<D: Deserializer<'de>>(_d: D) -> Result<Self, D::Error> { unimplemented!() } }
)*}; }
stub!(Time, Duration, Rate, Bytes, crate::objective::Objective);
