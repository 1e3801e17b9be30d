//! `GET /api/v1/tables`: which tables and columns there are.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use kubesql_runtime::sql::{ColumnInfo, ErrorKind, TableInfo};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::json;
use super::problem::Problem;
use crate::glob;
use crate::http::admit;
use crate::query::Door;

/// Which tables are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Only those of this schema: `core`, `apps`
    schema: Option<String>,
    /// Only those of such names, of all there are: `*container*`, `networking.k8s.io.*`
    pattern: Option<String>,
    /// Also those of lists deep inside objects
    all: Option<bool>,
}

/// A table.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Table {
    #[schema(example = "apps")]
    schema: String,
    #[schema(example = "deployment_containers")]
    name: String,
    #[schema(example = "Deployment")]
    kind: String,
    /// Where its rows come from; empty for the kind's own
    #[schema(example = "spec.template.spec.containers[]")]
    path: String,
    /// Whether a bare `SHOW TABLES` lists it
    listed: bool,
}

/// List the tables
#[utoipa::path(
    get,
    path = "/api/v1/tables",
    tag = "tables",
    params(Wanted),
    responses(
        (status = 200, description = "The tables", body = Vec<Table>),
        (status = 400, description = "No such parameter", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn tables(
    State(door): State<Arc<Door>>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(Wanted { schema, pattern, all }) =
        wanted.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    let everything = all.unwrap_or(false) || pattern.is_some();
    let mut tables = door.tables().await;
    tables.retain(|table| {
        (everything || table.listed)
            && schema.as_ref().is_none_or(|schema| schema.eq_ignore_ascii_case(&table.schema))
            && pattern.as_ref().is_none_or(|pattern| glob::matches_table(pattern, table))
    });
    let table = |TableInfo { schema, name, kind, path, listed }| Table { schema, name, kind, path, listed };
    Ok(json(tables.into_iter().map(table).collect::<Vec<_>>()))
}

/// A table's columns.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Columns {
    #[schema(example = "core")]
    schema: String,
    #[schema(example = "pods")]
    name: String,
    columns: Vec<Column>,
}

/// A column of a table.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TableColumn)]
struct Column {
    #[schema(example = "labels.app")]
    name: String,
    /// As psql spells it
    #[serde(rename = "type")]
    #[schema(example = "text")]
    of: String,
    /// The path that it comes from
    #[schema(example = "metadata.labels[app]")]
    path: String,
    /// Whether it is there because some object has such a key
    dynamic: bool,
}

/// Describe a table: its columns, those that its objects' keys give included
#[utoipa::path(
    get,
    path = "/api/v1/tables/{table}",
    tag = "tables",
    params(("table" = String, Path, description = "The table, with its schema where needed: `pods`, `apps.deployments`")),
    responses(
        (status = 200, description = "The columns", body = Columns),
        (status = 404, description = "There is no such table", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "It took too long", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "A cluster cannot answer", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(super) async fn table(
    State(door): State<Arc<Door>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let client = admit::client(&door, &headers, None);
    let columns = client.describe(&name).await.map_err(|error| match error.kind {
        ErrorKind::UnknownTable => Problem::from(error).with_status(StatusCode::NOT_FOUND),
        _ => error.into(),
    })?;
    let lower = name.to_lowercase();
    let (schema, table) = lower.rsplit_once('.').unwrap_or(("kubesql", &lower));
    let column = |ColumnInfo { name, sql_type, path, dynamic }| Column { name, of: sql_type.to_owned(), path, dynamic };
    let columns = columns.into_iter().map(column).collect();
    Ok(json(Columns { schema: schema.to_owned(), name: table.to_owned(), columns }).into_response())
}
