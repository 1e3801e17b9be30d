//! Discovery of groups, versions and resources, in the legacy and the aggregated format.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::query::accepted;
use super::review::REVIEWS;
use super::status::{ApiError, ApiResult, json_response};
use crate::cluster::Cluster;
use crate::resource::{Resource, Resources};

/// `/version`
pub(crate) fn version(cluster: &Cluster) -> Value {
    let release = cluster.options.release;
    json!({
        "major": "1", "minor": release.minor(), "gitVersion": release.git_version(),
        "gitCommit": "6b1d8f0a9c2e4d7f5a3b8c1e0d9f7a6b5c4d3e2f", "gitTreeState": "clean",
        "buildDate": "2026-01-14T10:02:11Z", "goVersion": "go1.25.5", "compiler": "gc", "platform": "linux/amd64",
    })
}

/// `/`
pub(crate) fn paths(cluster: &Cluster) -> Value {
    let mut paths = vec!["/api".to_owned(), "/api/v1".to_owned(), "/apis".to_owned()];
    for (group, versions) in all_groups(&cluster.resources()) {
        paths.push(format!("/apis/{group}"));
        paths.extend(versions.iter().map(|version| format!("/apis/{group}/{version}")));
    }
    let others = ["/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"];
    paths.extend(others.map(str::to_owned));
    json!({ "paths": paths })
}

/// `/api`
pub(crate) fn core(cluster: &Cluster, headers: &HeaderMap) -> ApiResult {
    if let Some(version) = aggregated(headers) {
        let core = BTreeMap::from([(String::new(), vec!["v1".to_owned()])]);
        return Ok(aggregate(&cluster.resources(), &core, version));
    }
    Ok(json_response(&json!({
        "kind": "APIVersions", "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}],
    })))
}

/// `/apis`
pub(crate) fn groups(cluster: &Cluster, headers: &HeaderMap) -> ApiResult {
    let resources = cluster.resources();
    let groups = all_groups(&resources);
    if let Some(version) = aggregated(headers) {
        return Ok(aggregate(&resources, &groups, version));
    }
    let groups: Vec<Value> = groups.iter().map(|(group, versions)| api_group(group, versions)).collect();
    Ok(json_response(&json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})))
}

/// `/apis/apps`
pub(crate) fn group(cluster: &Cluster, group: &str) -> ApiResult {
    let groups = all_groups(&cluster.resources());
    let versions = groups.get(group).ok_or_else(ApiError::no_such_path)?;
    let mut group = api_group(group, versions);
    group["kind"] = json!("APIGroup");
    group["apiVersion"] = json!("v1");
    Ok(json_response(&group))
}

/// `/api/v1` and `/apis/apps/v1`
pub(crate) fn resources(cluster: &Cluster, group: &str, version: &str) -> ApiResult {
    let resources = cluster.resources();
    let mut listed = Vec::new();
    for resource in resources.of(group, version) {
        let mut item = json!({
            "name": resource.kind.plural, "singularName": resource.singular, "namespaced": resource.kind.namespaced,
            "kind": resource.kind.kind, "verbs": resource.kind.verbs,
        });
        some(&mut item, "shortNames", &resource.short_names);
        some(&mut item, "categories", &resource.categories);
        listed.push(item);
        if resource.status_subresource() {
            listed.push(json!({
                "name": format!("{}/status", resource.kind.plural), "singularName": "", "verbs": STATUS_VERBS,
                "namespaced": resource.kind.namespaced, "kind": resource.kind.kind,
            }));
        }
    }
    listed.extend(reviews(group, version).map(|(kind, plural, namespaced)| {
        json!({
            "name": plural, "singularName": kind.to_lowercase(), "namespaced": namespaced, "kind": kind,
            "verbs": ["create"],
        })
    }));
    if listed.is_empty() {
        return Err(ApiError::no_such_path());
    }
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    Ok(json_response(&json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": listed,
    })))
}

const STATUS_VERBS: [&str; 3] = ["get", "patch", "update"];

fn some(item: &mut Value, key: &str, values: &[String]) {
    if !values.is_empty() {
        item[key] = json!(values);
    }
}

fn reviews(group: &str, version: &str) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
    let of = REVIEWS.iter().filter(move |(of, ..)| *of == group && version == "v1");
    of.map(|(_, kind, plural, namespaced)| (*kind, *plural, *namespaced))
}

fn all_groups(resources: &Resources) -> BTreeMap<String, Vec<String>> {
    let groups = resources.groups().into_iter();
    let mut groups: BTreeMap<String, Vec<String>> =
        groups.map(|(group, versions)| (group.to_owned(), versions.into_iter().map(str::to_owned).collect())).collect();
    for (group, ..) in REVIEWS {
        groups.entry((*group).to_owned()).or_insert_with(|| vec!["v1".to_owned()]);
    }
    groups
}

fn api_group(group: &str, versions: &[String]) -> Value {
    let shown = |version: &String| json!({"groupVersion": format!("{group}/{version}"), "version": version});
    json!({
        "name": group, "versions": versions.iter().map(shown).collect::<Vec<_>>(),
        "preferredVersion": versions.first().map(shown),
    })
}

/// The requested version of aggregated discovery that is supported.
fn aggregated(headers: &HeaderMap) -> Option<&'static str> {
    let accepted = accepted(headers);
    let mut json = accepted.iter().filter(|media| media.is_json());
    let first = json.find_map(|media| {
        if !media.has("as", "APIGroupDiscoveryList") {
            return Some(None).filter(|_| !media.has("g", "apidiscovery.k8s.io"));
        }
        ["v2", "v2beta1"].into_iter().find(|version| media.has("v", version)).map(Some)
    });
    first.flatten()
}

fn aggregate(resources: &Resources, groups: &BTreeMap<String, Vec<String>>, version: &'static str) -> Response {
    let items: Vec<Value> = groups
        .iter()
        .map(|(group, versions)| {
            let versions: Vec<Value> = versions.iter().map(|version| of_version(resources, group, version)).collect();
            let mut metadata = json!({ "creationTimestamp": null });
            if !group.is_empty() {
                metadata["name"] = json!(group);
            }
            json!({ "metadata": metadata, "versions": versions })
        })
        .collect();
    let list = json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": format!("apidiscovery.k8s.io/{version}"), "metadata": {},
        "items": items,
    });
    let content_type = format!("application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList");
    ([(header::CONTENT_TYPE, content_type), (header::VARY, "Accept".to_owned())], list.to_string()).into_response()
}

fn of_version(resources: &Resources, group: &str, version: &str) -> Value {
    let scope = |namespaced| if namespaced { "Namespaced" } else { "Cluster" };
    let shown = |resource: &Resource| {
        let kind = &resource.kind;
        let response = json!({"group": kind.group, "version": kind.version, "kind": kind.kind});
        let mut item = json!({
            "resource": kind.plural, "responseKind": response, "scope": scope(kind.namespaced),
            "singularResource": resource.singular, "verbs": kind.verbs,
        });
        some(&mut item, "shortNames", &resource.short_names);
        some(&mut item, "categories", &resource.categories);
        if resource.status_subresource() {
            item["subresources"] = json!([{"subresource": "status", "responseKind": response, "verbs": STATUS_VERBS}]);
        }
        item
    };
    let mut items: Vec<Value> = resources.of(group, version).map(|resource| shown(resource)).collect();
    items.extend(reviews(group, version).map(|(kind, plural, namespaced)| {
        json!({
            "resource": plural, "responseKind": {"group": group, "version": version, "kind": kind},
            "scope": scope(namespaced), "singularResource": kind.to_lowercase(), "verbs": ["create"],
        })
    }));
    json!({"version": version, "resources": items, "freshness": "Current"})
}
