//! The rows of `pg_attribute` and `pg_description`: columns, and comments on tables and columns.

use std::sync::Arc;

use arrow::array::{Int16Array, Int32Array, StringBuilder};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::error::{DataFusionError, Result};

use super::{batch, booleans, is_zero_by_default, nullable_texts, numbers, texts};
use crate::postgres::objects::Database;
use crate::postgres::objects::{Column, Relation, fixed_columns};
use crate::postgres::oids::fixed_oid;
use crate::postgres::types;
use crate::schema::KindDef;
use crate::sql::scan::dynamic_column;
use crate::store::{WatchState, WatchStatus};

/// Maximum number of relations whose dynamic columns are returned at once.
const MAX_DYNAMIC: usize = 8;

/// The relations that a scan selects.
pub(super) struct Selected {
    pub(super) relations: Vec<Relation>,
    /// Whether the statement selects a single relation by its identifier.
    pub(super) by_identifier: bool,
    /// Whether the filters exclude some relations.
    pub(super) is_narrowed: bool,
}

impl Selected {
    /// Returns whether the filters select at most this number of relations.
    pub(super) fn has_at_most(&self, limit: usize) -> bool {
        self.is_narrowed && self.relations.len() <= limit
    }
}

/// Returns the columns of relations. Dynamic columns are included for a relation that the statement selects by its
/// identifier, and for a few relations that are already watched.
pub(super) async fn rows(database: &Database, selected: &Selected, schema: &SchemaRef) -> Result<RecordBatch> {
    let mut found: Vec<(i32, i16, Column)> = Vec::new();
    for relation in &selected.relations {
        let is_dynamic = selected.by_identifier || selected.has_at_most(MAX_DYNAMIC) && is_watched(database, relation);
        let columns = match is_dynamic {
            true => all_columns(database, relation).await?,
            false => fixed_columns(&database.context, &relation.schema, &relation.name),
        };
        found.extend((1..).zip(columns).map(|(number, column)| (relation.oid, number, column)));
    }
    let same = |number: i32| numbers(found.iter().map(|_| number));
    let text = |text: &'static str| texts(found.iter().map(|_| text));
    batch(schema, found.len(), |column| match column {
        "attrelid" => numbers(found.iter().map(|(relation, ..)| *relation)),
        "attname" => texts(found.iter().map(|(.., column)| &column.name)),
        "atttypid" => numbers(found.iter().map(|(.., column)| column.data_type.oid)),
        "attlen" => {
            Some(Arc::new(Int16Array::from_iter_values(found.iter().map(|(.., column)| column.data_type.length))))
        }
        "attnum" => Some(Arc::new(Int16Array::from_iter_values(found.iter().map(|(_, number, _)| *number)))),
        "attndims" => numbers(found.iter().map(|(.., column)| i32::from(column.data_type.name.starts_with('_')))),
        "attstattarget" | "attcacheoff" | "atttypmod" => same(-1),
        "attbyval" => booleans(found.iter().map(|(.., column)| (1..=8).contains(&column.data_type.length))),
        "attstorage" => texts(found.iter().map(|(.., column)| if column.data_type.length < 0 { "x" } else { "p" })),
        "attalign" => text("i"),
        "attcompression" | "attidentity" | "attgenerated" => text(""),
        "attislocal" => booleans(found.iter().map(|_| true)),
        _ if schema.field_with_name(column).is_ok_and(|field| is_zero_by_default(field.data_type())) => same(0),
        _ => None,
    })
}

/// Returns whether the objects of a table are already watched. Drivers request the columns of all tables in turn, which
/// must not start a watch for each.
fn is_watched(database: &Database, relation: &Relation) -> bool {
    let status = database.context.source.status();
    let registry = database.context.registry();
    let Ok(Some(table)) = registry.find(&relation.schema, &relation.name) else { return false };
    status.clusters.is_empty() || status.watches.iter().any(|watch| watches(watch, table.kind))
}

/// Returns whether a watch of this kind is synced.
pub(super) fn watches(watch: &WatchStatus, kind: &KindDef) -> bool {
    watch.resource == kind.plural && watch.group == kind.group && watch.state == WatchState::Synced
}

async fn all_columns(database: &Database, relation: &Relation) -> Result<Vec<Column>> {
    let mut columns = fixed_columns(&database.context, &relation.schema, &relation.name);
    if !relation.is_table {
        return Ok(columns);
    }
    let described = database.context.describe(&relation.schema, &relation.name, true).await;
    let described = described.map_err(|error| DataFusionError::External(Box::new(error)))?;
    let table = database.context.registry().find(&relation.schema, &relation.name).ok().flatten();
    for column in described.into_iter().filter(|column| column.dynamic) {
        let Some(found) = table.as_ref().and_then(|table| dynamic_column::find(table, &column.name)) else { continue };
        columns.push(Column { data_type: types::from_values(found.values), comment: column.path, name: column.name });
    }
    Ok(columns)
}

/// Returns the comments on relations and their columns.
pub(super) fn descriptions(database: &Database, relations: &[Relation], schema: &SchemaRef) -> Result<RecordBatch> {
    let (mut objects, mut columns) = (Vec::new(), Vec::new());
    let mut comments = StringBuilder::new();
    for relation in relations {
        if let Some(comment) = &relation.comment {
            objects.push(relation.oid);
            columns.push(0);
            comments.append_value(comment);
        }
        for (number, column) in (1..).zip(fixed_columns(&database.context, &relation.schema, &relation.name)) {
            if !column.comment.is_empty() {
                objects.push(relation.oid);
                columns.push(number);
                comments.append_value(&column.comment);
            }
        }
    }
    let class = fixed_oid("pg_class").unwrap_or_default();
    let (rows, comments) = (objects.len(), Arc::new(comments.finish()));
    batch(schema, rows, |column| match column {
        "objoid" => Some(Arc::new(Int32Array::from(objects.clone()))),
        "classoid" => numbers(objects.iter().map(|_| class)),
        "objsubid" => Some(Arc::new(Int32Array::from(columns.clone()))),
        "description" => Some(comments.clone()),
        _ => nullable_texts(objects.iter().map(|_| None::<&str>)),
    })
}
