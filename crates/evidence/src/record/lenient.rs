//! Deserialisation that takes what it can: a value of an unexpected JSON type is passed over and noted by
//! name.
//!
//! Serde's derive fails a whole struct on one odd field, and `Option<Cow<str>>` always allocates. Here each
//! field type says how to read itself from any JSON value, and strings borrow. Only JSON syntax errors are
//! errors.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A string of a record: borrowed from the JSON text unless that held an escape.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text<'a>(Cow<'a, str>);

impl Text<'_> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True if the text points into the JSON it was read from.
    pub fn is_borrowed(&self) -> bool {
        matches!(self.0, Cow::Borrowed(_))
    }
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Text<'_> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

/// Names of fields whose value had an unusual type.
#[derive(Debug, Default)]
pub(crate) struct OddFields(pub(crate) Vec<&'static str>);

impl OddFields {
    fn note(&mut self, name: &'static str) {
        // One name is enough to say what is odd; a hostile array of a million odd entries must not grow this.
        if !self.0.contains(&name) {
            self.0.push(name);
        }
    }
}

/// A value that reads itself from any JSON value.
pub(crate) trait Lenient<'de>: Default {
    /// Reads `deserializer`'s value; notes `name` when its type is not the expected one.
    fn read<D: Deserializer<'de>>(deserializer: D, name: &'static str, odd: &mut OddFields) -> Result<Self, D::Error>;
}

/// Reads a [`Lenient`] value where serde wants a seed.
pub(crate) struct Seed<'o, T> {
    name: &'static str,
    odd: &'o mut OddFields,
    value: PhantomData<T>,
}

impl<'o, T> Seed<'o, T> {
    pub(crate) fn new(name: &'static str, odd: &'o mut OddFields) -> Self {
        Self { name, odd, value: PhantomData }
    }
}

impl<'de, T: Lenient<'de>> DeserializeSeed<'de> for Seed<'_, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        T::read(deserializer, self.name, self.odd)
    }
}

/// The kinds of JSON value that a [`LooseVisitor`] hands on.
pub(crate) trait FromJson<'de>: Default {
    fn from_borrowed(_: &'de str) -> Option<Self> {
        None
    }
    fn from_text(_: &str) -> Option<Self> {
        None
    }
    fn from_bool(_: bool) -> Option<Self> {
        None
    }
    fn from_map<A: MapAccess<'de>>(mut map: A, _: &mut OddFields) -> Result<Option<Self>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
    fn from_seq<A: SeqAccess<'de>>(mut seq: A, _: &'static str, _: &mut OddFields) -> Result<Option<Self>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

pub(crate) struct LooseVisitor<'o, T> {
    name: &'static str,
    odd: &'o mut OddFields,
    value: PhantomData<T>,
}

impl<'o, T> LooseVisitor<'o, T> {
    pub(crate) fn new(name: &'static str, odd: &'o mut OddFields) -> Self {
        Self { name, odd, value: PhantomData }
    }

    fn or_odd(self, value: Option<T>) -> T
    where
        T: Default,
    {
        value.unwrap_or_else(|| {
            self.odd.note(self.name);
            T::default()
        })
    }
}

impl<'de, T: FromJson<'de>> Visitor<'de> for LooseVisitor<'_, T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<T, E> {
        Ok(self.or_odd(T::from_bool(value)))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<T, E> {
        Ok(self.or_odd(None))
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<T, E> {
        Ok(self.or_odd(None))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<T, E> {
        Ok(self.or_odd(None))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<T, E> {
        Ok(self.or_odd(T::from_borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        Ok(self.or_odd(T::from_text(text)))
    }

    // null is how AWS writes "none", not an odd type.
    fn visit_unit<E: Error>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        let value = T::from_map(map, self.odd)?;
        Ok(self.or_odd(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<T, A::Error> {
        let value = T::from_seq(seq, self.name, self.odd)?;
        Ok(self.or_odd(value))
    }
}

impl<'de> FromJson<'de> for Option<Text<'de>> {
    fn from_borrowed(text: &'de str) -> Option<Self> {
        Some(Some(Text(Cow::Borrowed(text))))
    }

    fn from_text(text: &str) -> Option<Self> {
        Some(Some(Text(Cow::Owned(text.to_owned()))))
    }
}

impl<'de> FromJson<'de> for Option<bool> {
    fn from_bool(value: bool) -> Option<Self> {
        Some(Some(value))
    }

    fn from_borrowed(text: &'de str) -> Option<Self> {
        Self::from_text(text)
    }

    // Exports through Athena and log pipelines write booleans as text.
    fn from_text(text: &str) -> Option<Self> {
        match text {
            "true" | "True" => Some(Some(true)),
            "false" | "False" => Some(Some(false)),
            _ => None,
        }
    }
}

macro_rules! lenient_by_visitor {
    ($($ty:ty),* $(,)?) => {$(
        impl<'de> Lenient<'de> for $ty {
            fn read<D: Deserializer<'de>>(
                deserializer: D,
                name: &'static str,
                odd: &mut OddFields,
            ) -> Result<Self, D::Error> {
                deserializer.deserialize_any(LooseVisitor::<Self>::new(name, odd))
            }
        }
    )*};
}

lenient_by_visitor!(Option<Text<'de>>, Option<bool>);

impl<'de> Lenient<'de> for Option<&'de RawValue> {
    fn read<D: Deserializer<'de>>(deserializer: D, _: &'static str, _: &mut OddFields) -> Result<Self, D::Error> {
        let raw: &RawValue = serde::Deserialize::deserialize(deserializer)?;
        Ok((raw.get() != "null").then_some(raw))
    }
}

/// True if a key was there at all, whatever its value.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Present(pub(crate) bool);

impl<'de> Lenient<'de> for Present {
    fn read<D: Deserializer<'de>>(deserializer: D, _: &'static str, _: &mut OddFields) -> Result<Self, D::Error> {
        serde::Deserialize::deserialize(deserializer).map(|_: IgnoredAny| Self(true))
    }
}

/// An object whose absence differs from one without known members.
impl<'de, T: LenientObject<'de>> FromJson<'de> for Option<T> {
    fn from_map<A: MapAccess<'de>>(map: A, odd: &mut OddFields) -> Result<Option<Self>, A::Error> {
        T::from_entries(map, odd).map(|object| Some(Some(object)))
    }
}

impl<'de, T: LenientObject<'de>> Lenient<'de> for Option<T> {
    fn read<D: Deserializer<'de>>(deserializer: D, name: &'static str, odd: &mut OddFields) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor::<Self>::new(name, odd))
    }
}

impl<'de, T: LenientObject<'de>> FromJson<'de> for Vec<T> {
    fn from_seq<A: SeqAccess<'de>>(
        mut seq: A,
        name: &'static str,
        odd: &mut OddFields,
    ) -> Result<Option<Self>, A::Error> {
        let mut items = Self::new();
        while let Some(item) = seq.next_element_seed(Seed::<Option<T>>::new(name, odd))? {
            items.extend(item);
        }
        Ok(Some(items))
    }

    // Older and hand-made records hold one object where a list belongs.
    fn from_map<A: MapAccess<'de>>(map: A, odd: &mut OddFields) -> Result<Option<Self>, A::Error> {
        T::from_entries(map, odd).map(|object| Some(vec![object]))
    }
}

impl<'de, T: LenientObject<'de>> Lenient<'de> for Vec<T> {
    fn read<D: Deserializer<'de>>(deserializer: D, name: &'static str, odd: &mut OddFields) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor::<Self>::new(name, odd))
    }
}

/// A struct made by [`lenient_object!`].
pub(crate) trait LenientObject<'de>: Default {
    fn from_entries<A: MapAccess<'de>>(map: A, odd: &mut OddFields) -> Result<Self, A::Error>;
}

/// Reads an object key, borrowed where it holds no escape.
pub(crate) struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeySeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// Declares a struct whose fields are [`Lenient`] and name their JSON keys.
macro_rules! lenient_object {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident<'a> {
            $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $ty:ty = $($key:literal)|+),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default)]
        $vis struct $name<'a> {
            $($(#[$field_meta])* $field_vis $field: $ty,)*
        }

        impl<'a> $crate::record::lenient::LenientObject<'a> for $name<'a> {
            fn from_entries<A: serde::de::MapAccess<'a>>(
                mut map: A,
                odd: &mut $crate::record::lenient::OddFields,
            ) -> Result<Self, A::Error> {
                let mut object = Self::default();
                while let Some(key) = map.next_key_seed($crate::record::lenient::KeySeed)? {
                    match &*key {
                        $($($key)|+ => {
                            object.$field =
                                map.next_value_seed($crate::record::lenient::Seed::new(stringify!($field), odd))?;
                        })*
                        _ => {
                            map.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(object)
            }
        }

        impl<'a> $crate::record::lenient::FromJson<'a> for $name<'a> {
            fn from_map<A: serde::de::MapAccess<'a>>(
                map: A,
                odd: &mut $crate::record::lenient::OddFields,
            ) -> Result<Option<Self>, A::Error> {
                $crate::record::lenient::LenientObject::from_entries(map, odd).map(Some)
            }
        }

        impl<'a> $crate::record::lenient::Lenient<'a> for $name<'a> {
            fn read<D: serde::Deserializer<'a>>(
                deserializer: D,
                name: &'static str,
                odd: &mut $crate::record::lenient::OddFields,
            ) -> Result<Self, D::Error> {
                deserializer.deserialize_any($crate::record::lenient::LooseVisitor::<Self>::new(name, odd))
            }
        }
    };
}
pub(crate) use lenient_object;
