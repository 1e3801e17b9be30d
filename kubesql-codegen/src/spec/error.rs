//! Errors in API documents.

/// Why a document could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// The text is not JSON.
    #[error("{document}: not JSON: {source}")]
    NotJson {
        /// The document's name.
        document: String,
        /// The error of the JSON parser.
        source: serde_json::Error,
    },
    /// The document is neither Swagger 2.0 nor OpenAPI 3.0.
    #[error("{document}: neither a Swagger 2.0 nor an OpenAPI 3.0 document")]
    NotOpenApi {
        /// The document's name.
        document: String,
    },
    /// A part of the document is malformed.
    #[error("{document}: {at}: {reason}")]
    Malformed {
        /// The document's name.
        document: String,
        /// The definition or path.
        at: String,
        /// What is wrong.
        reason: String,
    },
    /// No document was given, or none has a built-in kind that can be listed.
    #[error("{documents}: no built-in kind that can be listed")]
    NoKinds {
        /// The documents' names.
        documents: String,
    },
    /// The release is specified neither by the documents nor by the caller.
    #[error("{documents}: info.version ({found:?}) does not contain a release; specify it (v1.NN)")]
    NoRelease {
        /// The documents' names.
        documents: String,
        /// The value of `info.version`.
        found: String,
    },
    /// A release does not have the form `v1.NN`.
    #[error("{release:?} is not a release (v1.NN)")]
    NotARelease {
        /// The given release.
        release: String,
    },
    /// The documents of an import have different releases.
    #[error("{document} is of release {found}, not {expected}")]
    OtherRelease {
        /// The document's name.
        document: String,
        /// Its release.
        found: String,
        /// The requested release, or the release of an earlier document.
        expected: String,
    },
    /// A kind can be listed, but no definition has its group, version and kind.
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
    /// A kind can be listed, but several definitions have its group, version and kind.
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
    /// A reference to a definition that does not exist.
    #[error("{document}: {at} refers to {target}, which is not defined")]
    MissingTarget {
        /// The document's name.
        document: String,
        /// The definition and field that refers.
        at: String,
        /// The definition that is missing.
        target: String,
    },
    /// A schema has an unsupported form.
    #[error("{document}: {at}: {what} is not supported")]
    Unsupported {
        /// The document's name.
        document: String,
        /// The definition and field.
        at: String,
        /// The unsupported form.
        what: String,
    },
    /// Two documents of an import differ.
    #[error("{at} differs between {first} and {second}")]
    Conflict {
        /// The definition or path.
        at: String,
        /// The first document.
        first: String,
        /// The other document.
        second: String,
    },
}
