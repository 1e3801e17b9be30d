//! The tables that a client asks for, with their columns where it wants them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema};
use arrow_flight::sql::CommandGetTables;
use tonic::Status;

use super::metadata::{CATALOG, arrow, ask};
use super::types;
use crate::query::Client;

/// What kinds of tables there are: those of objects, and those about kubesql itself.
pub(super) const TABLE: &str = "TABLE";
pub(super) const VIEW: &str = "VIEW";

/// A schema and a table in it.
type Name = (String, String);

/// Columns of tables.
type Columns = BTreeMap<Name, Vec<Field>>;

/// The tables that are asked for. Those that are not listed are there for who names them.
pub(super) async fn answer(command: CommandGetTables, client: &Client) -> Result<RecordBatch, Status> {
    let pattern = command.table_name_filter_pattern.clone();
    let name = pattern.as_deref().and_then(plain);
    let mut found: BTreeMap<Name, &'static str> = list(client, None).await?.into_iter().collect();
    if let Some(name) = &name {
        found.extend(list(client, Some(name)).await?);
    }
    let with_columns = command.include_schema;
    found.retain(|(_, table), _| pattern.as_deref().is_none_or(|pattern| like(pattern, table)));
    let mut columns = Columns::new();
    if let Some(name) = name.filter(|_| with_columns) {
        // Who means one table is told the columns that its objects make, too.
        columns = self::columns(client, &format!("table_name = {}", quoted(&name))).await?;
    }
    // Of tables whose objects cannot be had as well: the columns that they have without.
    if with_columns && found.keys().any(|of| !columns.contains_key(of)) {
        for (of, fields) in self::columns(client, "true").await? {
            columns.entry(of).or_insert(fields);
        }
    }
    let mut tables = command.into_builder();
    for ((schema, table), kind) in found {
        let of = (schema, table);
        let fields = columns.get(&of).cloned().unwrap_or_default();
        if with_columns && fields.is_empty() {
            // A name that several groups claim.
            continue;
        }
        let fields = Arc::new(Schema::new(fields));
        tables.append(CATALOG, &of.0, &of.1, kind, &fields).map_err(arrow)?;
    }
    tables.build().map_err(arrow)
}

/// The tables that are listed, or all of a name.
async fn list(client: &Client, name: Option<&str>) -> Result<Vec<(Name, &'static str)>, Status> {
    let only = name.map(|name| format!(" WHERE table_name = {}", quoted(name))).unwrap_or_default();
    let sql = format!("SELECT table_schema, table_name, table_type FROM information_schema.tables{only}");
    let table = |row: Vec<String>| {
        let [schema, name, kind] = <[String; 3]>::try_from(row).ok()?;
        Some(((schema, name), if kind == "VIEW" { VIEW } else { TABLE }))
    };
    Ok(ask(client, &sql).await?.into_iter().filter_map(table).collect())
}

/// The columns of the tables of which this is true, in one statement.
async fn columns(client: &Client, only: &str) -> Result<Columns, Status> {
    let sql = format!(
        "SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns \
         WHERE {only} ORDER BY table_schema, table_name, ordinal_position"
    );
    let mut found = Columns::new();
    for row in ask(client, &sql).await? {
        let Ok([schema, table, column, of]) = <[String; 4]>::try_from(row) else { continue };
        found.entry((schema, table)).or_default().push(types::column(&column, &of));
    }
    Ok(found)
}

/// The one name that a pattern can mean, but for `_` in it; none where it means several.
fn plain(pattern: &str) -> Option<String> {
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

/// Whether a name is as a pattern says: `%` is any text, `_` any character, `\\` takes the next one as it is.
fn like(pattern: &str, name: &str) -> bool {
    let mut rest = name.chars();
    let mut pattern = pattern.chars();
    while let Some(character) = pattern.next() {
        let wanted = match character {
            '%' => {
                let behind = pattern.as_str();
                return (0..=rest.as_str().len())
                    .filter_map(|at| rest.as_str().get(at..))
                    .any(|rest| like(behind, rest));
            }
            '_' => None,
            '\\' => pattern.next(),
            other => Some(other),
        };
        match rest.next() {
            Some(next) if wanted.is_none_or(|wanted| wanted == next) => {}
            _ => return false,
        }
    }
    rest.as_str().is_empty()
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_mean_one_table() {
        for (pattern, name) in [
            ("pods", Some("pods")),
            ("pod_volumes", Some("pod_volumes")),
            ("pod\\_volumes", Some("pod_volumes")),
            ("pod%", None),
            ("a\\%b", Some("a%b")),
        ] {
            assert_eq!(plain(pattern).as_deref(), name, "{pattern}");
            assert!(name.is_none_or(|name| like(pattern, name)), "{pattern}");
        }
        for (pattern, name, is) in [
            ("%sets", "daemonsets", true),
            ("pod_", "pods", true),
            ("pod\\_", "pods", false),
            ("%p%d%", "pods", true),
            ("pod", "pods", false),
            ("pods_", "pods", false),
            ("%", "", true),
        ] {
            assert_eq!(like(pattern, name), is, "{pattern} {name}");
        }
        assert_eq!(quoted("o'clock"), "'o''clock'");
    }
}
