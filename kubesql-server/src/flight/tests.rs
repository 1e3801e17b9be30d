//! The answers about SQL compared with the outcome of statements, and the sizes of messages.

use std::sync::Arc;

use arrow::array::builder::{MapBuilder, StringBuilder};
use arrow::array::{ArrayRef, AsArray, RecordBatch, StringViewArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::sql::SqlInfo;
use futures::TryStreamExt;
use kubesql_runtime::generated;
use kubesql_runtime::ingest::{FileOptions, FileSource, Kinds};
use kubesql_runtime::sql::{Engine, SqlError};
use prost::Message;

use super::{rows, sql_info};
use crate::output::plain::plain;
use crate::query::{Client, Frontend, Limits};

pub(super) fn client() -> Client {
    let kinds = Kinds::new(generated::KINDS.iter().copied(), generated::flattener);
    let files = FileSource::new(Vec::new(), kinds, FileOptions { show_secrets: false }).expect("no files");
    let engine = Engine::new(generated::KINDS, Arc::new(files)).expect("an engine");
    Frontend::unaudited(engine, Limits { concurrent: 8, ..Limits::default() }).internal_client()
}

async fn batches(client: &Client, sql: &str) -> Result<Vec<RecordBatch>, SqlError> {
    client.execute(sql).await?.rows.try_collect().await
}

#[tokio::test]
async fn sql_info_agrees_with_statements() {
    let client = client();
    let info = sql_info::all().expect("values");
    for (name, expect, sql) in [
        (SqlInfo::SqlSupportsColumnAliasing, true, "select 1 as one"),
        (SqlInfo::SqlSupportsTableCorrelationNames, true, "select p.name from pods p"),
        (SqlInfo::SqlSupportsExpressionsInOrderBy, true, "select name from pods order by length(name) + 1"),
        (SqlInfo::SqlSupportsOrderByUnrelated, true, "select name from pods order by namespace"),
        (
            SqlInfo::SqlCorrelatedSubqueriesSupported,
            true,
            "select name from pods p where exists (select 1 from nodes n where n.name = p.nodename)",
        ),
        (SqlInfo::SqlCatalogAtStart, true, "select name from kubesql.core.pods"),
        (SqlInfo::SqlSupportsLikeEscapeClause, true, "select name from pods where name like 'a!_b' escape '!'"),
        (SqlInfo::SqlDdlTable, false, "create table t (a int)"),
        (SqlInfo::SqlDdlSchema, false, "create schema s"),
        (SqlInfo::SqlNamedParametersSupported, false, "select name from pods where name = :name"),
        (SqlInfo::SqlStoredProceduresSupported, false, "call something()"),
    ] {
        let outcome = batches(&client, sql).await;
        assert_eq!(outcome.is_ok(), expect, "{sql}: {:?}", outcome.err());
        let number = u32::try_from(name as i32).expect("a positive number");
        let row = info.record_batch([number]).expect("a row");
        assert_eq!(row.num_rows(), 1, "{name:?} is missing");
        assert_eq!(row.column(1).as_union().value(0).as_boolean().value(0), expect, "{name:?}");
    }
    // The values that are numbers and bit masks.
    for sql in [
        "select count(*) from pods group by namespace, nodename",
        "select 1 union select 2",
        "select 1 union all select 2",
        "select p.name from pods p full join nodes n on n.name = p.nodename",
        "select name from pods where name in (select name from nodes)",
        "select name from pods where name = (select max(name) from nodes)",
    ] {
        batches(&client, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    let nulls = batches(&client, "select a from (values (1), (null)) t(a) order by a").await.expect("rows");
    assert!(nulls[0].column(0).is_null(1), "NULLs are sorted high");
}

#[tokio::test]
async fn listed_functions_exist() {
    let client = client();
    let rows = batches(&client, "select name from system.functions").await.expect("rows");
    let names: Vec<String> = rows
        .iter()
        .flat_map(|batch| batch.column(0).as_string_view().iter().flatten().map(str::to_uppercase).collect::<Vec<_>>())
        .collect();
    for function in sql_info::NUMERIC.iter().chain(sql_info::STRING).chain(sql_info::DATETIME) {
        assert!(names.iter().any(|name| name == function), "{function} does not exist");
    }
}

/// The batches that a client decodes, and the size of the largest message.
async fn encode_and_decode(batch: RecordBatch) -> (Vec<RecordBatch>, usize) {
    let messages: Vec<_> = rows::encode_batch(batch).try_collect().await.expect("messages");
    let largest = messages.iter().map(Message::encoded_len).max().unwrap_or(0);
    let messages = futures::stream::iter(messages.into_iter().map(Ok::<_, FlightError>));
    (FlightRecordBatchStream::new_from_flight_data(messages).try_collect().await.expect("batches"), largest)
}

#[tokio::test]
async fn large_rows_are_split_into_messages_of_limited_size() {
    // Small rows come first, so that their size is a wrong estimate for the large ones.
    let texts: Vec<String> = (0..6000).map(|row| "x".repeat(if row < 5000 { 3 } else { 20_000 })).collect();
    let mut maps = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for row in 0..6000 {
        maps.keys().append_value("app");
        maps.values().append_value(format!("shop-{row}"));
        maps.append(true).expect("an entry");
    }
    let views: ArrayRef = Arc::new(StringViewArray::from_iter_values(&texts));
    let maps: ArrayRef = Arc::new(maps.finish());
    let schema = Schema::new(vec![
        Field::new("text", DataType::Utf8, true),
        Field::new("labels", maps.data_type().clone(), true),
    ]);
    let text = arrow::compute::cast(&views, &plain(views.data_type())).expect("text");
    let batch = RecordBatch::try_new(Arc::new(schema), vec![text, maps]).expect("a batch");
    let (decoded, largest) = encode_and_decode(batch.clone()).await;
    assert!(largest < 4 << 20, "{largest} bytes in a message");
    let decoded = arrow::compute::concat_batches(&batch.schema(), &decoded).expect("one batch");
    assert_eq!(decoded, batch);
}
