//! Runs statements on a `kubesql serve` through its HTTP API.

mod http;
mod rows;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use async_trait::async_trait;
use kubesql_runtime::sql::tokens::{Token, tokenize};
use kubesql_runtime::sql::{Answer, Engine, SqlError};
use kubesql_runtime::store::Warning;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

use super::{Backend, Column};
use crate::args::{ServerArgs, SourceArgs};
use crate::commands::progress::Progress;
use crate::failure::Failure;

/// A server. Each request has its own session there, so settings are kept here and sent with each request.
pub(super) struct Remote {
    server: Arc<http::Server>,
    settings: Mutex<BTreeMap<String, String>>,
    warnings: Arc<Mutex<Vec<Warning>>>,
    /// The compiled tables, whose columns are known without the server.
    known: OnceLock<Option<Arc<Engine>>>,
    place: String,
}

impl Remote {
    pub(super) fn new(runtime: &Runtime, url: &str, args: &ServerArgs) -> Result<Self, Failure> {
        let server = http::Server::new(url, args)?;
        let remote = Self {
            place: server.place(),
            server: Arc::new(server),
            settings: Mutex::default(),
            warnings: Arc::default(),
            known: OnceLock::new(),
        };
        // Connection and authentication errors are reported before the first statement.
        runtime.block_on(async {
            let answer = remote.ask("select 1").await?;
            rows::drain(answer).await
        })?;
        Ok(remote)
    }

    async fn post(&self, sql: &str, settings: &Map<String, Value>, keep: KeepWarnings) -> Result<Answer, SqlError> {
        let body = json!({"sql": sql, "settings": settings});
        let response = self.server.post("/api/v1/query", &body, "application/vnd.apache.arrow.stream").await?;
        rows::answer(response, command_tag(sql), keep.0.then(|| Arc::clone(&self.warnings))).await
    }

    fn session(&self) -> Map<String, Value> {
        self.settings.lock().iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect()
    }
}

/// Whether warnings are kept for the user.
struct KeepWarnings(bool);

#[async_trait]
impl Backend for Remote {
    async fn execute(&self, sql: &str) -> Result<Answer, SqlError> {
        let change = changed_setting(sql);
        let answer = self.post(sql, &self.session(), KeepWarnings(true)).await?;
        match change {
            Some((name, Some(value))) => _ = self.settings.lock().insert(name, value),
            Some((name, None)) => _ = self.settings.lock().remove(&name),
            None => {}
        }
        Ok(answer)
    }

    fn take_warnings(&self) -> Vec<Warning> {
        std::mem::take(&mut *self.warnings.lock())
    }

    async fn ask(&self, sql: &str) -> Result<Answer, SqlError> {
        self.post(sql, &Map::new(), KeepWarnings(false)).await
    }

    async fn columns(&self, table: &str, data: bool) -> Result<Vec<Column>, SqlError> {
        if !data {
            let open = || SourceArgs::open_none().ok().map(|opened| opened.engine);
            let Some(engine) = self.known.get_or_init(open) else { return Ok(Vec::new()) };
            let columns = engine.describe(table, false).await?.into_iter();
            let column = |column: kubesql_runtime::sql::ColumnInfo| Column {
                name: column.name,
                sql_type: column.sql_type.to_owned(),
                path: column.path,
            };
            return Ok(columns.map(column).collect());
        }
        #[derive(Deserialize)]
        struct Table {
            columns: Vec<ColumnJson>,
        }
        #[derive(Deserialize)]
        struct ColumnJson {
            name: String,
            #[serde(rename = "type")]
            sql_type: String,
            #[serde(default)]
            path: Option<String>,
        }
        let name = table.to_lowercase().replace('"', "");
        let name = percent_encoding::utf8_percent_encode(&name, percent_encoding::NON_ALPHANUMERIC);
        let body = self.server.get(&format!("/api/v1/tables/{name}")).await?;
        let table: Table = serde_json::from_slice(&body).map_err(http::cannot_decode)?;
        let column = |ColumnJson { name, sql_type, path }| Column { name, sql_type, path: path.unwrap_or_default() };
        Ok(table.columns.into_iter().map(column).collect())
    }

    fn progress(&self) -> Progress {
        let (began, place) = (Instant::now(), self.place.clone());
        Progress::of_text(move || format!("waiting for {place}, {} s (Ctrl-C cancels)", began.elapsed().as_secs()))
    }

    fn place(&self) -> String {
        self.place.clone()
    }
}

/// The command tag of a statement, by its first word.
fn command_tag(sql: &str) -> &'static str {
    let first = tokenize(sql).into_iter().find(|token| !token.is_trivia()).map_or("", |token| token.text);
    let known = ["SET", "RESET", "USE", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "BEGIN", "START", "COMMIT", "ROLLBACK"];
    match known.iter().find(|known| first.eq_ignore_ascii_case(known)) {
        Some(&"USE") => "SET",
        Some(&("DESCRIBE" | "DESC")) => "SHOW",
        Some(&"START") => "BEGIN",
        Some(command) => command,
        None => "SELECT",
    }
}

/// The setting that a statement changes, and its new value; `None` as the value resets it to the default.
fn changed_setting(sql: &str) -> Option<(String, Option<String>)> {
    let tokens: Vec<_> = tokenize(sql).into_iter().filter(|token| !token.is_trivia()).collect();
    let (first, mut rest) = tokens.split_first()?;
    let dotted = |tokens: &[Token<'_>]| tokens.iter().filter_map(Token::identifier).collect::<Vec<_>>().join(".");
    if first.is_keyword("use") {
        return Some(("search_path".to_owned(), Some(dotted(rest))));
    }
    if !first.is_keyword("set") && !first.is_keyword("reset") {
        return None;
    }
    if let Some((scope, more)) = rest.split_first()
        && (scope.is_keyword("session") || scope.is_keyword("local"))
    {
        rest = more;
    }
    let end = rest.iter().position(|token| token.is_keyword("to") || token.is_symbol('=')).unwrap_or(rest.len());
    let name = dotted(&rest[..end]);
    let text = |token: &Token<'_>| token.string_value().or_else(|| token.identifier());
    let value = match rest.get(end + 1..) {
        Some([value]) if value.is_keyword("default") => None,
        Some(values) if !values.is_empty() => {
            Some(values.iter().map(|token| text(token).unwrap_or_else(|| token.text.to_owned())).collect())
        }
        _ => None,
    };
    (!name.is_empty()).then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognizes_changed_settings() {
        let of = |name: &str, value: Option<&str>| Some((name.to_owned(), value.map(str::to_owned)));
        for (sql, expect) in [
            ("set kubesql.partial = on", of("kubesql.partial", Some("on"))),
            ("SET search_path TO 'apps'", of("search_path", Some("apps"))),
            ("set session search_path = \"cert-manager.io\"", of("search_path", Some("cert-manager.io"))),
            ("use kubesql.apps", of("search_path", Some("kubesql.apps"))),
            ("reset kubesql.partial", of("kubesql.partial", None)),
            ("set search_path = default", of("search_path", None)),
            ("select 1", None),
        ] {
            assert_eq!(changed_setting(sql), expect, "{sql}");
        }
        assert_eq!((command_tag("-- x\nShow all"), command_tag("with x as (select 1) select 1")), ("SHOW", "SELECT"));
    }
}
