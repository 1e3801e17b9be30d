//! Reduces schemas to their structure, in the same form for both document formats.
//!
//! Descriptions, defaults, validation and `required` are removed. Equivalent forms (`allOf` with a single reference,
//! int-or-string, quantities) are unified.

use openapiv3::{
    AdditionalProperties, AnySchema, ArrayType, BooleanType, IntegerType, NumberType, ObjectType, ReferenceOr, Schema,
    SchemaData, SchemaKind, StringType, Type, VariantOrUnknownOrEmpty,
};
use serde_json::{Value, json};

use super::SpecError;
use super::source::{GROUP_VERSION_KIND, GroupVersionKind};

/// The extension of a value that is an integer or text.
pub(super) const INT_OR_STRING: &str = "x-kubernetes-int-or-string";
/// The extension of an object that keeps undeclared fields.
pub(super) const PRESERVE_UNKNOWN: &str = "x-kubernetes-preserve-unknown-fields";
/// Extensions that are kept if they are true.
const FLAGS: [&str; 2] = ["x-kubernetes-embedded-resource", PRESERVE_UNKNOWN];
/// Extensions that are kept.
const KEPT: [&str; 3] = ["x-kubernetes-list-map-keys", "x-kubernetes-list-type", "x-kubernetes-patch-merge-key"];
/// The prefix of references in the structural document.
const TARGET: &str = "#/components/schemas/";

/// The maximal nesting of a definition, in levels of JSON. Built-in definitions have up to five levels, since they use
/// references. The time of `openapiv3` doubles with each level around an invalid schema: 20 ms for 10 levels, 2 s for 16.
const MAX_DEPTH: usize = 10;

/// Whether a value exceeds [`MAX_DEPTH`].
fn too_deep(value: &Value) -> bool {
    fn within(value: &Value, levels: usize) -> bool {
        let mut inner: Box<dyn Iterator<Item = &Value>> = match value {
            Value::Object(map) => Box::new(map.values()),
            Value::Array(list) => Box::new(list.iter()),
            _ => return true,
        };
        levels > 0 && inner.all(|value| within(value, levels - 1))
    }
    !within(value, MAX_DEPTH)
}

/// The name of the definition in a reference.
pub(super) fn target(reference: &str) -> Option<&str> {
    reference.strip_prefix(TARGET).or_else(|| reference.strip_prefix("#/definitions/"))
}

/// Reduces the schemas of a document, and collects their references.
pub(super) struct Reducer<'a> {
    /// The document's name, for errors.
    document: &'a str,
    /// The path from the definition to the current field, for errors.
    at: Vec<String>,
    /// The referenced definitions, with the path that refers to each.
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
            return Err(malformed("nested too deeply".to_owned()));
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
                _ => return Err(self.unsupported("allOf with several schemas")),
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

    /// Reduces a schema with a type; `None` if it is int-or-string.
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
            // This does not affect tables.
            None | Some(AdditionalProperties::Any(false)) => None,
            Some(AdditionalProperties::Any(true)) => Some(AdditionalProperties::Any(true)),
            Some(AdditionalProperties::Schema(schema)) => {
                let schema = self.within("{}", |this| this.schema(schema))?;
                Some(AdditionalProperties::Schema(Box::new(schema)))
            }
        })
    }

    /// Reduces a choice between scalars. Other choices are not supported.
    fn choice(&self, choice: &[ReferenceOr<Schema>]) -> Result<ReferenceOr<Schema>, SpecError> {
        let mut types: Vec<&str> = choice.iter().map(scalar).collect();
        types.sort_unstable();
        match types.as_slice() {
            ["integer", "string"] => Ok(int_or_string()),
            // A quantity: servers accept numbers, but always return text.
            ["number", "string"] => Ok(ReferenceOr::Item(Schema {
                schema_data: SchemaData::default(),
                schema_kind: SchemaKind::Type(Type::String(StringType::default())),
            })),
            _ => Err(self.unsupported(format!("a choice of {}", types.join(", ")))),
        }
    }

    /// Reduces a schema for which `openapiv3` found no type. `Err` has a schema that replaces it.
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
            _ => return Err(self.unsupported("oneOf together with anyOf")),
        }
        let kind = match any.typ.as_deref() {
            None if any.properties.is_empty() && any.additional_properties.is_none() && any.items.is_none() => {
                return Ok(Ok(SchemaKind::Any(AnySchema::default())));
            }
            None if any.items.is_some() => return Err(self.unsupported("items without a type")),
            // Some definitions have fields but no `type`.
            None | Some("object") => Type::Object(ObjectType {
                properties: self.properties(&any.properties)?,
                additional_properties: self.additional(any.additional_properties.as_ref())?,
                ..ObjectType::default()
            }),
            // The following have a type, but with validation that `openapiv3` does not expect there.
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

    /// The kept extensions, sorted.
    fn extensions(&self, data: &SchemaData) -> Result<SchemaData, SpecError> {
        let mut kept = SchemaData::default();
        for key in FLAGS {
            if data.extensions.get(key) == Some(&Value::Bool(true)) {
                kept.extensions.insert(key.to_owned(), Value::Bool(true));
            }
        }
        if let Some(kinds) = data.extensions.get(GROUP_VERSION_KIND) {
            let kinds = read_kinds(kinds).ok_or_else(|| self.unsupported(format!("its {GROUP_VERSION_KIND}")))?;
            let kinds = kinds.iter().map(write_gvk).collect();
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

/// The kinds in a definition's extension, sorted.
pub(super) fn read_kinds(value: &Value) -> Option<Vec<GroupVersionKind>> {
    let mut kinds = value.as_array()?.iter().map(GroupVersionKind::read).collect::<Option<Vec<_>>>()?;
    kinds.sort();
    Some(kinds)
}

/// Writes a kind in the form of the extension.
pub(super) fn write_gvk(gvk: &GroupVersionKind) -> Value {
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
