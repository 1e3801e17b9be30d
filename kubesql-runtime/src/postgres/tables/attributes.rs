//! The rows of `pg_attribute`, the columns, and of `pg_description`, the comments on tables and columns.

use std::sync::Arc;

use arrow::array::{Int16Array, Int32Array, StringBuilder};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::error::{DataFusionError, Result};

use super::{batch, is_zero_by_default, maybe_texts, numbers, texts, truths};
use crate::postgres::objects::Database;
use crate::postgres::objects::{Column, Relation, fixed_columns};
use crate::postgres::oids::fixed_oid;
use crate::postgres::types;
use crate::schema::KindDef;
use crate::sql::scan::dynamic_column;
use crate::store::{WatchState, WatchStatus};

/// The columns that the data has are shown for at most this number of relations at once.
const MAX_DYNAMIC: usize = 8;

/// The relations whose rows are wanted.
pub(super) struct Selected {
    pub(super) relations: Vec<Relation>,
    /// Whether the statement names the only one by its identifier.
    pub(super) by_identifier: bool,
    /// Whether these are not simply all.
    pub(super) is_narrowed: bool,
}

impl Selected {
    /// Whether these are few enough to show the columns that their data has.
    pub(super) fn are_few(&self, most: usize) -> bool {
        self.is_narrowed && self.relations.len() <= most
    }
}

/// The columns of relations. Those that only the data has are shown for the one whose identifier the statement names,
/// and for few others that are watched already.
pub(super) async fn rows(database: &Database, selected: &Selected, schema: &SchemaRef) -> Result<RecordBatch> {
    let mut found: Vec<(i32, i16, Column)> = Vec::new();
    for relation in &selected.relations {
        let is_dynamic = selected.by_identifier || selected.are_few(MAX_DYNAMIC) && is_watched(database, relation);
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
        "attbyval" => truths(found.iter().map(|(.., column)| (1..=8).contains(&column.data_type.length))),
        "attstorage" => texts(found.iter().map(|(.., column)| if column.data_type.length < 0 { "x" } else { "p" })),
        "attalign" => text("i"),
        "attcompression" | "attidentity" | "attgenerated" => text(""),
        "attislocal" => truths(found.iter().map(|_| true)),
        _ if schema.field_with_name(column).is_ok_and(|field| is_zero_by_default(field.data_type())) => same(0),
        _ => None,
    })
}

/// Whether the objects of a table are watched already. Drivers ask for the columns of one table after the other, which
/// must not start a watch of each.
fn is_watched(database: &Database, relation: &Relation) -> bool {
    let status = database.context.source.status();
    let registry = database.context.registry();
    let Ok(Some(table)) = registry.find(&relation.schema, &relation.name) else { return false };
    status.clusters.is_empty() || status.watches.iter().any(|watch| watches(watch, table.kind))
}

/// Whether a watch is of this kind and complete.
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

/// The comments on relations and their columns.
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
        _ => maybe_texts(objects.iter().map(|_| None::<&str>)),
    })
}
