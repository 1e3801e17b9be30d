//! Discovers kinds that are not compiled in: from definitions of custom resources, or from the server's OpenAPI document
//! for kinds without a definition and accounts that may not read definitions.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use kubesql_codegen::spec::Crd;

use super::connection::{Connection, Connector, ResourceName};
use super::failure::{Class, Failure};
use super::list::Pages;
use super::request::{Resource, fetch};
use crate::discovery::{Definition, Definitions, KindRegistry};
use crate::ingest::definitions;
use crate::schema::KindDef;
use crate::store::{DiscoveryScope, Missing};

/// The time limit for discovery in a cluster during a statement.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// The age at which the list of a server's resources is fetched again if a table is not among them.
const RESOURCES_MAX_AGE: Duration = Duration::from_secs(2);

/// The number of concurrent requests.
const CONCURRENCY: usize = 8;

/// The API group of definitions.
const EXTENSIONS: &str = "apiextensions.k8s.io";

/// Discovers the kinds of some tables, with a request for each resource that a table may be of.
pub(super) async fn discover_tables(
    connector: &Connector,
    registry: &KindRegistry,
    tables: &[(Option<String>, String)],
) -> Result<(), Failure> {
    let mut connection = connector.get().await?;
    let mut candidates = candidates(&connection, registry, tables);
    if candidates.is_empty() && connection.age() > RESOURCES_MAX_AGE {
        connector.renew(&connection);
        connection = connector.get().await?;
        candidates = self::candidates(&connection, registry, tables);
    }
    let mut requests = Vec::new();
    for resource in &candidates {
        requests.push(fetch_definition(&connection, resource).boxed());
    }
    let found: Vec<_> = futures::stream::iter(requests).buffered(CONCURRENCY).collect().await;
    for (resource, found) in candidates.iter().zip(found) {
        registry.set(&connector.context.name, &resource.definition_name(), found?);
    }
    Ok(())
}

/// The resources that the tables may be of.
fn candidates(
    connection: &Connection,
    registry: &KindRegistry,
    tables: &[(Option<String>, String)],
) -> Vec<ResourceName> {
    let is_candidate = |resource: &&ResourceName| {
        let prefix = format!("{}_", resource.kind.to_lowercase());
        !registry.is_built_in(&resource.group, &resource.plural)
            && tables.iter().any(|(group, table)| {
                group.as_ref().is_none_or(|group| *group == resource.group)
                    && (*table == resource.plural || *table == prefix[..prefix.len() - 1] || table.starts_with(&prefix))
            })
    };
    connection.resource_names.iter().filter(is_candidate).cloned().collect()
}

/// Discovers all kinds of a cluster: from its definitions, page by page, and from OpenAPI documents. `kind` is
/// CustomResourceDefinition.
pub(super) async fn discover_all(
    connector: &Connector,
    kind: &'static KindDef,
    registry: &KindRegistry,
) -> Result<(), Failure> {
    let (connection, served) = connector.served_version(kind).await?;
    let mut found = Definitions::new();
    if let Some(served) = served {
        let mut pages = Pages::new(connection.client.clone(), Resource::new(kind, &served.version, None), false);
        while let Some(page) = pages.next().await? {
            found.extend(page.objects().filter_map(|object| definitions::read(&object, None)));
        }
    }
    add_aggregated(connector, &connection, registry, &mut found).await;
    registry.replace(&connector.context.name, found);
    Ok(())
}

/// Adds the kinds of aggregated API servers, which have no definitions. Returns whether all servers responded.
pub(super) async fn add_aggregated(
    connector: &Connector,
    connection: &Connection,
    registry: &KindRegistry,
    found: &mut Definitions,
) -> bool {
    let aggregated = connection.resource_names.iter().filter(|resource| {
        // A group with definitions is not aggregated.
        let in_group = |name: &String| name.split_once('.').is_some_and(|(_, group)| group == resource.group);
        resource.group.contains('.')
            && !registry.is_compiled(&resource.group, &resource.plural)
            && !connector.is_defined(&resource.definition_name())
            && !found.keys().any(in_group)
    });
    let aggregated: Vec<ResourceName> = aggregated.cloned().collect();
    let mut requests = Vec::new();
    for resource in &aggregated {
        requests.push(fetch_openapi(connection, resource).boxed());
    }
    let results: Vec<_> = futures::stream::iter(requests).buffered(CONCURRENCY).collect().await;
    let all = results.iter().all(Result::is_ok);
    // A resource without a schema has no tables. A statement that names such a table fails with an error.
    found.extend(results.into_iter().flatten().flatten().map(|definition| (definition.crd.name(), definition)));
    all
}

/// Fetches the definition of a resource, or its schema if there is none or the account may not read it.
async fn fetch_definition(connection: &Connection, resource: &ResourceName) -> Result<Option<Definition>, Failure> {
    let path = format!("/apis/{EXTENSIONS}/v1/customresourcedefinitions/{}", resource.definition_name());
    match fetch(&connection.client, &path).await {
        Ok(body) => Ok(definitions::read(&String::from_utf8_lossy(&body), None).map(|(_, definition)| definition)),
        Err(failure) if matches!(failure.class, Class::NotServed | Class::Forbidden) => {
            fetch_openapi(connection, resource).await
        }
        Err(failure) => Err(failure),
    }
}

/// Fetches the schema of a resource from its server's OpenAPI document.
async fn fetch_openapi(connection: &Connection, resource: &ResourceName) -> Result<Option<Definition>, Failure> {
    let path = format!("/openapi/v3/apis/{}/{}", resource.group, resource.version);
    let body = match fetch(&connection.client, &path).await {
        Err(failure) if failure.class == Class::NotServed => return Ok(None),
        other => other?,
    };
    let kind = [resource.group.as_str(), resource.version.as_str(), resource.kind.as_str()];
    let crd = Crd::from_openapi(&path, &String::from_utf8_lossy(&body), kind, (&resource.plural, resource.namespaced));
    let crd = crd.map_err(|error| Failure::new(Class::Unreadable, error.to_string()))?;
    // OpenAPI documents have no version, so that the content is used instead.
    Ok(crd.map(|crd| Definition {
        version: format!("{crd:?}"),
        from_openapi: true,
        inferred: false,
        crd: Arc::new(crd),
    }))
}

/// Describes a cluster whose kinds could not be discovered.
fn undiscovered(connector: &Connector, failure: &Failure) -> Missing {
    Missing {
        cluster: Arc::clone(&connector.context.name),
        kind: String::new(),
        cause: format!("could not discover custom resources: {}", failure.message),
        hint: None,
    }
}

/// The discovery in a cluster.
type Discovery<'a> = BoxFuture<'a, Result<(), Failure>>;

/// Runs discovery in several clusters concurrently, each with a time limit. Returns the clusters where it failed.
pub(super) async fn join_all(clusters: Vec<(Arc<Connector>, Discovery<'_>)>) -> Vec<Missing> {
    let mut running = Vec::new();
    for (connector, discovery) in clusters {
        running.push(async move {
            let timed_out = |_| Failure::new(Class::Unreachable, format!("no response within {} s", TIMEOUT.as_secs()));
            let result = tokio::time::timeout(TIMEOUT, discovery).await.map_err(timed_out).flatten();
            result.err().map(|failure| undiscovered(&connector, &failure))
        });
    }
    futures::future::join_all(running).await.into_iter().flatten().collect()
}

/// Discovers the kinds in `scope`. `kind` is CustomResourceDefinition, if it is compiled in.
pub(super) async fn discover(
    connector: &Connector,
    kind: Option<&'static KindDef>,
    registry: &KindRegistry,
    scope: &DiscoveryScope,
) -> Result<(), Failure> {
    match (scope, kind) {
        (DiscoveryScope::Tables(tables), _) => discover_tables(connector, registry, tables).await,
        (DiscoveryScope::All, Some(kind)) => discover_all(connector, kind, registry).await,
        (DiscoveryScope::All, None) => Ok(()),
    }
}
