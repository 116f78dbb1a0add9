//! Strict JSON: exactly what the ordinary parser reads, less what has duplicate members or nests too deeply.

#![no_main]

use std::fmt;

use libfuzzer_sys::fuzz_target;
use rescind_wire::json;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

const DEPTH: u8 = 8;

fuzz_target!(|data: &[u8]| {
    let strict = json::check(data, DEPTH);
    let ordinary = serde_json::from_slice::<Value>(data);
    let Ok(value) = ordinary else {
        // A number that fits nowhere is one that only the ordinary parser has to keep.
        assert!(strict.is_err() || serde_json::from_slice::<Shape>(data).is_ok());
        return;
    };
    let written = serde_json::from_slice::<Shape>(data).unwrap();
    let kept = members(&value);
    let fine = written.members == kept && written.depth <= DEPTH.into();
    assert_eq!(strict.is_ok(), fine, "{strict:?}: {} members, {kept} of them different", written.members);
    if strict.is_ok() {
        assert_eq!(json::from_slice::<Value>(data, DEPTH).unwrap(), value);
    }
});

fn members(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(members).sum(),
        Value::Object(object) => object.len() + object.values().map(members).sum::<usize>(),
        _ => 0,
    }
}

/// What a text has, duplicates included.
#[derive(Default)]
struct Shape {
    members: usize,
    depth: usize,
}

impl Shape {
    fn below(&mut self, inner: &Self) {
        self.members += inner.members;
        self.depth = self.depth.max(inner.depth + 1);
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Look)
    }
}

struct Look;

impl<'de> Visitor<'de> for Look {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
        Ok(Shape::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Shape, E> {
        Ok(Shape::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Shape, E> {
        Ok(Shape::default())
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Shape, A::Error> {
        let mut shape = Shape { members: 0, depth: 1 };
        while let Some(item) = items.next_element::<Shape>()? {
            shape.below(&item);
        }
        Ok(shape)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Shape, A::Error> {
        let mut shape = Shape { members: 0, depth: 1 };
        while let Some((_, value)) = members.next_entry::<String, Shape>()? {
            shape.members += 1;
            shape.below(&value);
        }
        Ok(shape)
    }
}
