//! OpenAPI documents, made from the release's structural document and the CRDs.

use axum::http::HeaderMap;

use super::status::{Answer, Refusal};
use crate::demo::cluster::Cluster;

/// `/openapi/v3` and what is below it.
pub(crate) fn v3(_cluster: &Cluster, _path: &[&str]) -> Answer {
    Err(Refusal::no_such_path())
}

/// `/openapi/v2`
pub(crate) fn v2(_cluster: &Cluster, _headers: &HeaderMap) -> Answer {
    Err(Refusal::no_such_path())
}
