//! What is said of SQL is true, and rows become messages that no client refuses.

use std::sync::Arc;

use arrow::array::builder::{MapBuilder, StringBuilder};
use arrow::array::{ArrayRef, AsArray, RecordBatch, StringViewArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::sql::SqlInfo;
use futures::TryStreamExt;
use kubesql_runtime::generated;
use kubesql_runtime::ingest::{Files, Kinds, Options};
use kubesql_runtime::sql::{Engine, SqlError};
use prost::Message;

use super::{facts, rows};
use crate::output::plain::plain;
use crate::query::{Client, Door, Limits};

fn client() -> Client {
    let kinds = Kinds::new(generated::KINDS.iter().copied(), generated::rows);
    let files = Files::new(Vec::new(), kinds, Options { show_secrets: false }).expect("no files");
    let engine = Engine::new(generated::KINDS, Arc::new(files)).expect("an engine");
    Door::new(engine, Limits { at_once: 4, ..Limits::default() }, false).client()
}

async fn batches(client: &Client, sql: &str) -> Result<Vec<RecordBatch>, SqlError> {
    client.execute(sql).await?.rows.try_collect().await
}

#[tokio::test]
async fn what_is_said_of_sql_is_true() {
    let client = client();
    let known = facts::all().expect("facts");
    for (fact, has, sql) in [
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
        assert_eq!(outcome.is_ok(), has, "{sql}: {:?}", outcome.err());
        let number = u32::try_from(fact as i32).expect("numbers of facts are positive");
        let row = known.record_batch([number]).expect("facts");
        assert_eq!(row.num_rows(), 1, "{fact:?} is not told");
        assert_eq!(row.column(1).as_union().value(0).as_boolean().value(0), has, "{fact:?}");
    }
    // What numbers say, in words.
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
async fn functions_that_are_told_are_there() {
    let client = client();
    let rows = batches(&client, "select name from system.functions").await.expect("rows");
    let names: Vec<String> = rows
        .iter()
        .flat_map(|batch| batch.column(0).as_string_view().iter().flatten().map(str::to_uppercase).collect::<Vec<_>>())
        .collect();
    for told in facts::NUMERIC.iter().chain(facts::STRING).chain(facts::DATETIME) {
        assert!(names.iter().any(|name| name == told), "{told} is told and not there");
    }
}

/// What a client reads of messages, and how large the largest of them is.
async fn read(batch: RecordBatch) -> (Vec<RecordBatch>, usize) {
    let messages: Vec<_> = rows::of_batch(batch).try_collect().await.expect("messages");
    let largest = messages.iter().map(Message::encoded_len).max().unwrap_or(0);
    let messages = futures::stream::iter(messages.into_iter().map(Ok::<_, FlightError>));
    (FlightRecordBatchStream::new_from_flight_data(messages).try_collect().await.expect("batches"), largest)
}

#[tokio::test]
async fn large_rows_are_sent_in_messages_that_clients_take() {
    // Small ones first, so that what is learnt of them is wrong for those behind.
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
    let (read, largest) = read(batch.clone()).await;
    assert!(largest < 4 << 20, "{largest} bytes in a message");
    let read = arrow::compute::concat_batches(&batch.schema(), &read).expect("one batch");
    assert_eq!(read, batch);
}
