//! Merges different schemas of a kind, from several versions or clusters, into a schema that covers all of them.

use std::collections::{BTreeMap, VecDeque};

use super::{QUANTITY, Schema};

/// How schemas of a field differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// The field is text that covers both.
    Text,
    /// The field has the shape that it had first; values of the other shape are in a field of their own.
    Shape,
}

/// Extends a schema so that it covers another one: it has the fields of both. If the shapes of a field are different (a
/// map and a list, for example), the first one is kept, and the field becomes [`Schema::Either`]. `conflict` is called
/// with the paths of fields that differ.
pub fn widen(known: &mut Schema, other: &Schema, conflict: &mut dyn FnMut(&str, Conflict)) {
    let mut merger = Merger { path: String::new(), conflict, references: None };
    if !merger.merge(known, other) {
        merger.conflict(Conflict::Shape);
    }
}

/// Extends a schema like [`widen`], with references to other schemas.
pub fn merge(known: &mut Schema, other: &Schema, references: &mut References<'_>) {
    Merger { path: String::new(), conflict: &mut |_, _| {}, references: Some(references) }.merge(known, other);
}

/// The schemas to which others refer.
#[derive(Debug)]
pub struct References<'a> {
    /// By name.
    pub schemas: &'a BTreeMap<&'a str, Schema>,
    /// Pairs of names of which the first has to be extended by the second: the same type in two versions.
    pub pairs: VecDeque<(String, String)>,
}

impl References<'_> {
    /// Follows a reference.
    fn resolve(&self, schema: &Schema) -> Schema {
        match schema {
            Schema::Ref(name) => match name.rsplit('.').next().filter(|_| name.starts_with("io.k8s.apimachinery.")) {
                Some("Quantity") => Schema::String(Some(QUANTITY.to_owned())),
                Some("Time" | "MicroTime") => Schema::String(Some("date-time".to_owned())),
                Some("IntOrString") => Schema::IntOrString,
                Some("RawExtension" | "FieldsV1") => Schema::Any,
                _ => self.schemas.get(name.as_str()).cloned().unwrap_or(Schema::Any),
            },
            other => other.clone(),
        }
    }
}

/// Whether two names are of a type in two versions: `io.k8s.api.resource.v1.Device` and
/// `io.k8s.api.resource.v1beta1.Device`.
fn is_same_type(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (one.rsplitn(3, '.'), other.rsplitn(3, '.'));
    let is_version = |word: Option<&str>| {
        word.and_then(|word| word.strip_prefix('v')).is_some_and(|word| word.starts_with(|c: char| c.is_ascii_digit()))
    };
    one.next() == other.next() && is_version(one.next()) && is_version(other.next()) && one.next() == other.next()
}

/// The canonical form of a schema. Schemas with the same canonical form have the same columns.
#[must_use]
pub fn canonical(schema: Schema) -> Schema {
    match schema {
        Schema::Object { properties, .. } if !properties.is_empty() => Schema::Object {
            properties: properties.into_iter().map(|(name, schema)| (name, canonical(schema))).collect(),
            additional: None,
            preserve_unknown: false,
        },
        Schema::Object { additional: Some(values), .. } => {
            let values = match canonical(*values) {
                quantity @ Schema::String(Some(_)) if is_quantity(&quantity) => quantity,
                Schema::String(_) | Schema::Integer(_) | Schema::Number | Schema::Boolean | Schema::IntOrString => {
                    Schema::String(None)
                }
                _ => Schema::Any,
            };
            Schema::Object { properties: BTreeMap::new(), additional: Some(Box::new(values)), preserve_unknown: false }
        }
        Schema::Array(items) => Schema::Array(Box::new(match canonical(*items) {
            items @ Schema::Object { .. } if is_typed(&items) => items,
            Schema::Object { .. } | Schema::Array(_) => Schema::Any,
            items => items,
        })),
        text @ Schema::String(_) if is_quantity(&text) => text,
        Schema::String(Some(format)) if format == "date-time" => Schema::String(Some(format)),
        Schema::String(_) => Schema::String(None),
        Schema::Integer(Some(format)) if format == "int32" => Schema::Integer(Some(format)),
        Schema::Integer(_) => Schema::Integer(None),
        Schema::Either(inner) => Schema::Either(Box::new(canonical(*inner))),
        other => other,
    }
}

fn is_quantity(schema: &Schema) -> bool {
    matches!(schema, Schema::String(Some(format)) if format == QUANTITY)
}

/// Whether it is an object with declared fields.
fn is_typed(schema: &Schema) -> bool {
    matches!(schema, Schema::Object { properties, .. } if !properties.is_empty())
}

/// Whether it is a free-form object.
fn is_free(schema: &Schema) -> bool {
    matches!(schema, Schema::Object { properties, additional: None, .. } if properties.is_empty())
}

/// Whether it is a list of objects with declared fields.
fn is_list(schema: &Schema) -> bool {
    matches!(schema, Schema::Array(items) if is_typed(items) || matches!(**items, Schema::Ref(_)))
}

/// Whether it has no declared structure.
fn is_any(schema: &Schema) -> bool {
    matches!(schema, Schema::Any) || is_free(schema)
}

/// Whether items with this schema are JSON text.
fn is_json(items: &Schema) -> bool {
    is_any(items) || matches!(items, Schema::Array(_))
}

/// Merges schemas, and knows the path to the current field.
struct Merger<'a, 'r> {
    path: String,
    conflict: &'a mut dyn FnMut(&str, Conflict),
    references: Option<&'a mut References<'r>>,
}

impl Merger<'_, '_> {
    fn conflict(&mut self, kind: Conflict) {
        (self.conflict)(&self.path, kind);
    }

    /// Extends `known` to cover another schema. Returns false if their shapes are different, and `known` stays.
    fn merge(&mut self, known: &mut Schema, other: &Schema) -> bool {
        if known == other {
            return true;
        }
        match (&mut *known, other) {
            (Schema::Either(known), Schema::Either(other)) => {
                self.merge(known, other);
            }
            (Schema::Either(known), other) => {
                self.merge(known, other);
            }
            (known, Schema::Either(other)) => {
                self.merge(known, other);
                split(known);
            }
            (Schema::Ref(_), _) | (_, Schema::Ref(_)) => return self.referred(known, other),
            (
                Schema::Object { properties, additional, preserve_unknown },
                Schema::Object { properties: others, additional: more, preserve_unknown: keep },
            ) => {
                if properties.is_empty() != others.is_empty() && (additional.is_some() || more.is_some()) {
                    return false;
                }
                let fits = match (&mut *additional, more) {
                    // Values that are no scalars are JSON text.
                    (Some(values), Some(more)) if properties.is_empty() && is_scalar(values) => {
                        self.within("{}", |this| this.merge(values, more))
                    }
                    (additional @ None, Some(more)) => {
                        *additional = Some(more.clone());
                        true
                    }
                    _ => true,
                };
                if !fits {
                    return false;
                }
                *preserve_unknown |= keep;
                self.properties(properties, others);
            }
            (Schema::Array(items), Schema::Array(others)) if is_typed(items) == is_typed(others) => {
                return self.within("[]", |this| this.merge(items, others));
            }
            // A schema without structure covers the other one, but declared fields are columns.
            (known, other) if is_any(known) && (is_typed(other) || is_list(other)) => {
                *known = other.clone();
                split(known);
                self.conflict(Conflict::Shape);
            }
            (Schema::Array(items), other) if is_json(items) && is_list(other) => {
                *known = other.clone();
                split(known);
                self.conflict(Conflict::Shape);
            }
            (Schema::Any, _) => {}
            (known, Schema::Any) if is_free(known) => {}
            (known, other) => match common_scalar(known, other) {
                Schema::Any => return false,
                wider => {
                    if !matches!(wider, Schema::Integer(_) | Schema::Number) {
                        self.conflict(Conflict::Text);
                    }
                    *known = wider;
                }
            },
        }
        true
    }

    /// Adds declared fields.
    fn properties(&mut self, known: &mut BTreeMap<String, Schema>, others: &BTreeMap<String, Schema>) {
        for (name, schema) in others {
            let Some(field) = known.get_mut(name) else {
                known.insert(name.clone(), schema.clone());
                continue;
            };
            let step = if self.path.is_empty() { name.clone() } else { format!(".{name}") };
            self.within(&step, |this| {
                if !this.merge(field, schema) {
                    split(field);
                    this.conflict(Conflict::Shape);
                }
            });
        }
    }

    /// Merges schemas of which at least one is a reference.
    fn referred(&mut self, known: &mut Schema, other: &Schema) -> bool {
        /// The maximal length of a path. Only types that contain themselves reach it.
        const MAX_PATH: usize = 400;
        let Some(references) = &mut self.references else { return false };
        if self.path.len() > MAX_PATH {
            return true;
        }
        if let (Schema::Ref(one), Schema::Ref(two)) = (&*known, other)
            && is_same_type(one, two)
        {
            references.pairs.push_back((one.clone(), two.clone()));
            return true;
        }
        // Other references are replaced by what they refer to, since other fields may refer to the same.
        let (mut inline, other) = (references.resolve(known), references.resolve(other));
        let before = inline.clone();
        let fits = self.merge(&mut inline, &other);
        if inline != before {
            *known = inline;
        }
        fits
    }

    fn within<T>(&mut self, step: &str, inner: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        self.path.push_str(step);
        let result = inner(self);
        self.path.truncate(length);
        result
    }
}

/// Makes a field hold values of other shapes too.
fn split(schema: &mut Schema) {
    if !matches!(schema, Schema::Either(_) | Schema::Any) {
        *schema = Schema::Either(Box::new(std::mem::replace(schema, Schema::Any)));
    }
}

/// Whether its values are scalars.
fn is_scalar(schema: &Schema) -> bool {
    !matches!(schema, Schema::Any | Schema::Object { .. } | Schema::Array(_) | Schema::Ref(_))
}

/// A schema that covers two schemas of different forms.
fn common_scalar(one: &Schema, other: &Schema) -> Schema {
    use Schema::{IntOrString, Integer, Number, String};
    match (one, other) {
        (Integer(_), Integer(_)) => Integer(None),
        (Integer(_) | Number, Integer(_) | Number) => Number,
        // Text with different formats is text. A quantity may also be a number.
        (String(_), String(_)) if !is_quantity(one) && !is_quantity(other) => String(None),
        (Integer(_) | Number | String(_) | IntOrString, Integer(_) | Number | String(_) | IntOrString) => IntOrString,
        _ => Schema::Any,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::Schema;
    use super::super::custom::read_schema;
    use super::{Conflict, widen};

    /// A schema as JSON, with `{"either": ...}` for [`Schema::Either`].
    fn read(written: &Value) -> Schema {
        match written.get("either") {
            Some(inner) => Schema::Either(Box::new(read(inner))),
            None => match read_schema(written) {
                Schema::Object { additional, preserve_unknown, .. } => Schema::Object {
                    properties: written
                        .get("properties")
                        .and_then(Value::as_object)
                        .into_iter()
                        .flatten()
                        .map(|(name, field)| (name.clone(), read(field)))
                        .collect(),
                    additional,
                    preserve_unknown,
                },
                schema => schema,
            },
        }
    }

    /// The paths of conflicts, with their kinds.
    type Conflicts = &'static [(&'static str, Conflict)];

    fn check(known: &Value, other: &Value, expected: &Value, conflicts: Conflicts) {
        let (mut schema, mut found) = (read(known), Vec::new());
        widen(&mut schema, &read(other), &mut |path, kind| found.push((path.to_owned(), kind)));
        assert_eq!(schema, read(expected), "{known} and {other}");
        let conflicts: Vec<_> = conflicts.iter().map(|(path, kind)| ((*path).to_owned(), *kind)).collect();
        assert_eq!(found, conflicts, "{known} and {other}");
    }

    fn of(field: &Value) -> Value {
        json!({"type": "object", "properties": {"a": field}})
    }

    fn map(values: &Value) -> Value {
        json!({"type": "object", "additionalProperties": values})
    }

    #[test]
    fn widened_schemas_cover_both() {
        let text = json!({"type": "string"});
        let int = json!({"type": "integer"});
        let either = json!({"x-kubernetes-int-or-string": true});
        let free = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        let is_text: Conflicts = &[("a", Conflict::Text)];
        let cases: Vec<(Value, Value, Value, Conflicts)> = vec![
            (of(&text), of(&text), of(&text), &[]),
            (of(&text), of(&int), of(&either), is_text),
            (of(&int), of(&json!({"type": "number"})), of(&json!({"type": "number"})), &[]),
            (of(&json!({"type": "integer", "format": "int32"})), of(&int), of(&int), &[]),
            (of(&json!({"type": "string", "format": "date-time"})), of(&text), of(&text), is_text),
            (of(&json!({"type": "string", "format": "quantity"})), of(&text), of(&either), is_text),
            (map(&text), map(&int), map(&either), &[("{}", Conflict::Text)]),
            (
                json!({"type": "object", "properties": {"a": text, "b": of(&int)}}),
                json!({"type": "object", "properties": {"b": of(&text), "c": int}}),
                json!({"type": "object", "properties": {"a": text, "b": of(&either), "c": int}}),
                &[("b.a", Conflict::Text)],
            ),
            (
                free,
                of(&text),
                json!({"type": "object", "properties": {"a": text}, "x-kubernetes-preserve-unknown-fields": true}),
                &[],
            ),
        ];
        for (one, other, expected, conflicts) in cases {
            check(&one, &other, &expected, conflicts);
            check(&other, &one, &expected, conflicts);
        }
    }

    /// If the shapes of a field are different, the first one is kept.
    #[test]
    fn the_first_shape_is_kept() {
        let text = json!({"type": "string"});
        let flag = json!({"type": "boolean"});
        let any = json!({});
        let list = |items: &Value| json!({"type": "array", "items": items});
        let objects = list(&of(&text));
        let either = |of: &Value| json!({"either": of});
        let shapes = [text.clone(), flag, list(&text), objects.clone(), map(&text), of(&text)];
        for (i, one) in shapes.iter().enumerate() {
            for (_, other) in shapes.iter().enumerate().filter(|(j, _)| *j != i) {
                check(&of(one), &of(other), &of(&either(one)), &[("a", Conflict::Shape)]);
                // Another version has a field more, and the second shape once more.
                let more = json!({"type": "object", "properties": {"a": other, "b": text}});
                let both = json!({"type": "object", "properties": {"a": either(one), "b": text}});
                check(&of(&either(one)), &more, &both, &[]);
            }
        }
        // Also in lists and maps: there the field is the list, or the map.
        let nested = of(&json!({"type": "array", "items": list(&text)}));
        check(&nested, &of(&objects), &of(&either(&objects)), &[("a", Conflict::Shape)]);
        check(&of(&map(&text)), &of(&map(&of(&text))), &of(&either(&map(&text))), &[("a", Conflict::Shape)]);
        // JSON covers everything, but the fields of objects stay columns.
        check(&of(&any), &of(&text), &of(&any), &[]);
        check(&of(&any), &of(&objects), &of(&either(&objects)), &[("a", Conflict::Shape)]);
        check(&of(&any), &of(&of(&text)), &of(&either(&of(&text))), &[("a", Conflict::Shape)]);
        check(&of(&objects), &of(&any), &of(&either(&objects)), &[("a", Conflict::Shape)]);
        check(&of(&text), &of(&any), &of(&either(&text)), &[("a", Conflict::Shape)]);
    }
}
