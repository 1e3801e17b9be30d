//! What a cluster says of kinds that are not compiled in: definitions of custom resources, and where there is none, or
//! the account may not read it, the server's own description.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use kubesql_codegen::spec::Crd;

use super::connection::{Connection, Connector, Named};
use super::failure::{Class, Failure};
use super::list::Pages;
use super::request::{Resource, fetch};
use crate::ingest::definitions;
use crate::learn::{Definition, Definitions, Learning};
use crate::schema::KindDef;
use crate::store::{Missing, Wanted};

/// The longest that a cluster is waited for where a statement needs to know its kinds.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// How old what is known of a server's resources may be where something is not among them.
const KNOWN_FOR: Duration = Duration::from_secs(2);

/// Requests at a time.
const AT_ONCE: usize = 8;

/// The group that definitions are of.
const EXTENSIONS: &str = "apiextensions.k8s.io";

/// Learns what a cluster has of some tables: one request for each that may be meant.
pub(super) async fn tables(
    connector: &Connector,
    learning: &Learning,
    wanted: &[(Option<String>, String)],
) -> Result<(), Failure> {
    let mut connection = connector.get().await?;
    let mut meant = meant(&connection, learning, wanted);
    if meant.is_empty() && connection.age() > KNOWN_FOR {
        connector.renew(&connection);
        connection = connector.get().await?;
        meant = self::meant(&connection, learning, wanted);
    }
    let mut asked = Vec::new();
    for named in &meant {
        asked.push(one(&connection, named).boxed());
    }
    let found: Vec<_> = futures::stream::iter(asked).buffered(AT_ONCE).collect().await;
    for (named, found) in meant.iter().zip(found) {
        learning.put(&connector.context.name, &named.full(), found?);
    }
    Ok(())
}

/// The resources that these tables may be of.
fn meant(connection: &Connection, learning: &Learning, wanted: &[(Option<String>, String)]) -> Vec<Named> {
    let is_meant = |named: &&Named| {
        let front = format!("{}_", named.kind.to_lowercase());
        !learning.is_fixed(&named.group, &named.plural)
            && wanted.iter().any(|(group, table)| {
                group.as_ref().is_none_or(|group| *group == named.group)
                    && (*table == named.plural || table.starts_with(&front))
            })
    };
    connection.named.iter().filter(is_meant).cloned().collect()
}

/// Learns all that a cluster has: its definitions, page by page, and what else its servers describe.
pub(super) async fn all(connector: &Connector, kind: &'static KindDef, learning: &Learning) -> Result<(), Failure> {
    let (connection, served) = connector.served(kind).await?;
    let mut found = Definitions::new();
    if let Some(served) = served {
        let mut pages = Pages::new(connection.client.clone(), Resource::new(kind, &served.version, None), false);
        while let Some(page) = pages.next().await? {
            found.extend(page.objects().filter_map(|object| definitions::read(&object, None)));
        }
    }
    described(connector, &connection, learning, &mut found).await;
    learning.replace(&connector.context.name, found);
    Ok(())
}

/// Adds the kinds of servers that stand beside the cluster's own, which nobody defines; whether all have told theirs.
pub(super) async fn described(
    connector: &Connector,
    connection: &Connection,
    learning: &Learning,
    found: &mut Definitions,
) -> bool {
    let others = connection.named.iter().filter(|named| {
        // What a group of definitions has is defined there, or about to be.
        let of_group = |name: &String| name.split_once('.').is_some_and(|(_, group)| group == named.group);
        named.group.contains('.')
            && !learning.is_known(&named.group, &named.plural)
            && !connector.is_defined(&named.full())
            && !found.keys().any(of_group)
    });
    let others: Vec<Named> = others.cloned().collect();
    let mut asked = Vec::new();
    for named in &others {
        asked.push(description(connection, named).boxed());
    }
    let answers: Vec<_> = futures::stream::iter(asked).buffered(AT_ONCE).collect().await;
    let all = answers.iter().all(Result::is_ok);
    // One that does not describe itself has no tables; a statement that asks for one is told.
    found.extend(answers.into_iter().flatten().flatten().map(|definition| (definition.crd.name(), definition)));
    all
}

/// What there is of a resource.
async fn one(connection: &Connection, named: &Named) -> Result<Option<Definition>, Failure> {
    let path = format!("/apis/{EXTENSIONS}/v1/customresourcedefinitions/{}", named.full());
    match fetch(&connection.client, &path).await {
        Ok(body) => Ok(definitions::read(&String::from_utf8_lossy(&body), None).map(|(_, definition)| definition)),
        Err(failure) if matches!(failure.class, Class::NotServed | Class::Forbidden) => {
            description(connection, named).await
        }
        Err(failure) => Err(failure),
    }
}

/// A resource as its server describes it.
async fn description(connection: &Connection, named: &Named) -> Result<Option<Definition>, Failure> {
    let path = format!("/openapi/v3/apis/{}/{}", named.group, named.version);
    let body = match fetch(&connection.client, &path).await {
        Err(failure) if failure.class == Class::NotServed => return Ok(None),
        other => other?,
    };
    let kind = [named.group.as_str(), named.version.as_str(), named.kind.as_str()];
    let crd = Crd::described(&path, &String::from_utf8_lossy(&body), kind, (&named.plural, named.namespaced));
    let crd = crd.map_err(|error| Failure::new(Class::Unreadable, error.to_string()))?;
    // Descriptions have no version: whatever differs makes another.
    Ok(crd.map(|crd| Definition { version: format!("described {crd:?}"), crd: Arc::new(crd) }))
}

/// What is said of a cluster whose kinds could not be learnt.
pub(super) fn missing(connector: &Connector, failure: &Failure) -> Missing {
    Missing {
        cluster: Arc::clone(&connector.context.name),
        kind: String::new(),
        cause: format!("its custom resources are not known: {}", failure.message),
        hint: None,
    }
}

/// What one cluster is being asked.
type Asking<'a> = BoxFuture<'a, Result<(), Failure>>;

/// Learns from each of these clusters, all at once and none for too long, and tells which could not be asked.
pub(super) async fn each(clusters: Vec<(Arc<Connector>, Asking<'_>)>) -> Vec<Missing> {
    let mut asked = Vec::new();
    for (connector, learnt) in clusters {
        asked.push(async move {
            let late = |_| Failure::new(Class::Unreachable, format!("no answer for {} s", PATIENCE.as_secs()));
            let learnt = tokio::time::timeout(PATIENCE, learnt).await.map_err(late).flatten();
            learnt.err().map(|failure| missing(&connector, &failure))
        });
    }
    futures::future::join_all(asked).await.into_iter().flatten().collect()
}

/// What is to be learnt of one-shot lists.
pub(super) async fn once(
    connector: &Connector,
    kind: Option<&'static KindDef>,
    learning: &Learning,
    wanted: &Wanted,
) -> Result<(), Failure> {
    match (wanted, kind) {
        (Wanted::Tables(wanted), _) => tables(connector, learning, wanted).await,
        (Wanted::All, Some(kind)) => all(connector, kind, learning).await,
        (Wanted::All, None) => Ok(()),
    }
}
