//! Schemas, tables and columns as PostgreSQL counts them: each has a number.

use std::sync::Arc;

use parking_lot::Mutex;

use super::types::{self, PgType};
use super::{Facts, Oids, SCHEMA};
use crate::sql::house::House;
use crate::sql::registry::schema_of;
use crate::sql::system;

/// The number of `pg_catalog`.
pub(super) const PG_CATALOG: i32 = 11;

/// What every object belongs to.
pub(super) const OWNER: i32 = 10;

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
    /// Whether its rows are of objects; others are about kubesql itself.
    pub(super) is_table: bool,
    /// What its rows are.
    pub(super) comment: Option<String>,
    /// How many columns it has.
    pub(super) width: usize,
}

/// A column.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) of: PgType,
    /// Where it comes from.
    pub(super) comment: String,
}

/// What there is, as far as it was asked for.
#[derive(Debug, Default)]
pub(in crate::sql) struct Objects {
    pub(super) oids: Oids,
    /// With what had been discovered of clusters when they were put together.
    relations: Mutex<Option<(u64, Arc<Vec<Relation>>)>>,
}

impl Objects {
    /// The number of a schema.
    pub(super) fn namespace(&self, schema: &str) -> i32 {
        match schema {
            SCHEMA => PG_CATALOG,
            _ => self.oids.of("", schema),
        }
    }

    /// All schemas.
    pub(super) fn namespaces(&self, house: &House) -> Vec<Namespace> {
        let schemas = house.schemas().into_iter();
        schemas.map(|name| Namespace { oid: self.namespace(&name), name }).collect()
    }

    /// All tables, in order: those of the default schema that are listed, those of the others.
    pub(super) fn relations(&self, house: &House) -> Arc<Vec<Relation>> {
        let generation = house.registry().discovered.generation;
        let mut known = self.relations.lock();
        if let Some((of, relations)) = &*known
            && *of == generation
        {
            return Arc::clone(relations);
        }
        let relations = Arc::new(self.collect(house));
        *known = Some((generation, Arc::clone(&relations)));
        relations
    }

    fn collect(&self, house: &House) -> Vec<Relation> {
        let registry = house.registry();
        let comments: std::collections::HashMap<(&str, &str), String> = registry
            .all()
            .map(|(kind, def)| {
                let path = def.path.replace('/', ".");
                let comment = if path.is_empty() { kind.kind.to_owned() } else { format!("{}: {path}", kind.kind) };
                ((schema_of(kind), def.name), comment)
            })
            .collect();
        let any = |name: &str| comments.iter().find(|((_, of), _)| *of == name).map(|(_, comment)| comment.clone());
        let mut relations = Vec::new();
        for schema in house.schemas() {
            let namespace = self.namespace(&schema);
            for name in house.tables(&schema) {
                let comment = comments.get(&(schema.as_str(), name.as_str())).cloned().or_else(|| any(&name));
                let is_table = !is_system(&schema, &name);
                // Of a name that several groups claim nothing can be selected.
                if is_table && house.registry().find(&schema, &name).is_err() {
                    continue;
                }
                let width = width(house, &schema, &name);
                let oid = super::tables::fixed_oid(&name)
                    .filter(|_| schema == SCHEMA)
                    .unwrap_or_else(|| self.oids.of(&schema, &name));
                let comment = comment.filter(|_| is_table);
                relations.push(Relation { oid, namespace, schema: schema.clone(), name, is_table, comment, width });
            }
        }
        relations
    }

    /// The table of this name, looked for where bare names are where no schema is said. Tables that are not listed are
    /// there all the same.
    pub(super) fn find(&self, house: &House, facts: &Facts, schema: Option<&str>, name: &str) -> Option<Relation> {
        let relations = self.relations(house);
        let path = schema.map_or_else(|| facts.path(), |schema| vec![schema]);
        path.into_iter().find_map(|schema| {
            relations.iter().find(|relation| relation.schema == schema && relation.name == name).cloned()
        })
    }

    /// The table with a number.
    pub(super) fn relation(&self, house: &House, oid: i32) -> Option<Relation> {
        self.relations(house).iter().find(|relation| relation.oid == oid).cloned()
    }
}

fn is_system(schema: &str, name: &str) -> bool {
    system::find(schema, name).is_some() || super::exists(schema, name)
}

fn width(house: &House, schema: &str, name: &str) -> usize {
    fixed_columns(house, schema, name).len()
}

/// The columns of a table that do not depend on its data.
pub(super) fn fixed_columns(house: &House, schema: &str, name: &str) -> Vec<Column> {
    if let Some(table) = system::find(schema, name) {
        let column = |&(name, kind): &(&str, system::Kind)| Column {
            name: name.to_owned(),
            of: types::of_kind(kind),
            comment: String::new(),
        };
        return table.columns().iter().map(column).collect();
    }
    if let Some(schema) = super::tables::schema_of(schema, name) {
        let column = |field: &Arc<arrow::datatypes::Field>| Column {
            name: field.name().clone(),
            of: types::of_field(field),
            comment: String::new(),
        };
        return schema.fields().iter().map(column).collect();
    }
    let Ok(Some(table)) = house.registry().find(schema, name) else { return Vec::new() };
    let column = |column: &crate::schema::Column| Column {
        name: column.name.clone(),
        of: types::of_values(column.values),
        comment: column.path.clone(),
    };
    table.columns.iter().map(column).collect()
}
