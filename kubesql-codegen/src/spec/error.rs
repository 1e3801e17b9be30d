//! What can be wrong with a document, each error naming the place.

/// Why a document could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// The text is not JSON.
    #[error("{document}: not JSON: {source}")]
    NotJson {
        /// The document's name.
        document: String,
        /// What the JSON parser says.
        source: serde_json::Error,
    },
    /// JSON, but neither Swagger 2.0 nor OpenAPI 3.0.
    #[error("{document}: neither a Swagger 2.0 nor an OpenAPI 3.0 document")]
    NotOpenApi {
        /// The document's name.
        document: String,
    },
    /// A part of the document is not what OpenAPI says it should be.
    #[error("{document}: {at}: {reason}")]
    Malformed {
        /// The document's name.
        document: String,
        /// The definition or path.
        at: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No document was given, or none of them holds a built-in kind that can be listed.
    #[error("{documents}: no built-in kind that can be listed")]
    NoKinds {
        /// The documents' names.
        documents: String,
    },
    /// The documents do not say which release they are, and the caller did not either.
    #[error("{documents}: the release is not told by info.version ({found:?}); name it (v1.NN)")]
    NoRelease {
        /// The documents' names.
        documents: String,
        /// What `info.version` holds.
        found: String,
    },
    /// A release is not written `v1.NN`.
    #[error("{release:?} is not a release (v1.NN)")]
    NotARelease {
        /// What was given.
        release: String,
    },
    /// Two releases for one import.
    #[error("{document} is of release {found}, not {expected}")]
    OtherRelease {
        /// The document's name.
        document: String,
        /// Its release.
        found: String,
        /// The release that was asked for, or that an earlier document has.
        expected: String,
    },
    /// A kind can be listed, but no definition carries its group, version and kind.
    #[error("{document}: {path} lists {kind} of {group_version}, but no definition has that kind")]
    NoSchema {
        /// The document's name.
        document: String,
        /// The path that lists it.
        path: String,
        /// The kind.
        kind: String,
        /// Its `group/version`.
        group_version: String,
    },
    /// A kind can be listed, and several definitions carry its group, version and kind.
    #[error("{document}: {path} lists {kind}, which both {first} and {second} define")]
    TwoSchemas {
        /// The document's name.
        document: String,
        /// The path that lists it.
        path: String,
        /// The kind.
        kind: String,
        /// One definition.
        first: String,
        /// The other.
        second: String,
    },
    /// A reference leads nowhere.
    #[error("{document}: {at} refers to {target}, which is not there")]
    MissingTarget {
        /// The document's name.
        document: String,
        /// The definition and field that refers.
        at: String,
        /// The definition that is missing.
        target: String,
    },
    /// A schema is composed in a way that no rule covers.
    #[error("{document}: {at}: {what} is not understood")]
    Unsupported {
        /// The document's name.
        document: String,
        /// The definition and field.
        at: String,
        /// What is there.
        what: String,
    },
    /// Two documents of one import say different things.
    #[error("{at} differs between {first} and {second}")]
    Conflict {
        /// The definition or path.
        at: String,
        /// The document that was read first.
        first: String,
        /// The document that contradicts it.
        second: String,
    },
}
