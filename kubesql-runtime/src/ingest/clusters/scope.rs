//! The namespaces to read: those that were chosen, or those that the account may list.

use std::collections::BTreeSet;

use futures::StreamExt;

use super::connection::{Connection, ServedVersion};
use super::failure::{Class, Failure};
use super::page::{ObjectMeta, Page};
use super::request::{Resource, fetch};
use crate::schema::KindDef;
use crate::store::Selection;

/// A choice of namespaces.
#[derive(Debug, Clone, Default)]
pub struct NamespaceScope {
    /// The chosen namespaces; empty for all.
    pub namespaces: BTreeSet<String>,
    /// Namespaces to leave out.
    pub exclude: BTreeSet<String>,
}

/// The number of concurrent requests that find the namespaces in which the account may list.
const CONCURRENCY: usize = 16;

impl NamespaceScope {
    /// The resources to list for a kind.
    pub(super) fn resources(&self, kind: &KindDef, served: &ServedVersion) -> Vec<Resource> {
        self.selected(kind, served, &Selection::default())
    }

    /// The resources to list for selected objects of a kind.
    pub(super) fn selected(&self, kind: &KindDef, served: &ServedVersion, selection: &Selection) -> Vec<Resource> {
        let mut resources = self.in_namespaces(kind, served, selection.namespaces.as_ref());
        resources.iter_mut().for_each(|resource| resource.select(selection));
        resources
    }

    fn in_namespaces(&self, kind: &KindDef, served: &ServedVersion, only: Option<&BTreeSet<String>>) -> Vec<Resource> {
        if !served.namespaced {
            return vec![served.resource(kind, None)];
        }
        let is_chosen = |name: &String| self.namespaces.is_empty() || self.namespaces.contains(name);
        if let Some(only) = only {
            let names = only.iter().filter(|name| is_chosen(name) && !self.exclude.contains(*name));
            return names.map(|name| served.resource(kind, Some(name))).collect();
        }
        if self.namespaces.is_empty() {
            let mut all = served.resource(kind, None);
            let excluded: Vec<String> = self.exclude.iter().map(|name| format!("metadata.namespace!={name}")).collect();
            all.fields = excluded.join(",");
            return vec![all];
        }
        let names = self.namespaces.iter().filter(|name| !self.exclude.contains(*name));
        names.map(|name| served.resource(kind, Some(name))).collect()
    }

    /// The resources to list for an account that may not list a kind in all namespaces: one for each namespace in which
    /// it may.
    pub(super) async fn allowed(
        &self,
        connection: &Connection,
        kind: &KindDef,
        served: &ServedVersion,
    ) -> Result<Vec<Resource>, Failure> {
        let candidates = match namespaces(connection).await {
            Ok(names) => names,
            Err(failure) if failure.class == Class::Forbidden => vec![connection.client.default_namespace().to_owned()],
            Err(failure) => return Err(failure),
        };
        let candidates = candidates.into_iter().filter(|name| !self.exclude.contains(name));
        let requests = candidates.map(|name| async move {
            let resource = served.resource(kind, Some(&name));
            match fetch(&connection.client, &resource.path(&[("limit", "1")])).await {
                Ok(_) => Ok(Some(resource)),
                Err(failure) if failure.class == Class::Forbidden => Ok(None),
                Err(failure) => Err(failure),
            }
        });
        let answers: Vec<_> = futures::stream::iter(requests).buffered(CONCURRENCY).collect().await;
        answers.into_iter().filter_map(Result::transpose).collect()
    }
}

async fn namespaces(connection: &Connection) -> Result<Vec<String>, Failure> {
    let bytes = fetch(&connection.client, "/api/v1/namespaces").await?;
    let text = String::from_utf8_lossy(&bytes);
    let page = Page::parse(&text)?;
    page.items.into_iter().map(|item| Ok(ObjectMeta::parse(&text[item])?.name)).collect()
}
