//! Combines the answers of several clusters into a snapshot.

use std::sync::Arc;

use super::connection::{Connector, not_served};
use super::failure::{Class, Failure};
use crate::schema::KindDef;
use crate::store::{Missing, Request, Snapshot, SourceError, Warning};

/// A cluster's answer to a request for a kind.
pub(super) enum KindAnswer<T> {
    /// Its objects, in one or more parts.
    Ready {
        parts: Vec<T>,
        /// The namespaces that the account may list, if it may not list all.
        allowed_namespaces: Option<Vec<String>>,
    },
    /// The server has no such kind.
    NotServed,
}

/// A kind that is requested from a cluster.
pub(super) type KindInCluster<'a> = (&'a Arc<Connector>, &'static KindDef);

/// Returns a snapshot without objects, and all parts that are ready.
///
/// A cluster that does not serve a kind has no rows, if another cluster serves the kind. If no cluster serves it, the
/// kind is unavailable.
///
/// # Errors
/// Objects are unavailable, and the request is not partial.
pub(super) fn combine<T>(
    request: &Request,
    requested: &[KindInCluster<'_>],
    answers: Vec<Result<KindAnswer<T>, Failure>>,
) -> Result<(Snapshot, Vec<T>), SourceError> {
    let mut snapshot = Snapshot::default();
    let mut ready = Vec::new();
    let mut unserved: Vec<KindInCluster<'_>> = Vec::new();
    for ((cluster, kind), answer) in requested.iter().zip(answers) {
        match answer {
            Ok(KindAnswer::Ready { parts, allowed_namespaces }) => {
                if let Some(namespaces) = allowed_namespaces {
                    let names = namespaces.join(", ");
                    snapshot.warnings.push(Warning {
                        place: format!("cluster {}", cluster.context.name),
                        message: format!("{}: the account may list only these namespaces: {names}", kind.plural),
                        count: 1,
                    });
                }
                ready.extend(parts);
            }
            Ok(KindAnswer::NotServed) => unserved.push((cluster, kind)),
            Err(failure) => snapshot.missing.push(unavailable(cluster, kind, failure)),
        }
    }
    let is_optional = |kind: &KindDef| request.optional.iter().any(|optional| std::ptr::eq(*optional, kind));
    for (cluster, kind) in unserved.iter().filter(|(_, kind)| !is_optional(kind)) {
        let requests = requested.iter().filter(|(_, other)| std::ptr::eq(*other, *kind)).count();
        if unserved.iter().filter(|(_, other)| std::ptr::eq(*other, *kind)).count() == requests {
            snapshot.missing.push(unavailable(cluster, kind, not_served(kind)));
        }
    }
    if !snapshot.missing.is_empty() && !request.partial {
        return Err(SourceError::Incomplete(snapshot.missing));
    }
    Ok((snapshot, ready))
}

/// Describes a kind that is unavailable in a cluster.
pub(super) fn unavailable(cluster: &Connector, kind: &KindDef, failure: Failure) -> Missing {
    Missing {
        cluster: Arc::clone(&cluster.context.name),
        kind: kind.plural.to_owned(),
        hint: hint(cluster, kind, failure.class),
        cause: failure.message,
    }
}

fn hint(cluster: &Connector, kind: &KindDef, class: Class) -> Option<String> {
    let kubectl = cluster.context.kubectl();
    let group = if kind.group.is_empty() { String::new() } else { format!(".{}", kind.group) };
    let resource = format!("{}{group}", kind.plural);
    Some(match class {
        Class::Forbidden => {
            let all = if kind.namespaced { " --all-namespaces" } else { "" };
            format!("check with `{kubectl} auth can-i list {resource}{all}`, or choose namespaces with --namespaces")
        }
        Class::Unauthorized => format!("log in again, and check with `{kubectl} get --raw /version`"),
        Class::Unreachable | Class::TimedOut | Class::Certificate => {
            format!("check the connection with `{kubectl} get --raw /version`, or leave the cluster out with --partial")
        }
        Class::NotServed => format!("list the kinds of the cluster with `{kubectl} api-resources`"),
        Class::Busy => "try again later, or leave the cluster out with --partial".to_owned(),
        Class::Expired | Class::Rejected | Class::Unreadable => return None,
    })
}
