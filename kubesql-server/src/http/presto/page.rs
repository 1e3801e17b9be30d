//! The JSON documents of the protocol.

use bytes::Bytes;
use kubesql_runtime::store::Warning;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::paging::QueryState;
use super::session::Session;
use super::types::Type;

/// What does not change about a statement.
pub(super) struct StatementInfo {
    pub(super) id: String,
    /// Part of the URLs of pages, so that only the client that started the statement can fetch rows.
    pub(super) secret: String,
    pub(super) sql: String,
    pub(super) session: Session,
    pub(super) started: Instant,
}

/// The stage of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Queued,
    Running,
    Finished,
    Failed,
}

impl Stage {
    /// The stage of a statement that was started.
    pub(super) fn of(state: &QueryState) -> Self {
        match &state.result {
            None => Self::Running,
            Some(Ok(())) => Self::Finished,
            Some(Err(_)) => Self::Failed,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::Running => "RUNNING",
            Self::Finished => "FINISHED",
            Self::Failed => "FAILED",
        }
    }
}

/// A page. `data` contains the elements of the array of rows; `next` is the number of the following page.
pub(super) fn write(
    statement: &StatementInfo,
    state: &QueryState,
    stage: Stage,
    base_url: &str,
    next: Option<u64>,
    data: &[u8],
) -> Bytes {
    let mut page = Map::new();
    page.insert("id".into(), json!(statement.id));
    page.insert("infoUri".into(), json!(format!("{base_url}/v1/query/{}", statement.id)));
    if let Some(number) = next {
        let (id, secret) = (&statement.id, &statement.secret);
        page.insert("nextUri".into(), json!(format!("{base_url}/v1/statement/executing/{id}/{secret}/{number}")));
    }
    let error = match &state.result {
        Some(Err(error)) if stage == Stage::Failed => Some(error.document()),
        _ => None,
    };
    if let (Some(columns), None) = (&state.columns, &error) {
        let dialect = statement.session.dialect;
        let column = |(name, column_type): &(String, Type)| {
            let (type_name, signature) = (column_type.name(dialect), column_type.signature(dialect));
            json!({"name": name, "type": type_name, "typeSignature": signature})
        };
        page.insert("columns".into(), columns.iter().map(column).collect());
    }
    let has_rows = !data.is_empty() && error.is_none();
    if let Some(error) = error {
        page.insert("error".into(), error);
    }
    page.insert("stats".into(), stats(statement, state, stage));
    page.insert("warnings".into(), state.warnings.iter().map(warning).collect());
    if let Some(update_type) = state.update_type {
        page.insert("updateType".into(), json!(update_type));
    }
    let mut text = Value::Object(page).to_string().into_bytes();
    if has_rows {
        text.pop();
        text.extend_from_slice(b",\"data\":[");
        text.extend_from_slice(data);
        text.extend_from_slice(b"]}");
    }
    text.into()
}

fn stats(statement: &StatementInfo, state: &QueryState, stage: Stage) -> Value {
    let millis = u64::try_from(statement.started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let ended = matches!(stage, Stage::Finished | Stage::Failed);
    let count = |is: bool| u8::from(is);
    let splits = json!({
        "nodes": 1,
        "totalSplits": 1,
        "queuedSplits": count(stage == Stage::Queued),
        "runningSplits": count(stage == Stage::Running),
        "completedSplits": count(ended),
        "cpuTimeMillis": millis,
        "wallTimeMillis": millis,
        "processedRows": state.rows,
        "processedBytes": state.bytes,
        "physicalInputBytes": 0,
    });
    // Presto's command line fails to draw the progress of a statement without a root stage, and stops fetching.
    let mut root = splits.clone();
    root["stageId"] = json!("0");
    root["state"] = json!(stage.name());
    root["done"] = json!(ended);
    root["coordinatorOnly"] = json!(false);
    root["failedTasks"] = json!(0);
    root["subStages"] = json!([]);
    let mut stats = json!({
        "state": stage.name(),
        "queued": stage == Stage::Queued,
        "scheduled": stage != Stage::Queued,
        "progressPercentage": if ended { 100.0 } else { 0.0 },
        "queuedTimeMillis": 0,
        "elapsedTimeMillis": millis,
        "peakMemoryBytes": 0,
        "spilledBytes": 0,
        "rootStage": root,
    });
    for (name, value) in splits.as_object().into_iter().flatten() {
        stats[name] = value.clone();
    }
    stats
}

fn warning(Warning { place, message, count }: &Warning) -> Value {
    let times = if *count > 1 { format!(" ({count} times)") } else { String::new() };
    let code = json!({"code": 1, "name": "KUBESQL_DATA_WARNING"});
    json!({"warningCode": code, "message": format!("{place}: {message}{times}")})
}

/// The document of `GET /v1/query/{id}`.
pub(super) fn summary(statement: &StatementInfo, state: &QueryState) -> Bytes {
    let stage = Stage::of(state);
    let mut document = json!({"queryId": statement.id, "state": stage.name(), "query": statement.sql});
    document["queryStats"] = stats(statement, state, stage);
    if let Some(Err(error)) = &state.result {
        document["failureInfo"] = error.document();
    }
    document.to_string().into()
}
