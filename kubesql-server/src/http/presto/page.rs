//! The documents of the protocol: one page of an answer, and what is told beside its rows.

use bytes::Bytes;
use kubesql_runtime::store::Warning;
use serde_json::{Map, Value, json};

use super::flow::Told;
use super::statements::Statement;

/// How far a statement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Queued,
    Running,
    Finished,
    Failed,
}

impl Stage {
    fn name(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::Running => "RUNNING",
            Self::Finished => "FINISHED",
            Self::Failed => "FAILED",
        }
    }
}

/// One page: `data` is the members of the list of rows, `next` the number of the page behind it.
pub(super) fn write(of: &Statement, told: &Told, stage: Stage, base: &str, next: Option<u64>, data: &[u8]) -> Bytes {
    let mut page = Map::new();
    page.insert("id".into(), json!(of.id));
    page.insert("infoUri".into(), json!(format!("{base}/v1/query/{}", of.id)));
    if let Some(number) = next {
        let place = format!("{base}/v1/statement/executing/{}/{}/{number}", of.id, of.secret);
        page.insert("nextUri".into(), json!(place));
    }
    let failed = match &told.end {
        Some(Err(failure)) if stage == Stage::Failed => Some(failure.document()),
        _ => None,
    };
    if let (Some(columns), None) = (&told.columns, &failed) {
        let dialect = of.session.dialect;
        let column = |(name, of): &(String, super::types::Type)| json!({"name": name, "type": of.name(dialect), "typeSignature": of.signature(dialect)});
        page.insert("columns".into(), columns.iter().map(column).collect());
    }
    let has_rows = !data.is_empty() && failed.is_none();
    if let Some(failure) = failed {
        page.insert("error".into(), failure);
    }
    page.insert("stats".into(), stats(of, told, stage));
    page.insert("warnings".into(), told.warnings.iter().map(warning).collect());
    if let Some(update) = told.update {
        page.insert("updateType".into(), json!(update));
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

fn stats(of: &Statement, told: &Told, stage: Stage) -> Value {
    let millis = u64::try_from(of.began.elapsed().as_millis()).unwrap_or(u64::MAX);
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
        "processedRows": told.rows,
        "processedBytes": told.bytes,
        "physicalInputBytes": 0,
    });
    // Without a stage, the command line of Presto cannot draw how far it is, and asks no further.
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

/// What is told of a statement to people who look.
pub(super) fn summary(of: &Statement, told: &Told) -> Bytes {
    let stage = match &told.end {
        None => Stage::Running,
        Some(Ok(())) => Stage::Finished,
        Some(Err(_)) => Stage::Failed,
    };
    let mut document = json!({"queryId": of.id, "state": stage.name(), "query": of.sql});
    document["queryStats"] = stats(of, told, stage);
    if let Some(Err(failure)) = &told.end {
        document["failureInfo"] = failure.document();
    }
    document.to_string().into()
}
