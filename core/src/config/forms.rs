//! How some settings look in a file: `"off"` and `"unlimited"` for what is absent, lanes by
//! name.
//!
//! Apart because in code they are plain options and arrays.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, IntoDeserializer};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::message::Lane;

/// What a file says of a setting of type `T`.
pub(super) trait Form<T> {
    /// The setting, where `base` holds what the file leaves open.
    fn over(self, base: T) -> T;
}

impl<T> Form<T> for T {
    fn over(self, _base: T) -> T {
        self
    }
}

/// The word for "none" in a setting that may be absent.
pub(super) trait Word {
    const WORD: &'static str;
}

/// Not used at all.
pub(super) enum Off {}

impl Word for Off {
    const WORD: &'static str = "off";
}

/// Used without end.
pub(super) enum Unlimited {}

impl Word for Unlimited {
    const WORD: &'static str = "unlimited";
}

/// A value, or a word for none. RON's `None` and JSON's `null` mean none too.
pub(super) struct OrWord<T, W> {
    value: Option<T>,
    word: PhantomData<W>,
}

impl<T, W> OrWord<T, W> {
    const fn of(value: Option<T>) -> Self {
        Self {
            value,
            word: PhantomData,
        }
    }
}

impl<T, W> Form<Option<T>> for OrWord<T, W> {
    fn over(self, _base: Option<T>) -> Option<T> {
        self.value
    }
}

impl<T: Serialize, W: Word> Serialize for OrWord<T, W> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.value {
            Some(value) => value.serialize(serializer),
            None => serializer.serialize_str(W::WORD),
        }
    }
}

impl<'de, T: Deserialize<'de>, W: Word> Deserialize<'de> for OrWord<T, W> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // An option first, so that None and null are told from other words.
        deserializer.deserialize_option(OrWordVisitor(PhantomData))
    }
}

struct OrWordVisitor<T, W>(PhantomData<(T, W)>);

impl<'de, T: Deserialize<'de>, W: Word> de::Visitor<'de> for OrWordVisitor<T, W> {
    type Value = OrWord<T, W>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a value or {:?} in quotes", W::WORD)
    }

    fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(OrWord::of(None))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        if text == W::WORD {
            return Ok(OrWord::of(None));
        }
        Err(E::invalid_value(de::Unexpected::Str(text), &self))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
        T::deserialize(number.into_deserializer()).map(|value| OrWord::of(Some(value)))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
        T::deserialize(number.into_deserializer()).map(|value| OrWord::of(Some(value)))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Self::Value, E> {
        T::deserialize(number.into_deserializer()).map(|value| OrWord::of(Some(value)))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|value| OrWord::of(Some(value)))
    }
}

/// Lanes by name; those not named are left open.
#[derive(Deserialize)]
#[serde(rename = "Lanes", deny_unknown_fields)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
pub(super) struct ByLane<T> {
    #[serde(default, deserialize_with = "given")]
    critical: Option<T>,
    #[serde(default, deserialize_with = "given")]
    high: Option<T>,
    #[serde(default, deserialize_with = "given")]
    normal: Option<T>,
    #[serde(default, deserialize_with = "given")]
    low: Option<T>,
    #[serde(default, deserialize_with = "given")]
    bulk: Option<T>,
}

impl<V, T: Form<V>> Form<[V; 5]> for ByLane<T> {
    fn over(self, base: [V; 5]) -> [V; 5] {
        let lanes = [self.critical, self.high, self.normal, self.low, self.bulk];
        let mut forms = lanes.into_iter();
        base.map(|base| match forms.next().flatten() {
            Some(form) => form.over(base),
            None => base,
        })
    }
}

/// Reads a field that is there: for it, RON's `None` is a value like any other.
pub(super) fn given<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// Writes a value, or `"off"`.
pub(super) fn or_off<T, S>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error>
where
    T: Serialize,
    S: Serializer,
{
    OrWord::<_, Off>::of(value.as_ref()).serialize(serializer)
}

/// Writes a value, or `"unlimited"`.
pub(super) fn or_unlimited<T, S>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error>
where
    T: Serialize,
    S: Serializer,
{
    OrWord::<_, Unlimited>::of(value.as_ref()).serialize(serializer)
}

/// Writes weights by the lanes' names.
pub(super) fn weights_by_lane<S>(weights: &[u32; 5], serializer: S) -> Result<S::Ok, S::Error>
where
    S: Serializer,
{
    by_lane(weights, serializer)
}

/// Writes waits, or `"off"`, by the lanes' names.
pub(super) fn waits_by_lane<S>(waits: &[Option<u64>; 5], serializer: S) -> Result<S::Ok, S::Error>
where
    S: Serializer,
{
    by_lane(&waits.map(OrWord::<_, Off>::of), serializer)
}

fn by_lane<T, S>(lanes: &[T; 5], serializer: S) -> Result<S::Ok, S::Error>
where
    T: Serialize,
    S: Serializer,
{
    let mut fields = serializer.serialize_struct("Lanes", lanes.len())?;
    for lane in Lane::ALL {
        fields.serialize_field(lane.name(), &lanes[lane.index()])?;
    }
    fields.end()
}
