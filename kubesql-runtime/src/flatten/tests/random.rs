//! Random objects of a type, with some values that do not fit.

use serde_json::{Map, Value, json};

use crate::schema::{Scalar, Shape, TypeDef};

/// A deterministic random number generator.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % limit
    }

    fn text(&mut self) -> String {
        let texts = [
            "",
            "a",
            "name",
            "quote\"",
            "back\\slash",
            "two\nlines",
            "émoji 😀",
            "[{",
            "}]",
            "a text of more than thirty-two bytes, \\\" even",
            "100m",
            "1Gi",
            "2020-05-12T01:02:03Z",
            "true",
            "\u{0}\u{1f}",
        ];
        if self.below(4) == 0 { format!("text {}", self.below(400)) } else { texts[self.below(texts.len())].to_owned() }
    }

    /// Any JSON value.
    fn any(&mut self, depth: usize) -> Value {
        match self.below(if depth == 0 { 6 } else { 8 }) {
            0 => Value::Null,
            1 => json!(self.below(2) == 0),
            2 => json!(self.below(1 << 31)),
            3 => json!(-1.5),
            4 => json!(12.0),
            5 => json!(self.text()),
            6 => (0..self.below(4)).map(|_| self.any(depth - 1)).collect(),
            _ => Value::Object((0..self.below(4)).map(|_| (self.text(), self.any(depth - 1))).collect()),
        }
    }

    /// A value that fits the shape in most cases.
    fn value(&mut self, shape: Shape, depth: usize) -> Value {
        if self.below(12) == 0 {
            return self.any(3);
        }
        match shape {
            Shape::Scalar(scalar) => self.scalar(scalar),
            Shape::Object(def) => self.object_at(def, depth + 1),
            Shape::List(def) => (0..self.below(5))
                .map(|_| if self.below(12) == 0 { self.any(2) } else { self.object_at(def, depth + 1) })
                .collect(),
            Shape::Scalars(scalar) => (0..self.below(5)).map(|_| self.scalar(scalar)).collect(),
            Shape::Map(_) => Value::Object(
                (0..self.below(6))
                    .map(|_| (self.text(), if self.below(6) == 0 { self.any(2) } else { json!("1500m") }))
                    .collect(),
            ),
        }
    }

    fn scalar(&mut self, scalar: Scalar) -> Value {
        match scalar {
            Scalar::Text | Scalar::IntOrString => json!(self.text()),
            Scalar::Bool => json!(self.below(2) == 0),
            Scalar::Int32 | Scalar::Int64 => json!(self.below(1 << 20)),
            Scalar::Float => json!(0.25),
            Scalar::Time => json!(format!("2020-05-{:02}T01:02:03Z", self.below(28) + 1)),
            Scalar::Quantity => json!(format!("{}m", self.below(3000))),
            Scalar::Json => self.any(3),
        }
    }

    pub(crate) fn object(&mut self, def: &TypeDef) -> Value {
        self.object_at(def, 0)
    }

    /// An object. Deeply nested objects have fewer fields.
    fn object_at(&mut self, def: &TypeDef, depth: usize) -> Value {
        let mut object = Map::new();
        for field in def.fields {
            if self.below(3 + depth * depth) < 2 {
                object.insert(field.json.to_owned(), self.value(field.shape, depth));
            }
        }
        if self.below(3) == 0 {
            object.insert(self.text(), self.any(4));
        }
        Value::Object(object)
    }
}
