//! `system.jdbc`: the metadata tables of the JDBC drivers of Presto and Trino.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::information_schema::tables;
use super::{Cell, ColumnType, EngineContext, SqlError, SystemTable};
use crate::sql::CATALOG;
use crate::system;

/// The schema, with `system`, which drivers use as a catalog. It is not listed.
pub(crate) const SCHEMA: &str = "system.jdbc";

const TEXT: ColumnType = ColumnType::Text;
const NUMBER: ColumnType = ColumnType::BigInt;
const INTEGER: ColumnType = ColumnType::Signed;

/// Types: the PostgreSQL name, the Presto name, the number in `java.sql.Types`, and the size in digits or characters.
const TYPES: [(&str, &str, i32, u64); 9] = [
    ("boolean", "boolean", 16, 0),
    ("smallint", "smallint", 5, 5),
    ("integer", "integer", 4, 10),
    ("bigint", "bigint", -5, 19),
    ("double precision", "double", 8, 53),
    ("date", "date", 91, 14),
    ("timestamp with time zone", "timestamp with time zone", 2014, 32),
    ("text", "varchar", 12, 2_147_483_647),
    ("map", "map(varchar, varchar)", 2000, 0),
];

/// The number of arrays in `java.sql.Types`.
const ARRAY: i32 = 2003;

/// Returns the Presto name, number and size of a type by its PostgreSQL name. JSON is sent as text.
fn jdbc_type(name: &str) -> (String, i32, Option<u64>) {
    if let Some(item) = name.strip_suffix("[]") {
        return (format!("array({})", jdbc_type(item).0), ARRAY, None);
    }
    let found = TYPES.into_iter().find(|(psql, ..)| *psql == name);
    let (_, name, number, size) = found.unwrap_or(("", "varchar", 12, 2_147_483_647));
    (name.to_owned(), number, (size > 0).then_some(size))
}

type Rows = Vec<Vec<Cell>>;

/// A table whose rows come from the context.
#[derive(Debug)]
pub(super) struct Jdbc {
    name: &'static str,
    columns: &'static [(&'static str, ColumnType)],
    rows: fn(&EngineContext, &BTreeMap<String, String>) -> Rows,
}

#[async_trait]
impl SystemTable for Jdbc {
    fn schema(&self) -> &'static str {
        SCHEMA
    }

    fn name(&self) -> &'static str {
        self.name
    }

    fn columns(&self) -> &'static [(&'static str, ColumnType)] {
        self.columns
    }

    async fn rows(&self, context: &EngineContext, only: &BTreeMap<String, String>) -> Result<Rows, SqlError> {
        Ok((self.rows)(context, only))
    }
}

/// Translates conditions to the column names of `information_schema.tables`.
fn to_table_conditions(only: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let renamed = [("table_schem", "table_schema"), ("table_name", "table_name")];
    renamed.into_iter().filter_map(|(from, to)| Some((to.to_owned(), only.get(from)?.clone()))).collect()
}

fn table_type(schema: &str, name: &str) -> &'static str {
    if system::find(schema, name).is_some() { "VIEW" } else { "TABLE" }
}

/// The rows of an empty table.
fn no_rows(_: &EngineContext, _: &BTreeMap<String, String>) -> Rows {
    Vec::new()
}

/// All tables except `columns`.
pub(super) static TABLES: [Jdbc; 12] = [
    Jdbc { name: "catalogs", columns: &[("table_cat", TEXT)], rows: |_, _| vec![vec![CATALOG.into()]] },
    Jdbc {
        name: "schemas",
        columns: &[("table_schem", TEXT), ("table_catalog", TEXT)],
        rows: |context, _| context.schemas().into_iter().map(|name| vec![Cell::Text(name), CATALOG.into()]).collect(),
    },
    Jdbc {
        name: "table_types",
        columns: &[("table_type", TEXT)],
        rows: |_, _| vec![vec!["TABLE".into()], vec!["VIEW".into()]],
    },
    Jdbc {
        name: "tables",
        columns: &[
            ("table_cat", TEXT),
            ("table_schem", TEXT),
            ("table_name", TEXT),
            ("table_type", TEXT),
            ("remarks", TEXT),
            ("type_cat", TEXT),
            ("type_schem", TEXT),
            ("type_name", TEXT),
            ("self_referencing_col_name", TEXT),
            ("ref_generation", TEXT),
        ],
        rows: |context, only| {
            let found = tables(context, &to_table_conditions(only)).into_iter().map(|(schema, name)| {
                let kind = table_type(&schema, &name);
                let mut row = vec![CATALOG.into(), Cell::Text(schema), Cell::Text(name), kind.into()];
                row.resize(10, Cell::Null);
                row
            });
            found.collect()
        },
    },
    Jdbc {
        name: "types",
        columns: &[
            ("type_name", TEXT),
            ("data_type", INTEGER),
            ("precision", NUMBER),
            ("literal_prefix", TEXT),
            ("literal_suffix", TEXT),
            ("create_params", TEXT),
            ("nullable", INTEGER),
            ("case_sensitive", ColumnType::Boolean),
            ("searchable", INTEGER),
            ("unsigned_attribute", ColumnType::Boolean),
            ("fixed_prec_scale", ColumnType::Boolean),
            ("auto_increment", ColumnType::Boolean),
            ("local_type_name", TEXT),
            ("minimum_scale", INTEGER),
            ("maximum_scale", INTEGER),
            ("sql_data_type", INTEGER),
            ("sql_datetime_sub", INTEGER),
            ("num_prec_radix", INTEGER),
        ],
        rows: |_, _| {
            let row = |(_, name, number, size): (&str, &str, i32, u64)| {
                let size = if size > 0 { Cell::BigInt(size) } else { Cell::Null };
                let mut row = vec![name.into(), Cell::Signed(number), size, Cell::Null, Cell::Null, Cell::Null];
                // Nullable, and searchable with every condition.
                row.extend([Cell::Signed(1), Cell::Boolean(name == "varchar"), Cell::Signed(3)]);
                row.extend([Cell::Boolean(false), Cell::Boolean(false), Cell::Boolean(false)]);
                row.resize(17, Cell::Null);
                row.push(Cell::Signed(10));
                row
            };
            TYPES.map(row).to_vec()
        },
    },
    Jdbc {
        name: "procedures",
        columns: &[
            ("procedure_cat", TEXT),
            ("procedure_schem", TEXT),
            ("procedure_name", TEXT),
            ("remarks", TEXT),
            ("procedure_type", INTEGER),
            ("specific_name", TEXT),
        ],
        rows: no_rows,
    },
    Jdbc {
        name: "procedure_columns",
        columns: &[
            ("procedure_cat", TEXT),
            ("procedure_schem", TEXT),
            ("procedure_name", TEXT),
            ("column_name", TEXT),
            ("column_type", INTEGER),
            ("data_type", INTEGER),
            ("type_name", TEXT),
            ("precision", INTEGER),
            ("length", INTEGER),
            ("scale", INTEGER),
            ("radix", INTEGER),
            ("nullable", INTEGER),
            ("remarks", TEXT),
            ("column_def", TEXT),
            ("sql_data_type", INTEGER),
            ("sql_datetime_sub", INTEGER),
            ("char_octet_length", INTEGER),
            ("ordinal_position", INTEGER),
            ("is_nullable", TEXT),
            ("specific_name", TEXT),
        ],
        rows: no_rows,
    },
    Jdbc {
        name: "udts",
        columns: &[
            ("type_cat", TEXT),
            ("type_schem", TEXT),
            ("type_name", TEXT),
            ("class_name", TEXT),
            ("data_type", INTEGER),
            ("remarks", TEXT),
            ("base_type", INTEGER),
        ],
        rows: no_rows,
    },
    Jdbc {
        name: "attributes",
        columns: &[
            ("type_cat", TEXT),
            ("type_schem", TEXT),
            ("type_name", TEXT),
            ("attr_name", TEXT),
            ("data_type", INTEGER),
            ("attr_type_name", TEXT),
            ("attr_size", INTEGER),
            ("decimal_digits", INTEGER),
            ("num_prec_radix", INTEGER),
            ("nullable", INTEGER),
            ("remarks", TEXT),
            ("attr_def", TEXT),
            ("sql_data_type", INTEGER),
            ("sql_datetime_sub", INTEGER),
            ("char_octet_length", INTEGER),
            ("ordinal_position", INTEGER),
            ("is_nullable", TEXT),
            ("scope_catalog", TEXT),
            ("scope_schema", TEXT),
            ("scope_table", TEXT),
            ("source_data_type", INTEGER),
        ],
        rows: no_rows,
    },
    Jdbc {
        name: "super_tables",
        columns: &[("table_cat", TEXT), ("table_schem", TEXT), ("table_name", TEXT), ("supertable_name", TEXT)],
        rows: no_rows,
    },
    Jdbc {
        name: "super_types",
        columns: &[
            ("type_cat", TEXT),
            ("type_schem", TEXT),
            ("type_name", TEXT),
            ("supertype_cat", TEXT),
            ("supertype_schem", TEXT),
            ("supertype_name", TEXT),
        ],
        rows: no_rows,
    },
    Jdbc {
        name: "pseudo_columns",
        columns: &[
            ("table_cat", TEXT),
            ("table_schem", TEXT),
            ("table_name", TEXT),
            ("column_name", TEXT),
            ("data_type", INTEGER),
            ("column_size", INTEGER),
            ("decimal_digits", INTEGER),
            ("num_prec_radix", INTEGER),
            ("column_usage", TEXT),
            ("remarks", TEXT),
            ("char_octet_length", INTEGER),
            ("is_nullable", TEXT),
        ],
        rows: no_rows,
    },
];

/// The columns of tables; those that the data's keys give for one table only.
#[derive(Debug)]
pub(super) struct Columns;

#[async_trait]
impl SystemTable for Columns {
    fn schema(&self) -> &'static str {
        SCHEMA
    }

    fn name(&self) -> &'static str {
        "columns"
    }

    fn columns(&self) -> &'static [(&'static str, ColumnType)] {
        &[
            ("table_cat", TEXT),
            ("table_schem", TEXT),
            ("table_name", TEXT),
            ("column_name", TEXT),
            ("data_type", INTEGER),
            ("type_name", TEXT),
            ("column_size", NUMBER),
            ("buffer_length", NUMBER),
            ("decimal_digits", NUMBER),
            ("num_prec_radix", NUMBER),
            ("nullable", INTEGER),
            ("remarks", TEXT),
            ("column_def", TEXT),
            ("sql_data_type", INTEGER),
            ("sql_datetime_sub", INTEGER),
            ("char_octet_length", NUMBER),
            ("ordinal_position", ColumnType::Integer),
            ("is_nullable", TEXT),
            ("scope_catalog", TEXT),
            ("scope_schema", TEXT),
            ("scope_table", TEXT),
            ("source_data_type", INTEGER),
            ("is_autoincrement", TEXT),
            ("is_generatedcolumn", TEXT),
        ]
    }

    async fn rows(&self, context: &EngineContext, only: &BTreeMap<String, String>) -> Result<Rows, SqlError> {
        let data = only.contains_key("table_name");
        let mut rows = Vec::new();
        for (schema, name) in tables(context, &to_table_conditions(only)) {
            // An ambiguous name has no columns.
            let Ok(columns) = context.describe(&schema, &name, data).await else { continue };
            for (position, column) in (1..).zip(columns) {
                let (type_name, number, size) = jdbc_type(column.sql_type);
                let size = size.map_or(Cell::Null, Cell::BigInt);
                let is_number = matches!(number, 4 | 5 | 8 | -5);
                let radix = if is_number { Cell::BigInt(10) } else { Cell::Null };
                let mut row = vec![CATALOG.into(), Cell::Text(schema.clone()), Cell::Text(name.clone())];
                row.extend([Cell::Text(column.name), Cell::Signed(number), Cell::Text(type_name), size]);
                row.extend([Cell::Null, Cell::Null, radix, Cell::Signed(1), Cell::Text(column.path)]);
                row.extend([Cell::Null, Cell::Null, Cell::Null, Cell::Null, Cell::Integer(position), "YES".into()]);
                row.extend([Cell::Null, Cell::Null, Cell::Null, Cell::Null, "NO".into(), "NO".into()]);
                rows.push(row);
            }
        }
        Ok(rows)
    }
}
