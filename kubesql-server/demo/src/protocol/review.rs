//! Reviews: authorization questions that are asked by creating an object.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Request;
use super::status::json_response;

/// Resources without stored objects: group, kind, plural, and whether they have namespaces.
pub(crate) const REVIEWS: &[(&str, &str, &str, bool)] = &[
    ("authentication.k8s.io", "SelfSubjectReview", "selfsubjectreviews", false),
    ("authentication.k8s.io", "TokenReview", "tokenreviews", false),
    ("authorization.k8s.io", "LocalSubjectAccessReview", "localsubjectaccessreviews", true),
    ("authorization.k8s.io", "SelfSubjectAccessReview", "selfsubjectaccessreviews", false),
    ("authorization.k8s.io", "SelfSubjectRulesReview", "selfsubjectrulesreviews", false),
    ("authorization.k8s.io", "SubjectAccessReview", "subjectaccessreviews", false),
];

/// Handles a review: anybody with the token may do anything. The answer does not depend on the question, so that
/// Protobuf bodies need not be decoded.
pub(crate) fn review(plural: &str, request: &Request) -> Response {
    let mut review: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    if !review.is_object() {
        let of = REVIEWS.iter().find(|(_, _, reviews, _)| *reviews == plural);
        let (group, kind) = of.map_or(("", ""), |(group, kind, ..)| (*group, *kind));
        review = json!({"kind": kind, "apiVersion": format!("{group}/v1"), "metadata": {}});
    }
    let user = json!({"username": "demo-admin", "groups": ["system:masters", "system:authenticated"]});
    let all = json!(["*"]);
    review["status"] = match plural {
        "selfsubjectreviews" => json!({ "userInfo": user }),
        "tokenreviews" => json!({"authenticated": true, "user": user}),
        "selfsubjectrulesreviews" => json!({
            "incomplete": false, "resourceRules": [{"verbs": all, "apiGroups": all, "resources": all}],
            "nonResourceRules": [{"verbs": all, "nonResourceURLs": all}],
        }),
        _ => json!({"allowed": true, "reason": "the demo cluster has one user, who may do anything"}),
    };
    (StatusCode::CREATED, json_response(&review)).into_response()
}
