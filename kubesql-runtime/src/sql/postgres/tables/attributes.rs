//! `pg_attribute`: columns; and `pg_description`: what is said of tables and columns.

use std::sync::Arc;

use arrow::array::{Int16Array, Int32Array, StringBuilder};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::error::{DataFusionError, Result};

use super::super::objects::{Column, Relation, fixed_columns};
use super::super::types;
use super::{Asked, batch, classes, maybe_texts, numbers, texts, truths};
use crate::schema::KindDef;
use crate::sql::dynamic;
use crate::sql::house::House;
use crate::store::{WatchState, WatchStatus};

/// Of so many tables that are named at once the columns that their data has are told.
const AT_ONCE: usize = 8;

/// The columns of all tables, or of those that are named; of the one that is asked for alone also those that its data has.
pub(super) async fn rows(asked: &Asked<'_>, schema: &SchemaRef) -> Result<RecordBatch> {
    let house = asked.house;
    let mut found: Vec<(i32, i16, Column)> = Vec::new();
    let mut add = |relation: &Relation, columns: Vec<Column>| {
        found.extend((1..).zip(columns).map(|(number, column)| (relation.oid, number, column)));
    };
    match asked.relation {
        Some(oid) => {
            if let Some(relation) = house.objects.relation(house, oid) {
                let columns = all_columns(asked, &relation).await?;
                add(&relation, columns);
            }
        }
        None => {
            let relations = house.objects.relations(house);
            let named = asked.facts.named.as_ref().filter(|named| named.attributes);
            let relations = match named {
                Some(named) => named.names.among(&relations)?,
                None => relations.iter().collect(),
            };
            let listed = named.is_some() && relations.len() <= AT_ONCE;
            for relation in relations {
                let columns = match listed && is_there(house, relation) {
                    true => all_columns(asked, relation).await?,
                    false => fixed_columns(house, &relation.schema, &relation.name),
                };
                add(relation, columns);
            }
        }
    }
    let same = |number: i32| numbers(found.iter().map(|_| number));
    let text = |text: &'static str| texts(found.iter().map(|_| text));
    batch(schema, found.len(), |column| match column {
        "attrelid" => numbers(found.iter().map(|(relation, ..)| *relation)),
        "attname" => texts(found.iter().map(|(.., column)| &column.name)),
        "atttypid" => numbers(found.iter().map(|(.., column)| column.of.oid)),
        "attlen" => Some(Arc::new(Int16Array::from_iter_values(found.iter().map(|(.., column)| column.of.length)))),
        "attnum" => Some(Arc::new(Int16Array::from_iter_values(found.iter().map(|(_, number, _)| *number)))),
        "attndims" => numbers(found.iter().map(|(.., column)| i32::from(column.of.name.starts_with('_')))),
        "attstattarget" | "attcacheoff" | "atttypmod" => same(-1),
        "attbyval" => truths(found.iter().map(|(.., column)| (1..=8).contains(&column.of.length))),
        "attstorage" => texts(found.iter().map(|(.., column)| if column.of.length < 0 { "x" } else { "p" })),
        "attalign" => text("i"),
        "attcompression" | "attidentity" | "attgenerated" => text(""),
        "attislocal" => truths(found.iter().map(|_| true)),
        _ if schema.field_with_name(column).is_ok_and(|field| classes::is_plain(field.data_type())) => same(0),
        _ => None,
    })
}

/// Whether a table's objects are here already. Drivers ask for the columns of one table after the other, and that is
/// no reason to watch them all.
fn is_there(house: &House, relation: &Relation) -> bool {
    let status = house.source.status();
    let registry = house.registry();
    let Ok(Some(table)) = registry.find(&relation.schema, &relation.name) else { return false };
    status.clusters.is_empty() || status.watches.iter().any(|watch| watches(watch, table.kind))
}

/// Whether what is watched is of this kind, and complete.
pub(super) fn watches(watch: &WatchStatus, kind: &KindDef) -> bool {
    watch.resource == kind.plural && watch.group == kind.group && watch.state == WatchState::Synced
}

async fn all_columns(asked: &Asked<'_>, relation: &Relation) -> Result<Vec<Column>> {
    let house = asked.house;
    let mut columns = fixed_columns(house, &relation.schema, &relation.name);
    if !relation.is_table {
        return Ok(columns);
    }
    let described = house.describe(&relation.schema, &relation.name, true).await;
    let described = described.map_err(|error| DataFusionError::External(Box::new(error)))?;
    let table = house.registry().find(&relation.schema, &relation.name).ok().flatten();
    for column in described.into_iter().filter(|column| column.dynamic) {
        let Some(found) = table.as_ref().and_then(|table| dynamic::find(table, &column.name)) else { continue };
        columns.push(Column { of: types::of_values(found.values), comment: column.path, name: column.name });
    }
    Ok(columns)
}

/// Where tables and columns come from.
pub(super) fn descriptions(asked: &Asked, schema: &SchemaRef) -> Result<RecordBatch> {
    let house = asked.house;
    let (mut objects, mut numbers_in) = (Vec::new(), Vec::new());
    let mut said = StringBuilder::new();
    let relations = house.objects.relations(house);
    let relations = match asked.facts.named.as_ref().filter(|named| named.descriptions) {
        Some(named) => named.names.among(&relations)?,
        None => relations.iter().collect(),
    };
    for relation in relations {
        if let Some(comment) = &relation.comment {
            objects.push(relation.oid);
            numbers_in.push(0);
            said.append_value(comment);
        }
        for (number, column) in (1..).zip(fixed_columns(house, &relation.schema, &relation.name)) {
            if !column.comment.is_empty() {
                objects.push(relation.oid);
                numbers_in.push(number);
                said.append_value(&column.comment);
            }
        }
    }
    let class = super::fixed_oid("pg_class").unwrap_or_default();
    let (rows, said) = (objects.len(), Arc::new(said.finish()));
    batch(schema, rows, |column| match column {
        "objoid" => Some(Arc::new(Int32Array::from(objects.clone()))),
        "classoid" => numbers(objects.iter().map(|_| class)),
        "objsubid" => Some(Arc::new(Int32Array::from(numbers_in.clone()))),
        "description" => Some(said.clone()),
        _ => maybe_texts(objects.iter().map(|_| None::<&str>)),
    })
}
