//! What clusters answered of the kinds that were asked for, put together: what is there, what is missing, and why.

use std::sync::Arc;

use super::connection::{Connector, not_served};
use super::failure::{Class, Failure};
use crate::schema::KindDef;
use crate::store::{Missing, Request, Snapshot, SourceError, Warning};

/// What a cluster has of a kind.
pub(super) enum Answer<T> {
    /// Its objects, in parts.
    Ready {
        parts: Vec<T>,
        /// The only namespaces that the account may list, where it may not list all.
        confined: Option<Vec<String>>,
    },
    /// The server has no such kind.
    NotServed,
}

/// A kind of a cluster that is asked for.
pub(super) type Asked<'a> = (&'a Arc<Connector>, &'static KindDef);

/// A snapshot that tells all but the objects, and all parts that are ready.
///
/// Where others have a kind, a cluster without it has no rows of it. Where nobody has it, that is an error, and so is
/// whatever else is missing, unless the request is partial.
pub(super) fn gather<T>(
    request: &Request,
    asked: &[Asked<'_>],
    answers: Vec<Result<Answer<T>, Failure>>,
) -> Result<(Snapshot, Vec<T>), SourceError> {
    let mut snapshot = Snapshot::default();
    let mut ready = Vec::new();
    let mut absent: Vec<Asked<'_>> = Vec::new();
    for ((cluster, kind), answer) in asked.iter().zip(answers) {
        match answer {
            Ok(Answer::Ready { parts, confined }) => {
                if let Some(namespaces) = confined {
                    let names = namespaces.join(", ");
                    snapshot.warnings.push(Warning {
                        place: format!("cluster {}", cluster.context.name),
                        message: format!("{}: the account may list only these namespaces: {names}", kind.plural),
                        count: 1,
                    });
                }
                ready.extend(parts);
            }
            Ok(Answer::NotServed) => absent.push((cluster, kind)),
            Err(failure) => snapshot.missing.push(missing(cluster, kind, failure)),
        }
    }
    for (cluster, kind) in &absent {
        let others = asked.iter().filter(|(_, of)| std::ptr::eq(*of, *kind)).count();
        if absent.iter().filter(|(_, of)| std::ptr::eq(*of, *kind)).count() == others {
            snapshot.missing.push(missing(cluster, kind, not_served(kind)));
        }
    }
    if !snapshot.missing.is_empty() && !request.partial {
        return Err(SourceError::Incomplete(snapshot.missing));
    }
    Ok((snapshot, ready))
}

/// What is said of a kind that a cluster did not give.
pub(super) fn missing(cluster: &Connector, kind: &KindDef, failure: Failure) -> Missing {
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
            format!(
                "`{kubectl} auth can-i list {resource}{all}` asks whether the account may; --namespaces chooses some"
            )
        }
        Class::Unauthorized => format!("log in again; `{kubectl} get --raw /version` shows whether kubectl can"),
        Class::Unreachable | Class::Silent | Class::Certificate => {
            format!("`{kubectl} get --raw /version` shows whether kubectl can reach it; --partial answers without it")
        }
        Class::NotServed => format!("`{kubectl} api-resources` lists what it has"),
        Class::Busy => "try again a little later; --partial answers without it".to_owned(),
        Class::Expired | Class::Refused | Class::Unreadable => return None,
    })
}
