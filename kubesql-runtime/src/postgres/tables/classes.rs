//! The rows of `pg_class`.

use std::sync::Arc;

use arrow::array::Float32Array;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::error::Result;

use super::attributes::watches;
use super::{CatalogRequest, batch, booleans, fixed, is_zero_by_default, numbers, texts};
use crate::postgres::objects::Database;
use crate::postgres::objects::Relation;
use crate::postgres::oids::OWNER;
use crate::store::Status;

pub(super) fn rows(request: &CatalogRequest, schema: &SchemaRef) -> Result<RecordBatch> {
    let relations = request.database.objects.relations(&request.database.context);
    let each = |of: fn(&Relation) -> i32| numbers(relations.iter().map(of));
    let same = |number: i32| numbers(relations.iter().map(|_| number));
    let text = |text: &'static str| texts(relations.iter().map(|_| text));
    let status = request.database.context.source.status();
    batch(schema, relations.len(), |column| match column {
        "oid" => each(|relation| relation.oid),
        "relname" => texts(relations.iter().map(|relation| &relation.name)),
        "relnamespace" => each(|relation| relation.namespace),
        "relowner" => same(OWNER),
        "relam" => each(|relation| if relation.is_table { fixed::HEAP } else { 0 }),
        "reltuples" => Some(Arc::new(
            relations
                .iter()
                .map(|relation| estimated_rows(request.database, &status, relation))
                .collect::<Float32Array>(),
        )),
        "relpersistence" => text("p"),
        "relkind" => texts(relations.iter().map(|relation| if relation.is_table { "r" } else { "v" })),
        "relnatts" => each(|relation| i32::try_from(relation.width).unwrap_or(i32::from(i16::MAX))),
        "relispopulated" => booleans(relations.iter().map(|_| true)),
        "relreplident" => text("n"),
        // Every user may read.
        "relacl" => {
            let acl = format!("=r/{}", request.session.user);
            Some(crate::postgres::functions::text_lists(&vec![vec![acl.as_str()]; relations.len()]))
        }
        _ if schema.field_with_name(column).is_ok_and(|field| is_zero_by_default(field.data_type())) => same(0),
        _ => None,
    })
}

/// Returns the number of rows of a table of watched objects, or -1.
#[expect(clippy::cast_precision_loss, reason = "PostgreSQL has estimates only")]
fn estimated_rows(database: &Database, status: &Status, relation: &Relation) -> f32 {
    let registry = database.context.registry();
    let table = registry.find(&relation.schema, &relation.name).ok().flatten();
    let Some(table) = table.filter(|table| relation.is_table && table.lists.is_empty()) else { return -1.0 };
    let watched = status.watches.iter().filter(|watch| watches(watch, table.kind));
    watched.map(|watch| watch.objects as f32).reduce(|sum, objects| sum + objects).unwrap_or(-1.0)
}
