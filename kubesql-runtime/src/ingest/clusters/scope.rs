//! Which namespaces are asked: those that were chosen, and those that the account may list.

use std::collections::BTreeSet;

use futures::StreamExt;

use super::connection::{Connection, Served};
use super::failure::{Class, Failure};
use super::page::{Meta, Page};
use super::request::{Resource, fetch};
use crate::schema::KindDef;
use crate::store::Selection;

/// The namespaces whose objects are wanted.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Only these; all, where empty.
    pub namespaces: BTreeSet<String>,
    /// None of these.
    pub exclude: BTreeSet<String>,
}

/// Requests at a time that find out what an account may list.
const AT_ONCE: usize = 16;

impl Scope {
    /// Where the objects of a kind are looked for: each of these is listed by itself.
    pub(super) fn resources(&self, kind: &KindDef, served: &Served) -> Vec<Resource> {
        self.selected(kind, served, &Selection::default())
    }

    /// The same of a selection of them.
    pub(super) fn selected(&self, kind: &KindDef, served: &Served, selection: &Selection) -> Vec<Resource> {
        let mut resources = self.of_namespaces(kind, served, selection.namespaces.as_ref());
        resources.iter_mut().for_each(|resource| resource.select(selection));
        resources
    }

    fn of_namespaces(&self, kind: &KindDef, served: &Served, only: Option<&BTreeSet<String>>) -> Vec<Resource> {
        if !served.namespaced {
            return vec![served.resource(kind, None)];
        }
        let is_chosen = |name: &String| self.namespaces.is_empty() || self.namespaces.contains(name);
        if let Some(only) = only {
            let wanted = only.iter().filter(|name| is_chosen(name) && !self.exclude.contains(*name));
            return wanted.map(|name| served.resource(kind, Some(name))).collect();
        }
        if self.namespaces.is_empty() {
            let mut all = served.resource(kind, None);
            let but: Vec<String> = self.exclude.iter().map(|name| format!("metadata.namespace!={name}")).collect();
            all.fields = but.join(",");
            return vec![all];
        }
        let wanted = self.namespaces.iter().filter(|name| !self.exclude.contains(*name));
        wanted.map(|name| served.resource(kind, Some(name))).collect()
    }

    /// The same for an account that may not list a kind in all namespaces at once: those in which it may.
    pub(super) async fn allowed(
        &self,
        connection: &Connection,
        kind: &KindDef,
        served: &Served,
    ) -> Result<Vec<Resource>, Failure> {
        let candidates = match namespaces(connection).await {
            Ok(names) => names,
            Err(failure) if failure.class == Class::Forbidden => vec![connection.client.default_namespace().to_owned()],
            Err(failure) => return Err(failure),
        };
        let candidates = candidates.into_iter().filter(|name| !self.exclude.contains(name));
        let asked = candidates.map(|name| async move {
            let resource = served.resource(kind, Some(&name));
            match fetch(&connection.client, &resource.path(&[("limit", "1")])).await {
                Ok(_) => Ok(Some(resource)),
                Err(failure) if failure.class == Class::Forbidden => Ok(None),
                Err(failure) => Err(failure),
            }
        });
        let answers: Vec<_> = futures::stream::iter(asked).buffered(AT_ONCE).collect().await;
        answers.into_iter().filter_map(Result::transpose).collect()
    }
}

async fn namespaces(connection: &Connection) -> Result<Vec<String>, Failure> {
    let bytes = fetch(&connection.client, "/api/v1/namespaces").await?;
    let text = String::from_utf8_lossy(&bytes);
    let page = Page::read(&text)?;
    page.items.into_iter().map(|item| Ok(Meta::read(&text[item])?.name)).collect()
}
