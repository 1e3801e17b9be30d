//! The answer to `GetTables`: tables, optionally with their columns.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema};
use arrow_flight::sql::CommandGetTables;
use kubesql_runtime::sql::LikePattern;
use tonic::Status;

use super::catalog_query::{CATALOG, query};
use super::status::from_flight;
use super::{status, types};
use crate::query::Client;

/// The types of tables: those of objects, and the system tables.
pub(super) const TABLE: &str = "TABLE";
pub(super) const VIEW: &str = "VIEW";

/// The names of a schema and of a table in it.
type TableName = (String, String);

/// The columns of each table.
type TableColumns = BTreeMap<TableName, Vec<Field>>;

/// The tables that match the command. Unlisted tables are included only if the pattern is the name of one.
pub(super) async fn answer(command: CommandGetTables, client: &Client) -> Result<RecordBatch, Status> {
    let pattern = command.table_name_filter_pattern.clone();
    let name = pattern.as_deref().and_then(single_name);
    let mut found: BTreeMap<TableName, &'static str> = list(client, None).await?.into_iter().collect();
    if let Some(name) = &name {
        found.extend(list(client, Some(name)).await?);
    }
    let with_columns = command.include_schema;
    if let Some(pattern) = &pattern {
        let like = LikePattern::new(pattern, Some('\\')).map_err(status::from_sql)?;
        found.retain(|(_, table), _| like.matches(table));
    }
    let mut columns = TableColumns::new();
    if let Some(name) = name.filter(|_| with_columns) {
        // For a single table, the columns of the keys of its maps are included.
        columns = self::columns(client, &format!("table_name = {}", quote_literal(&name))).await?;
    }
    // Tables whose objects could not be read have their fixed columns.
    if with_columns && found.keys().any(|table| !columns.contains_key(table)) {
        for (table, fields) in self::columns(client, "true").await? {
            columns.entry(table).or_insert(fields);
        }
    }
    let mut tables = command.into_builder();
    for ((schema, table), kind) in found {
        let name = (schema, table);
        let fields = columns.get(&name).cloned().unwrap_or_default();
        if with_columns && fields.is_empty() {
            // The name is ambiguous: several API groups have such a table.
            continue;
        }
        let fields = Arc::new(Schema::new(fields));
        tables.append(CATALOG, &name.0, &name.1, kind, &fields).map_err(from_flight)?;
    }
    tables.build().map_err(from_flight)
}

/// The listed tables, or all tables of a name.
async fn list(client: &Client, name: Option<&str>) -> Result<Vec<(TableName, &'static str)>, Status> {
    let only = name.map(|name| format!(" WHERE table_name = {}", quote_literal(name))).unwrap_or_default();
    let sql = format!("SELECT table_schema, table_name, table_type FROM information_schema.tables{only}");
    let table = |row: Vec<String>| {
        let [schema, name, kind] = <[String; 3]>::try_from(row).ok()?;
        Some(((schema, name), if kind == "VIEW" { VIEW } else { TABLE }))
    };
    Ok(query(client, &sql).await?.into_iter().filter_map(table).collect())
}

/// The columns of the tables that satisfy a condition.
async fn columns(client: &Client, condition: &str) -> Result<TableColumns, Status> {
    let sql = format!(
        "SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns \
         WHERE {condition} ORDER BY table_schema, table_name, ordinal_position"
    );
    let mut found = TableColumns::new();
    for row in query(client, &sql).await? {
        let Ok([schema, table, column, sql_type]) = <[String; 4]>::try_from(row) else { continue };
        found.entry((schema, table)).or_default().push(types::table_column(&column, &sql_type));
    }
    Ok(found)
}

/// The name that a pattern without `%` stands for. `_` is taken literally, since names often contain it and clients
/// often do not escape it.
fn single_name(pattern: &str) -> Option<String> {
    let (mut name, mut characters) = (String::new(), pattern.chars());
    while let Some(character) = characters.next() {
        match character {
            '%' => return None,
            '\\' => name.extend(characters.next()),
            other => name.push(other),
        }
    }
    Some(name)
}

fn quote_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_without_percent_are_single_names() {
        for (pattern, name) in [
            ("pods", Some("pods")),
            ("pod_volumes", Some("pod_volumes")),
            ("pod\\_volumes", Some("pod_volumes")),
            ("pod%", None),
            ("a\\%b", Some("a%b")),
        ] {
            assert_eq!(single_name(pattern).as_deref(), name, "{pattern}");
        }
        assert_eq!(quote_literal("o'clock"), "'o''clock'");
    }
}
