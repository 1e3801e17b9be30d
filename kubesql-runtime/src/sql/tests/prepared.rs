//! Prepared statements, their parameters and cached plans.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray, new_null_array};
use arrow::datatypes::{DataType, TimeUnit};
use futures::TryStreamExt;

use super::{session, world};
use crate::sql::{ErrorKind, SqlError};

fn text(text: &str) -> ArrayRef {
    Arc::new(StringArray::from(vec![text]))
}

/// Runs a statement with these values and counts the rows.
async fn count_rows(sql: &str, declared: &[Option<DataType>], values: &[ArrayRef]) -> Result<usize, SqlError> {
    let session = session();
    let prepared = session.prepare(sql, declared).await?;
    let answer = session.run(&prepared, values).await?;
    assert_eq!(Some(&answer.schema), prepared.schema.as_ref(), "{sql}");
    let batches: Vec<_> = answer.rows.try_collect().await?;
    assert!(batches.iter().all(|batch| batch.schema() == answer.schema), "{sql}");
    Ok(batches.iter().map(arrow::array::RecordBatch::num_rows).sum())
}

#[tokio::test]
async fn infers_types_of_parameters() {
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    for (sql, expect) in [
        ("select 1", vec![]),
        ("select name from pods where name = $1", vec![DataType::Utf8View]),
        ("select name from pods where creationtimestamp < $2 and generation > $1", vec![DataType::Int64, utc]),
        ("select name from pods limit $1 offset $2", vec![DataType::Int64, DataType::Int64]),
        ("select $1::int, $2::boolean, $3", vec![DataType::Int32, DataType::Boolean, DataType::Utf8]),
        ("select name from pods where labels['app'] in ($1, $2)", vec![DataType::Utf8View, DataType::Utf8View]),
    ] {
        let prepared = session().prepare(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(prepared.parameters, expect, "{sql}");
    }
    let declared = [None, Some(DataType::Float64)];
    let prepared = session().prepare("select $1, $2", &declared).await.expect("planned");
    assert_eq!(prepared.parameters, [DataType::Utf8, DataType::Float64]);
    let schema = prepared.schema.expect("columns");
    assert_eq!(schema.field(1).data_type(), &DataType::Float64);
    assert!(session().prepare("set kubesql.partial = on", &[]).await.expect("known").schema.is_none());
    assert!(session().prepare("show tables", &[]).await.expect("known").schema.is_some());
}

#[tokio::test]
async fn binds_values() {
    let sql = "select name, *, $1 as mark from pods where name = $1 or name = $2 order by name limit $3";
    let values = [text("bare"), text("web-1"), Arc::new(Int64Array::from(vec![9])) as ArrayRef];
    assert_eq!(count_rows(sql, &[], &values).await.expect("an answer"), 3);
    let null = new_null_array(&DataType::Utf8, 1);
    assert_eq!(count_rows("select name from pods where name = $1", &[], &[null]).await.expect("an answer"), 0);
    let float: ArrayRef = Arc::new(Float64Array::from(vec![0.5]));
    let declared = [Some(DataType::Float64)];
    assert_eq!(count_rows("select $1, $1 + 1, cast($1 as int)", &declared, &[float]).await.expect("an answer"), 1);
    let error = count_rows("select name from pods where name = $1", &[], &[]).await.expect_err("a value is missing");
    assert_eq!(error.kind, ErrorKind::Invalid, "{error}");
    let error = session().execute("select $1").await.err().expect("a value is missing");
    assert_eq!(error.message, "the statement requires 1 parameters, but 0 values were supplied");
}

#[tokio::test]
async fn cached_plan_reads_current_data() {
    let world = world::usual();
    let session = super::session_of(&world);
    let sql = "select name, labels.app from pods where name = $1 and creationtimestamp < now()";
    let prepared = session.prepare(sql, &[]).await.expect("a plan");
    assert!(prepared.cached.is_some());
    let count = async |value: &str| {
        let rows = session.run(&prepared, &[text(value)]).await?.rows;
        let batches: Vec<_> = rows.try_collect().await?;
        Ok::<usize, SqlError>(batches.iter().map(arrow::array::RecordBatch::num_rows).sum())
    };
    let before = world.snapshots();
    for (name, rows) in [("web-1", 2), ("bare", 1), ("nobody", 0), ("web-1", 2)] {
        assert_eq!(count(name).await.expect("an answer"), rows, "{name}");
    }
    // The warnings about the empty answer need another one.
    assert_eq!(world.snapshots(), before + 5);
}

#[tokio::test]
async fn replans_after_search_path_change() {
    let session = session();
    let prepared = session.prepare("select reportingcomponent from events", &[]).await.expect("a plan");
    assert!(prepared.cached.is_some());
    session.run(&prepared, &[]).await.expect("an answer");
    session.execute("set search_path to \"events.k8s.io\"").await.expect("a schema");
    let error = session.run(&prepared, &[]).await.err().expect("another table, without such a column");
    assert_eq!(error.kind, ErrorKind::UnknownColumn, "{error}");
    session.execute("reset search_path").await.expect("a schema");
    session.run(&prepared, &[]).await.expect("an answer");
}

#[tokio::test]
async fn cached_plan_reads_current_settings() {
    let session = session();
    let sql = "select name from pods where name = 'bare' and current_setting('application_name') = $1";
    let prepared = session.prepare(sql, &[]).await.expect("a plan");
    assert!(prepared.cached.is_some());
    for name in ["one", "two"] {
        session.set("application_name", Some(name)).expect("a setting");
        let rows = session.run(&prepared, &[text(name)]).await.expect("an answer").rows;
        let batches: Vec<_> = rows.try_collect().await.expect("rows");
        assert_eq!(batches.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>(), 1, "{name}");
    }
}

#[tokio::test]
async fn does_not_cache_plans_that_depend_on_data() {
    for sql in [
        "select * from pods",
        "select name from (select * from pods) p",
        "select * from system.queries",
        "select count(*) from system.queries",
        "select table_name from information_schema.tables",
        "explain select name from pods",
        "show tables",
        "set kubesql.partial = on",
    ] {
        let prepared = session().prepare(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert!(prepared.cached.is_none(), "{sql}");
    }
}
