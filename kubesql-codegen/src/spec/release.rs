//! Reads structural documents.

use std::collections::BTreeMap;

use openapiv3::{
    AdditionalProperties, IntegerFormat, ReferenceOr, SchemaKind, StringFormat, Type, VariantOrUnknownOrEmpty,
};
use serde_json::Value;

use super::source::{Document, GROUP_VERSION_KIND, GroupVersionKind, Kinds, schema_name};
use super::structure::{INT_OR_STRING, PRESERVE_UNKNOWN, Reducer, read_kinds, target};
use super::{NAMESPACED, Release, Resource, Schema, SpecError, VERBS, find_release};

impl Release {
    /// Reads a structural document of `schemas/kubernetes/`.
    ///
    /// # Errors
    /// The document is malformed.
    pub fn parse(document: &str) -> Result<Self, SpecError> {
        let Document { version, paths, definitions, .. } = Document::open("structural document", document)?;
        if find_release(&version).as_deref() != Some(version.as_str()) {
            return Err(SpecError::NotARelease { release: version });
        }
        let document = format!("structural document of {version}");

        let mut reducer = Reducer::new(&document);
        let mut schemas = BTreeMap::new();
        let mut kinds: Kinds = BTreeMap::new();
        for (name, definition) in &definitions {
            schemas.insert(name.clone(), convert(reducer.definition(name, definition)?));
            let gvks = definition.get(GROUP_VERSION_KIND).and_then(read_kinds);
            for gvk in gvks.unwrap_or_default() {
                kinds.entry(gvk).or_default().push(name.clone());
            }
        }
        for (target, at) in reducer.references {
            if !schemas.contains_key(&target) {
                return Err(SpecError::MissingTarget { document, at, target });
            }
        }
        let mut resources =
            paths.iter().map(|(path, item)| resource(&document, path, item, &kinds)).collect::<Result<Vec<_>, _>>()?;
        resources.sort();
        Ok(Self { version, resources, schemas })
    }
}

fn resource(document: &str, path: &str, item: &Value, kinds: &Kinds) -> Result<Resource, SpecError> {
    let missing = |key: &str| SpecError::Malformed {
        document: document.to_owned(),
        at: path.to_owned(),
        reason: format!("its {key} is missing or invalid"),
    };
    let gvk =
        item.get(GROUP_VERSION_KIND).and_then(GroupVersionKind::read).ok_or_else(|| missing(GROUP_VERSION_KIND))?;
    let namespaced = item.get(NAMESPACED).and_then(Value::as_bool).ok_or_else(|| missing(NAMESPACED))?;
    let verbs = item
        .get(VERBS)
        .and_then(Value::as_array)
        .and_then(|verbs| verbs.iter().map(|verb| verb.as_str().map(str::to_owned)).collect())
        .ok_or_else(|| missing(VERBS))?;
    let schema = schema_name(kinds, document, path, &gvk)?;
    let plural = path.rsplit('/').next().unwrap_or_default().to_owned();
    let GroupVersionKind { group, version, kind } = gvk;
    Ok(Resource { group, version, kind, plural, namespaced, verbs, schema })
}

/// Converts a reduced schema.
fn convert(schema: ReferenceOr<openapiv3::Schema>) -> Schema {
    let schema = match schema {
        ReferenceOr::Reference { reference } => {
            return Schema::Ref(target(&reference).unwrap_or(&reference).to_owned());
        }
        ReferenceOr::Item(schema) => schema,
    };
    let flagged = |key: &str| schema.schema_data.extensions.get(key) == Some(&Value::Bool(true));
    let (int_or_string, preserve_unknown) = (flagged(INT_OR_STRING), flagged(PRESERVE_UNKNOWN));
    match schema.schema_kind {
        SchemaKind::Type(Type::String(text)) => Schema::String(match text.format {
            VariantOrUnknownOrEmpty::Item(format) => Some(string_format(&format).to_owned()),
            VariantOrUnknownOrEmpty::Unknown(format) => Some(format),
            VariantOrUnknownOrEmpty::Empty => None,
        }),
        SchemaKind::Type(Type::Integer(number)) => Schema::Integer(match number.format {
            VariantOrUnknownOrEmpty::Item(IntegerFormat::Int32) => Some("int32".to_owned()),
            VariantOrUnknownOrEmpty::Item(IntegerFormat::Int64) => Some("int64".to_owned()),
            VariantOrUnknownOrEmpty::Unknown(format) => Some(format),
            VariantOrUnknownOrEmpty::Empty => None,
        }),
        SchemaKind::Type(Type::Number(_)) => Schema::Number,
        SchemaKind::Type(Type::Boolean(_)) => Schema::Boolean,
        SchemaKind::Type(Type::Array(array)) => {
            Schema::Array(Box::new(array.items.map_or(Schema::Any, |items| convert(items.unbox()))))
        }
        SchemaKind::Type(Type::Object(object)) => Schema::Object {
            properties: object.properties.into_iter().map(|(name, schema)| (name, convert(schema.unbox()))).collect(),
            additional: object.additional_properties.and_then(|additional| match additional {
                AdditionalProperties::Any(false) => None,
                AdditionalProperties::Any(true) => Some(Box::new(Schema::Any)),
                AdditionalProperties::Schema(schema) => Some(Box::new(convert(*schema))),
            }),
            preserve_unknown,
        },
        // After the reduction, all other schemas have no type.
        _ if int_or_string => Schema::IntOrString,
        _ if preserve_unknown => Schema::Object { properties: BTreeMap::new(), additional: None, preserve_unknown },
        _ => Schema::Any,
    }
}

fn string_format(format: &StringFormat) -> &'static str {
    match format {
        StringFormat::Date => "date",
        StringFormat::DateTime => "date-time",
        StringFormat::Password => "password",
        StringFormat::Byte => "byte",
        StringFormat::Binary => "binary",
    }
}
