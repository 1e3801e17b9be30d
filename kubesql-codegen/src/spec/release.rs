//! Reading a structural document into the plain types.

use std::collections::BTreeMap;

use openapiv3::{
    AdditionalProperties, IntegerFormat, OpenAPI, PathItem, ReferenceOr, SchemaKind, StringFormat, Type,
    VariantOrUnknownOrEmpty,
};
use serde_json::Value;

use super::source::{GROUP_VERSION_KIND, GroupVersionKind};
use super::structure::{INT_OR_STRING, PRESERVE_UNKNOWN, Reducer, kinds_of, target};
use super::{NAMESPACED, Release, Resource, Schema, SpecError, VERBS};

impl Release {
    /// Reads a structural document, as `schemas/kubernetes/` holds them.
    ///
    /// # Errors
    /// [`SpecError`] names the definition or path that is wrong.
    pub fn parse(document: &str) -> Result<Self, SpecError> {
        let name = "structural document";
        let not_json = |source| SpecError::NotJson { document: name.to_owned(), source };
        let root: Value = serde_json::from_str(document).map_err(not_json)?;
        if !root.get("openapi").and_then(Value::as_str).is_some_and(|v| v.starts_with("3.0")) {
            return Err(SpecError::NotOpenApi { document: name.to_owned() });
        }
        let api: OpenAPI = serde_json::from_value(root).map_err(|error| SpecError::Malformed {
            document: name.to_owned(),
            at: "the whole".to_owned(),
            reason: error.to_string(),
        })?;
        let name = format!("structural document of {}", api.info.version);
        let components = api.components.unwrap_or_default();

        let mut reducer = Reducer::new(&name);
        let mut schemas = BTreeMap::new();
        let mut kinds = BTreeMap::new();
        for (definition, schema) in &components.schemas {
            let reduced = reducer.definition(definition, schema)?;
            if let ReferenceOr::Item(item) = &reduced {
                let gvks = item.schema_data.extensions.get(GROUP_VERSION_KIND).and_then(kinds_of);
                for gvk in gvks.unwrap_or_default() {
                    kinds.insert(gvk, definition.clone());
                }
            }
            schemas.insert(definition.clone(), plain(reduced));
        }
        for (target, at) in reducer.references {
            if !schemas.contains_key(&target) {
                return Err(SpecError::MissingTarget { document: name, at, target });
            }
        }
        let mut resources = Vec::new();
        for (path, item) in api.paths.iter() {
            let malformed = |reason: &str| SpecError::Malformed {
                document: name.clone(),
                at: path.clone(),
                reason: reason.to_owned(),
            };
            let item = item.as_item().ok_or_else(|| malformed("a reference"))?;
            let resource = resource(path, item, &kinds).map_err(|missing| match missing {
                Missing::Extension(key) => malformed(&format!("its {key} is missing or wrong")),
                Missing::Schema(gvk) => SpecError::NoSchema {
                    document: name.clone(),
                    path: path.clone(),
                    kind: gvk.kind.clone(),
                    group_version: gvk.group_version(),
                },
            })?;
            resources.push(resource);
        }
        resources.sort();
        Ok(Self { version: api.info.version, resources, schemas })
    }
}

enum Missing {
    Extension(&'static str),
    Schema(GroupVersionKind),
}

fn resource(path: &str, item: &PathItem, kinds: &BTreeMap<GroupVersionKind, String>) -> Result<Resource, Missing> {
    let extension = |key| item.extensions.get(key).ok_or(Missing::Extension(key));
    let gvk = GroupVersionKind::read(extension(GROUP_VERSION_KIND)?).ok_or(Missing::Extension(GROUP_VERSION_KIND))?;
    let namespaced = extension(NAMESPACED)?.as_bool().ok_or(Missing::Extension(NAMESPACED))?;
    let verbs = extension(VERBS)?
        .as_array()
        .and_then(|verbs| verbs.iter().map(|verb| verb.as_str().map(str::to_owned)).collect())
        .ok_or(Missing::Extension(VERBS))?;
    let Some(schema) = kinds.get(&gvk).cloned() else {
        return Err(Missing::Schema(gvk));
    };
    let plural = path.rsplit('/').next().unwrap_or_default().to_owned();
    let GroupVersionKind { group, version, kind } = gvk;
    Ok(Resource { group, version, kind, plural, namespaced, verbs, schema })
}

/// A reduced schema as a plain one.
fn plain(schema: ReferenceOr<openapiv3::Schema>) -> Schema {
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
            Schema::Array(Box::new(array.items.map_or(Schema::Any, |items| plain(items.unbox()))))
        }
        SchemaKind::Type(Type::Object(object)) => Schema::Object {
            properties: object.properties.into_iter().map(|(name, schema)| (name, plain(schema.unbox()))).collect(),
            additional: object.additional_properties.and_then(|additional| match additional {
                AdditionalProperties::Any(false) => None,
                AdditionalProperties::Any(true) => Some(Box::new(Schema::Any)),
                AdditionalProperties::Schema(schema) => Some(Box::new(plain(*schema))),
            }),
            preserve_unknown,
        },
        // What is left after the reduction has no type at all.
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
