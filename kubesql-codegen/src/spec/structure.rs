//! A schema reduced to its structure, the same for both document formats.
//!
//! Prose, defaults, validation and `required` go; what is one thing and written in two ways
//! (`allOf` around one reference, int-or-string, quantities) gets one form.

use openapiv3::{
    AdditionalProperties, AnySchema, ArrayType, BooleanType, IntegerType, NumberType, ObjectType, ReferenceOr, Schema,
    SchemaData, SchemaKind, StringType, Type, VariantOrUnknownOrEmpty,
};
use serde_json::{Value, json};

use super::SpecError;
use super::source::{GROUP_VERSION_KIND, GroupVersionKind};

/// The mark of a value that is a whole number or text.
pub(super) const INT_OR_STRING: &str = "x-kubernetes-int-or-string";
/// The mark of an object that keeps fields beyond the declared ones.
pub(super) const PRESERVE_UNKNOWN: &str = "x-kubernetes-preserve-unknown-fields";
/// Marks that are kept where they are true.
const FLAGS: [&str; 2] = ["x-kubernetes-embedded-resource", PRESERVE_UNKNOWN];
/// Extensions that are kept as they are.
const KEPT: [&str; 3] = ["x-kubernetes-list-map-keys", "x-kubernetes-list-type", "x-kubernetes-patch-merge-key"];
/// Where references point to in the structural document.
const TARGET: &str = "#/components/schemas/";

/// How deep a definition may be nested, in levels of JSON; Kubernetes' own need five, since what is
/// deeper has a name. Where a schema deep inside is wrong, `openapiv3` takes twice the time with
/// each level: 20 ms at ten, 2 s at sixteen.
const DEEPEST: usize = 10;

/// Whether a value is nested deeper than any schema of Kubernetes is.
fn too_deep(value: &Value) -> bool {
    fn within(value: &Value, levels: usize) -> bool {
        let mut inner: Box<dyn Iterator<Item = &Value>> = match value {
            Value::Object(map) => Box::new(map.values()),
            Value::Array(list) => Box::new(list.iter()),
            _ => return true,
        };
        levels > 0 && inner.all(|value| within(value, levels - 1))
    }
    !within(value, DEEPEST)
}

/// The name of the definition that a reference points to.
pub(super) fn target(reference: &str) -> Option<&str> {
    reference.strip_prefix(TARGET).or_else(|| reference.strip_prefix("#/definitions/"))
}

/// Reduces the schemas of one document, and collects the names they refer to.
pub(super) struct Reducer<'a> {
    /// The document's name, for errors.
    document: &'a str,
    /// The definition at hand and the fields down to here, for errors.
    at: Vec<String>,
    /// Every definition referred to, with the place that refers to it.
    pub(super) references: Vec<(String, String)>,
}

impl<'a> Reducer<'a> {
    pub(super) fn new(document: &'a str) -> Self {
        Self { document, at: Vec::new(), references: Vec::new() }
    }

    /// Reduces one definition.
    pub(super) fn definition(&mut self, name: &str, definition: &Value) -> Result<ReferenceOr<Schema>, SpecError> {
        let malformed =
            |reason: String| SpecError::Malformed { document: self.document.to_owned(), at: name.to_owned(), reason };
        if too_deep(definition) {
            return Err(malformed("nested too deep".to_owned()));
        }
        let schema = serde_json::from_value(definition.clone()).map_err(|error| malformed(error.to_string()))?;
        self.within(name, |this| this.schema(&schema))
    }

    fn within<T>(&mut self, step: &str, inner: impl FnOnce(&mut Self) -> Result<T, SpecError>) -> Result<T, SpecError> {
        self.at.push(step.to_owned());
        let result = inner(self);
        self.at.pop();
        result
    }

    fn unsupported(&self, what: impl Into<String>) -> SpecError {
        SpecError::Unsupported { document: self.document.to_owned(), at: self.at.join("."), what: what.into() }
    }

    fn schema(&mut self, schema: &ReferenceOr<Schema>) -> Result<ReferenceOr<Schema>, SpecError> {
        let schema = match schema {
            ReferenceOr::Reference { reference } => {
                let name = target(reference).ok_or_else(|| self.unsupported(format!("the reference {reference}")))?;
                self.references.push((name.to_owned(), self.at.join(".")));
                return Ok(ReferenceOr::Reference { reference: format!("{TARGET}{name}") });
            }
            ReferenceOr::Item(schema) => schema,
        };
        let flagged = |key: &str| schema.schema_data.extensions.get(key) == Some(&Value::Bool(true));
        if flagged(INT_OR_STRING) {
            return Ok(int_or_string());
        }
        let kind = match &schema.schema_kind {
            SchemaKind::Type(kind) => match self.typed(kind)? {
                Some(kind) => SchemaKind::Type(kind),
                None => return Ok(int_or_string()),
            },
            SchemaKind::AllOf { all_of } => match all_of.as_slice() {
                [one] => return self.schema(one),
                _ => return Err(self.unsupported("an allOf of several schemas")),
            },
            SchemaKind::OneOf { one_of: choice } | SchemaKind::AnyOf { any_of: choice } => {
                return self.choice(choice);
            }
            SchemaKind::Not { .. } => return Err(self.unsupported("a negated schema")),
            SchemaKind::Any(any) => match self.untyped(any)? {
                Ok(kind) => kind,
                Err(whole) => return Ok(whole),
            },
        };
        Ok(ReferenceOr::Item(Schema { schema_data: self.extensions(&schema.schema_data)?, schema_kind: kind }))
    }

    fn boxed(&mut self, schema: &ReferenceOr<Box<Schema>>) -> Result<ReferenceOr<Box<Schema>>, SpecError> {
        Ok(match self.schema(&schema.clone().unbox())? {
            ReferenceOr::Reference { reference } => ReferenceOr::Reference { reference },
            ReferenceOr::Item(schema) => ReferenceOr::Item(Box::new(schema)),
        })
    }

    /// A schema with a type; `None` where it is int-or-string in disguise.
    fn typed(&mut self, kind: &Type) -> Result<Option<Type>, SpecError> {
        Ok(Some(match kind {
            Type::String(text) => {
                if matches!(&text.format, VariantOrUnknownOrEmpty::Unknown(format) if format == "int-or-string") {
                    return Ok(None);
                }
                Type::String(StringType { format: text.format.clone(), ..StringType::default() })
            }
            Type::Number(number) => Type::Number(NumberType { format: number.format.clone(), ..NumberType::default() }),
            Type::Integer(number) => {
                Type::Integer(IntegerType { format: number.format.clone(), ..IntegerType::default() })
            }
            Type::Boolean(_) => Type::Boolean(BooleanType::default()),
            Type::Object(object) => Type::Object(ObjectType {
                properties: self.properties(&object.properties)?,
                additional_properties: self.additional(object.additional_properties.as_ref())?,
                ..ObjectType::default()
            }),
            Type::Array(array) => Type::Array(self.array(array.items.as_ref())?),
        }))
    }

    fn properties<'p, M>(&mut self, properties: &'p M) -> Result<M, SpecError>
    where
        &'p M: IntoIterator<Item = (&'p String, &'p ReferenceOr<Box<Schema>>)>,
        M: FromIterator<(String, ReferenceOr<Box<Schema>>)>,
    {
        let mut sorted: Vec<_> = properties.into_iter().collect();
        sorted.sort_by_key(|(name, _)| *name);
        sorted
            .into_iter()
            .map(|(name, schema)| Ok((name.clone(), self.within(name, |this| this.boxed(schema))?)))
            .collect()
    }

    fn additional(
        &mut self,
        additional: Option<&AdditionalProperties>,
    ) -> Result<Option<AdditionalProperties>, SpecError> {
        Ok(match additional {
            // Says nothing that a table could use.
            None | Some(AdditionalProperties::Any(false)) => None,
            Some(AdditionalProperties::Any(true)) => Some(AdditionalProperties::Any(true)),
            Some(AdditionalProperties::Schema(schema)) => {
                let schema = self.within("{}", |this| this.schema(schema))?;
                Some(AdditionalProperties::Schema(Box::new(schema)))
            }
        })
    }

    /// A choice between scalars; any other is not understood.
    fn choice(&self, choice: &[ReferenceOr<Schema>]) -> Result<ReferenceOr<Schema>, SpecError> {
        let mut types: Vec<&str> = choice.iter().map(scalar).collect();
        types.sort_unstable();
        match types.as_slice() {
            ["integer", "string"] => Ok(int_or_string()),
            // A quantity: numbers are accepted, but a server always writes text.
            ["number", "string"] => Ok(ReferenceOr::Item(Schema {
                schema_data: SchemaData::default(),
                schema_kind: SchemaKind::Type(Type::String(StringType::default())),
            })),
            _ => Err(self.unsupported(format!("a choice of {}", types.join(", ")))),
        }
    }

    /// A schema that `openapiv3` could not give a type; `Err` holds one that replaces it whole.
    fn untyped(&mut self, any: &AnySchema) -> Result<Result<SchemaKind, ReferenceOr<Schema>>, SpecError> {
        if any.format.as_deref() == Some("int-or-string") {
            return Ok(Err(int_or_string()));
        }
        if !any.all_of.is_empty() || any.not.is_some() {
            return Err(self.unsupported("a composed schema"));
        }
        match (any.one_of.as_slice(), any.any_of.as_slice()) {
            ([], []) => {}
            (choice, []) | ([], choice) => return Ok(Err(self.choice(choice)?)),
            _ => return Err(self.unsupported("oneOf beside anyOf")),
        }
        let kind = match any.typ.as_deref() {
            None if any.properties.is_empty() && any.additional_properties.is_none() && any.items.is_none() => {
                return Ok(Ok(SchemaKind::Any(AnySchema::default())));
            }
            None if any.items.is_some() => return Err(self.unsupported("items without a type")),
            // Some types have fields, but no `type`.
            None | Some("object") => Type::Object(ObjectType {
                properties: self.properties(&any.properties)?,
                additional_properties: self.additional(any.additional_properties.as_ref())?,
                ..ObjectType::default()
            }),
            // What has a type is here for its validation, which `openapiv3` finds out of place.
            Some("array") => Type::Array(self.array(any.items.as_ref())?),
            Some("string") => Type::String(StringType { format: any.format.clone().into(), ..StringType::default() }),
            Some("integer") => {
                Type::Integer(IntegerType { format: any.format.clone().into(), ..IntegerType::default() })
            }
            Some("number") => Type::Number(NumberType { format: any.format.clone().into(), ..NumberType::default() }),
            Some("boolean") => Type::Boolean(BooleanType::default()),
            Some(other) => return Err(self.unsupported(format!("the type {other}"))),
        };
        Ok(Ok(SchemaKind::Type(kind)))
    }

    fn array(&mut self, items: Option<&ReferenceOr<Box<Schema>>>) -> Result<ArrayType, SpecError> {
        let items = items.map(|items| self.within("[]", |this| this.boxed(items))).transpose()?;
        Ok(ArrayType { items, min_items: None, max_items: None, unique_items: false })
    }

    /// The extensions that are kept, in a fixed order.
    fn extensions(&self, data: &SchemaData) -> Result<SchemaData, SpecError> {
        let mut kept = SchemaData::default();
        for key in FLAGS {
            if data.extensions.get(key) == Some(&Value::Bool(true)) {
                kept.extensions.insert(key.to_owned(), Value::Bool(true));
            }
        }
        if let Some(kinds) = data.extensions.get(GROUP_VERSION_KIND) {
            let kinds = kinds_of(kinds).ok_or_else(|| self.unsupported(format!("its {GROUP_VERSION_KIND}")))?;
            let kinds = kinds.iter().map(group_version_kind).collect();
            kept.extensions.insert(GROUP_VERSION_KIND.to_owned(), kinds);
        }
        for key in KEPT {
            if let Some(value) = data.extensions.get(key) {
                kept.extensions.insert(key.to_owned(), value.clone());
            }
        }
        kept.extensions.sort_keys();
        Ok(kept)
    }
}

/// The kinds that a definition says it is, sorted.
pub(super) fn kinds_of(value: &Value) -> Option<Vec<GroupVersionKind>> {
    let mut kinds = value.as_array()?.iter().map(GroupVersionKind::read).collect::<Option<Vec<_>>>()?;
    kinds.sort();
    Some(kinds)
}

/// As the extension writes it.
pub(super) fn group_version_kind(gvk: &GroupVersionKind) -> Value {
    json!({"group": gvk.group, "kind": gvk.kind, "version": gvk.version})
}

fn scalar(schema: &ReferenceOr<Schema>) -> &'static str {
    match schema {
        ReferenceOr::Reference { .. } => "a reference",
        ReferenceOr::Item(schema) => match &schema.schema_kind {
            SchemaKind::Type(Type::String(_)) => "string",
            SchemaKind::Type(Type::Number(_)) => "number",
            SchemaKind::Type(Type::Integer(_)) => "integer",
            SchemaKind::Type(Type::Boolean(_)) => "boolean",
            SchemaKind::Type(Type::Object(_)) => "an object",
            SchemaKind::Type(Type::Array(_)) => "an array",
            _ => "another schema",
        },
    }
}

fn int_or_string() -> ReferenceOr<Schema> {
    let mut schema_data = SchemaData::default();
    schema_data.extensions.insert(INT_OR_STRING.to_owned(), Value::Bool(true));
    ReferenceOr::Item(Schema { schema_data, schema_kind: SchemaKind::Any(AnySchema::default()) })
}
