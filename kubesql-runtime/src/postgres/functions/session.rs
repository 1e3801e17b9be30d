//! Functions whose results depend on the session.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};
use std::time::SystemTime;

use arrow::array::{BooleanArray, Int32Array, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::DataType;
use datafusion::common::exec_err;

use super::general::{text_list, text_lists, utc};
use super::{Function, look_up_each, numbers, texts};
use crate::postgres::SessionInfo;
use crate::postgres::objects::Database;
use crate::sql::CATALOG;
use crate::sql::error::invalid;

/// The reported start of the server: the first use of one of these functions.
static STARTED: LazyLock<SystemTime> = LazyLock::new(SystemTime::now);

pub(super) fn functions(database: &Database) -> Vec<Function> {
    let text = |name: &'static str, value: fn(&SessionInfo) -> &str| {
        Function::with_session(name, DataType::Utf8, move |_, rows, session| {
            Ok(Arc::new(StringArray::from(vec![value(session); rows])))
        })
    };
    let mut functions = vec![
        text("current_user", |session| &session.user),
        text("session_user", |session| &session.user),
        text("user", |session| &session.user),
        text("pg_get_userbyid", |session| &session.user),
        text("current_schema", |session| &session.schema),
        text("current_catalog", |_| CATALOG),
        text("current_database", |_| CATALOG),
        Function::with_session("pg_backend_pid", DataType::Int32, |_, rows, session| {
            Ok(Arc::new(Int32Array::from(vec![session.process; rows])))
        }),
        current_schemas(),
        current_setting(),
        set_config(),
        table_is_visible(database),
    ];
    for name in ["pg_postmaster_start_time", "pg_conf_load_time"] {
        functions.push(Function::new(name, utc(), |_, rows| {
            let since = STARTED.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let micros = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
            Ok(Arc::new(TimestampMicrosecondArray::from(vec![micros; rows]).with_timezone("UTC")))
        }));
    }
    functions
}

/// `current_schemas(true)` includes `pg_catalog`, which is searched implicitly.
fn current_schemas() -> Function {
    Function::with_session("current_schemas", text_list(), |args, rows, session| {
        let implicit = args.first().map(texts).transpose()?.unwrap_or_default();
        let path = session.search_path();
        let lists = (0..rows).map(|row| {
            let implicit = implicit.get(row).cloned().flatten().is_some_and(|implicit| implicit == "true");
            if implicit { path.clone() } else { path[1..].to_vec() }
        });
        Ok(text_lists(&lists.collect::<Vec<_>>()))
    })
}

fn current_setting() -> Function {
    Function::with_session("current_setting", DataType::Utf8, |args, _, session| {
        let [names, rest @ ..] = args else { return exec_err!("function current_setting() does not exist") };
        let missing_ok = rest.first().map(texts).transpose()?.unwrap_or_default();
        let mut values = Vec::new();
        for (row, name) in texts(names)?.into_iter().enumerate() {
            let missing_ok = missing_ok.get(row).cloned().flatten().is_some_and(|ok| ok == "true");
            let value = name.as_deref().and_then(|name| session.setting(name));
            if let (Some(name), None, false) = (&name, value, missing_ok) {
                return invalid("42704", format!("unrecognized configuration parameter \"{name}\""));
            }
            values.push(value.map(str::to_owned));
        }
        Ok(Arc::new(values.into_iter().collect::<StringArray>()))
    })
}

/// Queries cannot change settings, so `set_config` fails unless the setting already has the value.
fn set_config() -> Function {
    Function::with_session("set_config", DataType::Utf8, |args, _, session| {
        let [names, values, ..] = args else { return exec_err!("function set_config(text) does not exist") };
        let (names, values) = (texts(names)?, texts(values)?);
        for (name, value) in names.iter().zip(&values) {
            let (Some(name), Some(value)) = (name, value) else { continue };
            if session.setting(name) != Some(value.as_str()) {
                return exec_err!("set_config cannot change settings: use SET {name} = '{value}'");
            }
        }
        Ok(Arc::new(values.into_iter().collect::<StringArray>()))
    })
}

/// `pg_table_is_visible(oid)`: whether the unqualified name refers to the table.
fn table_is_visible(database: &Database) -> Function {
    let database = database.clone();
    Function::with_session("pg_table_is_visible", DataType::Boolean, move |args, _, session| {
        let [oids, ..] = args else { return exec_err!("function pg_table_is_visible() does not exist") };
        let relations = database.objects.relations(&database.context);
        let mut names: HashSet<&str> = HashSet::new();
        let mut visible: HashSet<i32> = HashSet::new();
        for schema in session.search_path() {
            let here: Vec<_> = relations.iter().filter(|relation| relation.schema == schema).collect();
            visible.extend(
                here.iter().filter(|relation| !names.contains(relation.name.as_str())).map(|relation| relation.oid),
            );
            names.extend(here.iter().map(|relation| relation.name.as_str()));
        }
        let visible = look_up_each(&numbers(oids)?, |oid| Some(visible.contains(&oid)));
        Ok(Arc::new(visible.into_iter().collect::<BooleanArray>()))
    })
}
