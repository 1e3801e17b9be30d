//! Serialization of stored objects: with kind and version, metadata only, or as table rows.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::convert;
use super::query::Form;
use super::table::Table;
use crate::resource::Resource;

/// Serializes the objects of a resource in one form.
pub(crate) struct Renderer {
    resource: Arc<Resource>,
    form: Form,
    /// `{"kind":"Pod","apiVersion":"v1",`
    head: Vec<u8>,
    table: Option<Table>,
}

const METADATA_HEAD: &[u8] = br#"{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":"#;

impl Renderer {
    /// A renderer for one request; `include_object` is the part of the object in a table row.
    pub(crate) fn new(resource: Arc<Resource>, form: Form, include_object: &str) -> Self {
        let (kind, version) = (&resource.kind.kind, resource.api_version());
        let head = match &resource.custom {
            None => format!(r#"{{"kind":"{kind}","apiVersion":"{version}","#),
            Some(_) => format!(r#"{{"apiVersion":"{version}","kind":"{kind}","#),
        };
        let table = (form == Form::Table).then(|| Table::new(&resource, include_object));
        Self { resource, form, head: head.into_bytes(), table }
    }

    /// The resource.
    pub(crate) fn resource(&self) -> &Arc<Resource> {
        &self.resource
    }

    /// Kind and version of a list.
    pub(crate) fn list_type(&self) -> (String, String) {
        match self.form {
            Form::Object => (self.resource.list_kind.clone(), self.resource.api_version()),
            Form::Table => ("Table".to_owned(), "meta.k8s.io/v1".to_owned()),
            Form::Metadata => ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1".to_owned()),
        }
    }

    /// The name of the list's items, with the JSON before them.
    pub(crate) fn items(&self) -> String {
        match &self.table {
            Some(table) => format!(r#""columnDefinitions":{},"rows""#, table.columns()),
            None => r#""items""#.to_owned(),
        }
    }

    /// Appends an object in a list: items of built-in kinds have no kind and version.
    pub(crate) fn item(&self, object: &[u8], to: &mut Vec<u8>) {
        match (&self.table, self.form) {
            (Some(table), _) => to.extend_from_slice(table.row(&self.parsed(object)).to_string().as_bytes()),
            (None, Form::Object) if self.resource.custom.is_none() => {
                to.extend_from_slice(&convert::to_version(&self.resource, object));
            }
            _ => self.object(object, to),
        }
    }

    /// Appends a single object.
    pub(crate) fn object(&self, object: &[u8], to: &mut Vec<u8>) {
        if let Some(table) = &self.table {
            let (kind, version) = self.list_type();
            let (columns, row) = (table.columns(), table.row(&self.parsed(object)));
            let revision = row.pointer("/object/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default();
            let text = format!(
                r#"{{"kind":"{kind}","apiVersion":"{version}","metadata":{{"resourceVersion":"{revision}"}},"columnDefinitions":{columns},"rows":[{row}]}}"#
            );
            to.extend_from_slice(text.as_bytes());
        } else if self.form == Form::Metadata {
            to.extend_from_slice(METADATA_HEAD);
            to.extend_from_slice(metadata(object).as_bytes());
            to.push(b'}');
        } else {
            let object = convert::to_version(&self.resource, object);
            to.extend_from_slice(&self.head);
            to.extend_from_slice(object.get(1..).unwrap_or_default());
        }
    }

    /// A bookmark of a watch: an object with only a revision.
    pub(crate) fn bookmark(&self, revision: u64, ends_initial_events: bool) -> String {
        let (kind, version) = match self.form {
            Form::Metadata => ("PartialObjectMetadata", Cow::Borrowed("meta.k8s.io/v1")),
            _ => (self.resource.kind.kind.as_str(), Cow::Owned(self.resource.api_version())),
        };
        let annotations =
            if ends_initial_events { r#","annotations":{"k8s.io/initial-events-end":"true"}"# } else { "" };
        format!(
            r#"{{"kind":"{kind}","apiVersion":"{version}","metadata":{{"resourceVersion":"{revision}","creationTimestamp":null{annotations}}}}}"#
        )
    }

    fn parsed(&self, object: &[u8]) -> Value {
        serde_json::from_slice(&convert::to_version(&self.resource, object)).unwrap_or_default()
    }
}

/// The JSON of an object's metadata.
fn metadata(object: &[u8]) -> &str {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(borrow)]
        metadata: &'a RawValue,
    }
    serde_json::from_slice::<Head<'_>>(object).map_or("{}", |head| head.metadata.get())
}
