//! `pg_class`: tables and what is like them.

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::error::Result;

use super::super::objects::{OWNER, Relation};
use super::{Asked, batch, fixed, numbers, texts, truths};

pub(super) fn rows(asked: &Asked, schema: &SchemaRef) -> Result<RecordBatch> {
    let relations = asked.house.objects.relations(asked.house);
    let each = |of: fn(&Relation) -> i32| numbers(relations.iter().map(of));
    let same = |number: i32| numbers(relations.iter().map(|_| number));
    let text = |text: &'static str| texts(relations.iter().map(|_| text));
    batch(schema, relations.len(), |column| match column {
        "oid" => each(|relation| relation.oid),
        "relname" => texts(relations.iter().map(|relation| &relation.name)),
        "relnamespace" => each(|relation| relation.namespace),
        "relowner" => same(OWNER),
        "relam" => each(|relation| if relation.is_table { fixed::HEAP } else { 0 }),
        // How many rows there are is not known before they are asked for.
        "reltuples" => same(-1),
        "relpersistence" => text("p"),
        "relkind" => texts(relations.iter().map(|relation| if relation.is_table { "r" } else { "v" })),
        "relnatts" => each(|relation| i32::try_from(relation.width).unwrap_or(i32::from(i16::MAX))),
        "relispopulated" => truths(relations.iter().map(|_| true)),
        "relreplident" => text("n"),
        // Everybody who is let in may read.
        "relacl" => {
            let acl = format!("=r/{}", asked.facts.user);
            Some(super::super::functions::text_lists(&vec![vec![acl.as_str()]; relations.len()]))
        }
        _ if schema.field_with_name(column).is_ok_and(|field| is_plain(field.data_type())) => same(0),
        _ => None,
    })
}

/// Whether zero or false is what a column says where there is nothing.
pub(super) fn is_plain(of: &arrow::datatypes::DataType) -> bool {
    of.is_numeric() || matches!(of, arrow::datatypes::DataType::Boolean)
}
