//! `GET /api/v1/tables` and `GET /api/v1/tables/{table}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kubesql_runtime::sql::{ColumnInfo, ErrorKind, TableInfo};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::problem::Problem;
use crate::glob;
use crate::http::identity::Identity;
use crate::query::Frontend;

/// The tables to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TableQuery {
    /// Only tables of this schema: `core`, `apps`
    schema: Option<String>,
    /// Only tables whose names match this pattern, including unlisted ones: `*container*`, `networking.k8s.io.*`
    pattern: Option<String>,
    /// Include unlisted tables, which are those of deeply nested lists
    all: Option<bool>,
}

/// A table.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Table)]
pub(super) struct TableDocument {
    #[schema(example = "apps")]
    schema: String,
    #[schema(example = "deployment_containers")]
    name: String,
    #[schema(example = "Deployment")]
    kind: String,
    /// The path of the list that its rows are the items of; empty if its rows are the objects themselves
    #[schema(example = "spec.template.spec.containers[]")]
    path: String,
    /// Whether `SHOW TABLES` lists it
    listed: bool,
}

/// List the tables
#[utoipa::path(
    get,
    path = "/api/v1/tables",
    tag = "tables",
    params(TableQuery),
    responses(
        (status = 200, description = "The tables", body = Vec<TableDocument>),
        (status = 400, description = "Unknown parameter", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn tables(
    State(frontend): State<Arc<Frontend>>,
    _: Identity,
    query: Result<Query<TableQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(TableQuery { schema, pattern, all }) =
        query.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    let is_unlisted_included = all.unwrap_or(false) || pattern.is_some();
    let mut tables = frontend.tables().await;
    tables.retain(|table| {
        (is_unlisted_included || table.listed)
            && schema.as_ref().is_none_or(|schema| schema.eq_ignore_ascii_case(&table.schema))
            && pattern.as_ref().is_none_or(|pattern| glob::matches_table(pattern, table))
    });
    let document = |TableInfo { schema, name, kind, path, listed }| TableDocument { schema, name, kind, path, listed };
    Ok(Json(tables.into_iter().map(document).collect::<Vec<_>>()).into_response())
}

/// The columns of a table.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Columns)]
pub(super) struct TableColumns {
    #[schema(example = "core")]
    schema: String,
    #[schema(example = "pods")]
    name: String,
    columns: Vec<TableColumn>,
}

/// A column of a table.
#[derive(Debug, Serialize, ToSchema)]
struct TableColumn {
    #[schema(example = "labels.app")]
    name: String,
    /// The name of the SQL type, as in psql
    #[serde(rename = "type")]
    #[schema(example = "text")]
    sql_type: String,
    /// The path of its field in the object
    #[schema(example = "metadata.labels[app]")]
    path: String,
    /// Whether it is a key of a map, found in at least one object
    dynamic: bool,
}

/// Describe a table: its columns, including those of the keys of its maps
#[utoipa::path(
    get,
    path = "/api/v1/tables/{table}",
    tag = "tables",
    params(("table" = String, Path, description = "The table, optionally with its schema: `pods`, `apps.deployments`")),
    responses(
        (status = 200, description = "The columns", body = TableColumns),
        (status = 404, description = "The table does not exist", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The statement took too long", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "A cluster could not answer", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(super) async fn table(
    State(frontend): State<Arc<Frontend>>,
    identity: Identity,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let client = identity.into_client(&frontend, None);
    let columns = client.describe(&name).await.map_err(|error| match error.kind {
        ErrorKind::UnknownTable => Problem::from(error).with_status(StatusCode::NOT_FOUND),
        _ => error.into(),
    })?;
    let lower = name.to_lowercase();
    let (schema, table) = lower.rsplit_once('.').unwrap_or(("kubesql", &lower));
    let column = |ColumnInfo { name, sql_type, path, dynamic }| TableColumn {
        name,
        sql_type: sql_type.to_owned(),
        path,
        dynamic,
    };
    let columns = columns.into_iter().map(column).collect();
    Ok(Json(TableColumns { schema: schema.to_owned(), name: table.to_owned(), columns }).into_response())
}
