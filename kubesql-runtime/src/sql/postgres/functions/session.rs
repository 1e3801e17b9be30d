//! Functions whose answer depends on who asks.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};
use std::time::SystemTime;

use arrow::array::{BooleanArray, Int32Array, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::DataType;
use datafusion::common::exec_err;

use super::super::{Facts, rewrite};
use super::plain::{text_list, text_lists, utc};
use super::{Function, each, numbers, texts};
use crate::sql::error::invalid;
use crate::sql::house::House;
use crate::sql::registry::CATALOG;

/// What a table's name or number is cast to.
pub(in crate::sql::postgres) const REGCLASS: &str = "pg_regclass";

/// Their names.
pub(super) const NAMES: [&str; 24] = [
    "current_user",
    "session_user",
    "user",
    "pg_get_userbyid",
    "current_schema",
    "current_schemas",
    "current_catalog",
    "current_database",
    "current_query",
    "current_setting",
    "set_config",
    "pg_backend_pid",
    "pg_table_is_visible",
    "pg_type_is_visible",
    "pg_function_is_visible",
    "pg_operator_is_visible",
    "pg_opclass_is_visible",
    "pg_collation_is_visible",
    "pg_statistics_obj_is_visible",
    "pg_ts_config_is_visible",
    "to_regclass",
    REGCLASS,
    "pg_postmaster_start_time",
    "pg_conf_load_time",
];

/// When this process began to be asked.
static STARTED: LazyLock<SystemTime> = LazyLock::new(SystemTime::now);

pub(super) fn functions(house: &Arc<House>, facts: &Arc<Facts>) -> Vec<Function> {
    let text = |name: &'static str, of: String| {
        Function::new(name, DataType::Utf8, move |_, rows| Ok(Arc::new(StringArray::from(vec![of.as_str(); rows]))))
    };
    let mut functions = vec![
        text("current_user", facts.user.clone()),
        text("session_user", facts.user.clone()),
        text("user", facts.user.clone()),
        text("pg_get_userbyid", facts.user.clone()),
        text("current_schema", facts.schema.clone()),
        text("current_catalog", CATALOG.to_owned()),
        text("current_database", CATALOG.to_owned()),
    ];
    let process = facts.process;
    functions.push(Function::new("pg_backend_pid", DataType::Int32, move |_, rows| {
        Ok(Arc::new(Int32Array::from(vec![process; rows])))
    }));
    for name in ["pg_postmaster_start_time", "pg_conf_load_time"] {
        functions.push(Function::new(name, utc(), |_, rows| {
            let since = STARTED.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let micros = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
            Ok(Arc::new(TimestampMicrosecondArray::from(vec![micros; rows]).with_timezone("UTC")))
        }));
    }
    for name in ["pg_type_is_visible", "pg_function_is_visible", "pg_operator_is_visible", "pg_opclass_is_visible"] {
        functions
            .push(Function::new(name, DataType::Boolean, |_, rows| Ok(Arc::new(BooleanArray::from(vec![true; rows])))));
    }
    for name in ["pg_collation_is_visible", "pg_statistics_obj_is_visible", "pg_ts_config_is_visible"] {
        functions
            .push(Function::new(name, DataType::Boolean, |_, rows| Ok(Arc::new(BooleanArray::from(vec![true; rows])))));
    }
    functions.extend([
        schemas(facts),
        setting(facts),
        set_config(facts),
        visible(house, facts),
        to_class(house, facts, false),
        to_class(house, facts, true),
    ]);
    functions
}

/// `current_schemas(true)` has those in it that are always looked at.
fn schemas(facts: &Arc<Facts>) -> Function {
    let facts = Arc::clone(facts);
    Function::new("current_schemas", text_list(), move |args, rows| {
        let all = args.first().map(texts).transpose()?.unwrap_or_default();
        let path = facts.path();
        let lists = (0..rows).map(|row| {
            let all = all.get(row).cloned().flatten().is_some_and(|all| all == "true");
            if all { path.clone() } else { path[1..].to_vec() }
        });
        Ok(text_lists(&lists.collect::<Vec<_>>()))
    })
}

fn setting(facts: &Arc<Facts>) -> Function {
    let facts = Arc::clone(facts);
    Function::new("current_setting", DataType::Utf8, move |args, _| {
        let [names, rest @ ..] = args else { return exec_err!("current_setting takes a name") };
        let lenient = match rest.first() {
            Some(lenient) => texts(lenient)?,
            None => Vec::new(),
        };
        let mut values = Vec::new();
        for (row, name) in texts(names)?.into_iter().enumerate() {
            let missing_ok = lenient.get(row).cloned().flatten().is_some_and(|ok| ok == "true");
            let value = name.as_deref().and_then(|name| facts.setting(name));
            if let (Some(name), None, false) = (&name, value, missing_ok) {
                return invalid("42704", format!("unrecognized configuration parameter \"{name}\""));
            }
            values.push(value.map(str::to_owned));
        }
        Ok(Arc::new(values.into_iter().collect::<StringArray>()))
    })
}

/// A query changes nothing: what it sets is what is set already, or it is an error that says how.
fn set_config(facts: &Arc<Facts>) -> Function {
    let facts = Arc::clone(facts);
    Function::new("set_config", DataType::Utf8, move |args, _| {
        let [names, values, ..] = args else { return exec_err!("set_config takes a name and a value") };
        let (names, values) = (texts(names)?, texts(values)?);
        for (name, value) in names.iter().zip(&values) {
            let (Some(name), Some(value)) = (name, value) else { continue };
            if facts.setting(name) != Some(value.as_str()) {
                return exec_err!("set_config changes nothing here: use SET {name} = '{value}'");
            }
        }
        Ok(Arc::new(values.into_iter().collect::<StringArray>()))
    })
}

/// Whether a table is found by its bare name.
fn visible(house: &Arc<House>, facts: &Arc<Facts>) -> Function {
    let (house, facts) = (Arc::clone(house), Arc::clone(facts));
    Function::new("pg_table_is_visible", DataType::Boolean, move |args, _| {
        let [oids, ..] = args else { return exec_err!("pg_table_is_visible takes a number") };
        let relations = house.objects.relations(&house);
        let mut seen: HashSet<&str> = HashSet::new();
        let mut found: HashSet<i32> = HashSet::new();
        for schema in facts.path() {
            let here: Vec<_> = relations.iter().filter(|relation| relation.schema == schema).collect();
            found.extend(here.iter().filter(|relation| !seen.contains(relation.name.as_str())).map(|of| of.oid));
            seen.extend(here.iter().map(|relation| relation.name.as_str()));
        }
        let visible = each(&numbers(oids)?, |oid| Some(found.contains(&oid)));
        Ok(Arc::new(visible.into_iter().collect::<BooleanArray>()))
    })
}

/// The number of the table of a name: where there is none, NULL, or an error for a cast.
fn to_class(house: &Arc<House>, facts: &Arc<Facts>, cast: bool) -> Function {
    let (house, facts) = (Arc::clone(house), Arc::clone(facts));
    Function::new(if cast { REGCLASS } else { "to_regclass" }, DataType::Int32, move |args, _| {
        let [names, ..] = args else { return exec_err!("to_regclass takes a name") };
        let mut found = Vec::new();
        for name in texts(names)? {
            let Some(name) = name else {
                found.push(None);
                continue;
            };
            let number = name.parse::<i32>().ok().filter(|_| cast);
            let number = number.or_else(|| {
                let (schema, name) = rewrite::words(&name)?;
                house.objects.find(&house, &facts, schema.as_deref(), &name).map(|relation| relation.oid)
            });
            if cast && number.is_none() {
                return invalid("42P01", format!("table \"{name}\" does not exist"));
            }
            found.push(number);
        }
        Ok(Arc::new(Int32Array::from(found)))
    })
}
