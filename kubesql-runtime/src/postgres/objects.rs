//! Schemas, tables and columns with their object identifiers.

use std::sync::Arc;

use parking_lot::Mutex;

use super::oids::{self, Oids, PG_CATALOG};
use super::types::{self, PgType};
use super::{SCHEMA, SessionInfo};
use crate::sql::catalog::context::EngineContext;
use crate::sql::catalog::registry::schema_of;

/// The tables of an engine as PostgreSQL clients see them.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    pub(super) context: Arc<EngineContext>,
    pub(super) objects: Arc<Objects>,
}

/// A schema.
#[derive(Debug, Clone)]
pub(super) struct Namespace {
    pub(super) oid: i32,
    pub(super) name: String,
}

/// A table.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    pub(super) oid: i32,
    pub(super) namespace: i32,
    pub(super) schema: String,
    pub(super) name: String,
    /// Whether its rows come from Kubernetes objects. Other tables describe the server.
    pub(super) is_table: bool,
    /// The kind and path of its rows.
    pub(super) comment: Option<String>,
    /// The number of its fixed columns.
    pub(super) width: usize,
}

/// A column.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) data_type: PgType,
    /// The OpenAPI path of its values.
    pub(super) comment: String,
}

/// The identifiers of objects, and the cached list of tables.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    pub(super) oids: Oids,
    /// The tables, with the generation of the discovered kinds from which they were collected.
    relations: Mutex<Option<(u64, Arc<Vec<Relation>>)>>,
}

impl Objects {
    /// Returns the identifier of a schema.
    pub(super) fn namespace(&self, schema: &str) -> i32 {
        match schema {
            SCHEMA => PG_CATALOG,
            _ => self.oids.get_or_assign("", schema),
        }
    }

    /// Returns all schemas.
    pub(super) fn namespaces(&self, context: &EngineContext) -> Vec<Namespace> {
        let schemas = context.schemas().into_iter();
        schemas.map(|name| Namespace { oid: self.namespace(&name), name }).collect()
    }

    /// Returns all tables by schema. Of the default schema only the listed tables are included.
    pub(super) fn relations(&self, context: &EngineContext) -> Arc<Vec<Relation>> {
        let generation = context.registry().discovered.generation;
        let mut cached = self.relations.lock();
        if let Some((cached_generation, relations)) = &*cached
            && *cached_generation == generation
        {
            return Arc::clone(relations);
        }
        let relations = Arc::new(self.collect(context));
        *cached = Some((generation, Arc::clone(&relations)));
        relations
    }

    fn collect(&self, context: &EngineContext) -> Vec<Relation> {
        let registry = context.registry();
        let comments: std::collections::HashMap<(&str, &str), String> = registry
            .tables_with_kinds()
            .map(|(kind, def)| {
                let path = def.path.replace('/', ".");
                let comment = if path.is_empty() { kind.kind.to_owned() } else { format!("{}: {path}", kind.kind) };
                ((schema_of(kind), def.name), comment)
            })
            .collect();
        let any =
            |name: &str| comments.iter().find(|((_, table), _)| *table == name).map(|(_, comment)| comment.clone());
        let mut relations = Vec::new();
        for schema in context.schemas() {
            let namespace = self.namespace(&schema);
            for name in context.tables(&schema) {
                let comment = comments.get(&(schema.as_str(), name.as_str())).cloned().or_else(|| any(&name));
                let is_table = !context.is_builtin(&schema, &name);
                // An ambiguous name cannot be selected from.
                if is_table && context.registry().find(&schema, &name).is_err() {
                    continue;
                }
                let width = width(context, &schema, &name);
                let oid = oids::fixed_oid(&name)
                    .filter(|_| schema == SCHEMA)
                    .unwrap_or_else(|| self.oids.get_or_assign(&schema, &name));
                let comment = comment.filter(|_| is_table);
                relations.push(Relation { oid, namespace, schema: schema.clone(), name, is_table, comment, width });
            }
        }
        relations
    }

    /// Finds a table by name, in the given schema or the search path.
    pub(super) fn find(
        &self,
        context: &EngineContext,
        session: &SessionInfo,
        schema: Option<&str>,
        name: &str,
    ) -> Option<Relation> {
        let relations = self.relations(context);
        let path = schema.map_or_else(|| session.search_path(), |schema| vec![schema]);
        path.into_iter().find_map(|schema| {
            relations.iter().find(|relation| relation.schema == schema && relation.name == name).cloned()
        })
    }

    /// Finds a table by its identifier.
    pub(super) fn relation(&self, context: &EngineContext, oid: i32) -> Option<Relation> {
        self.relations(context).iter().find(|relation| relation.oid == oid).cloned()
    }
}

fn width(context: &EngineContext, schema: &str, name: &str) -> usize {
    fixed_columns(context, schema, name).len()
}

/// Returns the columns of a table that do not depend on its data.
pub(super) fn fixed_columns(context: &EngineContext, schema: &str, name: &str) -> Vec<Column> {
    if let Some(fields) = context.builtin_columns(schema, name) {
        let column = |field: &Arc<arrow::datatypes::Field>| Column {
            name: field.name().clone(),
            data_type: types::from_field(field),
            comment: String::new(),
        };
        return fields.fields().iter().map(column).collect();
    }
    let Ok(Some(table)) = context.registry().find(schema, name) else { return Vec::new() };
    let column = |column: &crate::schema::Column| Column {
        name: column.name.clone(),
        data_type: types::from_values(column.values),
        comment: column.path.clone(),
    };
    table.columns.iter().map(column).collect()
}

/// Parses a name with an optional schema, such as `"a b".c`. Unquoted names are folded to lower case.
pub(super) fn qualified_name(text: &str) -> Option<(Option<String>, String)> {
    let mut words = vec![String::new()];
    let mut chars = text.trim().chars().peekable();
    while let Some(c) = chars.next() {
        let word = words.last_mut()?;
        match c {
            '"' => loop {
                match chars.next()? {
                    '"' if chars.peek() == Some(&'"') => {
                        word.push('"');
                        chars.next();
                    }
                    '"' => break,
                    c => word.push(c),
                }
            },
            '.' => words.push(String::new()),
            c => word.extend(c.to_lowercase()),
        }
    }
    let name = words.pop().filter(|name| !name.is_empty())?;
    Some((words.pop(), name))
}

#[cfg(test)]
mod tests {
    use super::qualified_name;

    #[test]
    fn parses_qualified_names() {
        for (text, expect) in [
            ("Pods", Some((None, "pods"))),
            ("core.pods", Some((Some("core"), "pods"))),
            ("\"networking.k8s.io\".ingresses", Some((Some("networking.k8s.io"), "ingresses"))),
            ("\"A\"\"b\"", Some((None, "A\"b"))),
            ("\"open", None),
            ("", None),
        ] {
            let found = qualified_name(text);
            let found = found.as_ref().map(|(schema, name)| (schema.as_deref(), name.as_str()));
            assert_eq!(found, expect, "{text}");
        }
    }
}
