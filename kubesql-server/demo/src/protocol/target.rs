//! The object that a request is for, and how clients' objects are stored.

use std::sync::Arc;

use bytes::Bytes;
use jiff::{Timestamp, Unit};
use serde_json::{Value, json};

use super::status::ApiError;
use crate::resource::Resource;
use crate::store::{Owner, Writer};

/// An object, by name.
pub(crate) struct Target {
    pub(crate) resource: Arc<Resource>,
    pub(crate) namespace: Option<String>,
    pub(crate) name: String,
    /// Whether the request is for the status subresource.
    pub(crate) status: bool,
}

impl Target {
    /// The key in the collection.
    pub(crate) fn key(&self) -> String {
        super::key(self.namespace.as_deref(), &self.name)
    }

    pub(crate) fn not_found(&self) -> ApiError {
        ApiError::not_found(&self.resource, &self.name)
    }
}

/// The current time in the format of objects.
pub(crate) fn now() -> String {
    Timestamp::now().round(Unit::Second).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

/// Whether no finalizers are left on a deleted object.
pub(crate) fn no_finalizers(metadata: &Value) -> bool {
    metadata["finalizers"].as_array().is_none_or(Vec::is_empty)
}

/// Stores an object of a client; a dry run only builds it.
pub(crate) fn put(writer: &mut Writer<'_>, target: &Target, mut object: Value, dry_run: bool) -> Bytes {
    if dry_run {
        return Bytes::from(object.to_string());
    }
    writer.put(target.resource.collection, &target.key(), Owner::Client, |revision| {
        object["metadata"]["resourceVersion"] = json!(revision.to_string());
        Bytes::from(object.to_string())
    })
}
