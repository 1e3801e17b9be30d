//! Functions that look up tables, schemas and types by name or identifier.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, StringArray};
use arrow::datatypes::DataType;
use datafusion::common::exec_err;
use datafusion::error::{DataFusionError, Result};

use super::general::quote_ident;
use super::{Function, OfType, look_up_each, numbers, texts};
use crate::postgres::objects::Database;
use crate::postgres::objects::{Column, Relation, fixed_columns, qualified_name};
use crate::postgres::oids::OWNER;
use crate::postgres::{SessionInfo, types};
use crate::sql::DEFAULT_SCHEMA;
use crate::sql::error::{ErrorKind, SqlError};

pub(super) fn functions(database: &Database) -> Vec<Function> {
    vec![
        description(database, "obj_description"),
        description(database, "col_description"),
        identifier(database, "regclass", |database, session, name| {
            relation(database, session, name).ok_or_else(|| database.context.unknown_table(&session.schema, name))
        }),
        identifier(database, "regtype", |_, _, name| {
            let unknown = || SqlError::new(ErrorKind::Invalid, format!("type \"{name}\" does not exist")).code("42704");
            types::find(name).ok_or_else(unknown)
        }),
        identifier(database, "regnamespace", |database, _, name| {
            let schema =
                qualified_name(name).map(|(_, schema)| schema).filter(|schema| database.context.has_schema(schema));
            let unknown = || database.context.unknown_table(name, "");
            schema.map(|schema| database.objects.namespace(&schema)).ok_or_else(unknown)
        }),
        identifier(database, "regrole", |_, _, _| Ok(OWNER)),
        output(database, "regclassout", |database, oid| {
            Some(relation_name(&database.objects.relation(&database.context, oid)?))
        }),
        output(database, "regtypeout", |_, oid| types::format(oid, None)),
        output(database, "regnamespaceout", |database, oid| {
            let found =
                database.objects.namespaces(&database.context).into_iter().find(|namespace| namespace.oid == oid)?;
            Some(quote_ident(&found.name))
        }),
        to_regclass(database),
    ]
}

/// Returns the identifier of a table by its optionally qualified name.
fn relation(database: &Database, session: &SessionInfo, name: &str) -> Option<i32> {
    let (schema, name) = qualified_name(name)?;
    database.objects.find(&database.context, session, schema.as_deref(), &name).map(|relation| relation.oid)
}

/// The input function of a type, which returns the identifier of an object by name. Identifiers are returned unchanged.
fn identifier(
    database: &Database,
    name: &'static str,
    look_up: fn(&Database, &SessionInfo, &str) -> Result<i32, SqlError>,
) -> Function {
    let database = database.clone();
    let run = move |args: &[ArrayRef], _, session: &SessionInfo| {
        let [given, ..] = args else { return exec_err!("function {name}() does not exist") };
        let to_identifier = |given: Option<String>| {
            let found = |given: String| given.parse::<i32>().or_else(|_| look_up(&database, session, &given));
            given.map(found).transpose().map_err(|error| DataFusionError::External(Box::new(error)))
        };
        Ok(Arc::new(texts(given)?.into_iter().map(to_identifier).collect::<Result<Int32Array>>()?) as ArrayRef)
    };
    Function::with_session(name, DataType::Int32, run).of_type(OfType::Identifier)
}

/// The output function of a type, which returns the name of an object, or its identifier if it does not exist.
fn output(database: &Database, name: &'static str, look_up: fn(&Database, i32) -> Option<String>) -> Function {
    let database = database.clone();
    let run = move |args: &[ArrayRef], _| {
        let [oids, ..] = args else { return exec_err!("function {name}() does not exist") };
        let names = look_up_each(&numbers(oids)?, |oid| {
            Some(look_up(&database, oid).unwrap_or_else(|| if oid == 0 { "-".to_owned() } else { oid.to_string() }))
        });
        Ok(Arc::new(names.into_iter().collect::<StringArray>()) as ArrayRef)
    };
    Function::new(name, DataType::Utf8, run).of_type(OfType::Other)
}

/// Returns the name of a table, qualified if its schema is not in the default search path.
fn relation_name(relation: &Relation) -> String {
    let name = quote_ident(&relation.name);
    let is_searched = relation.schema == DEFAULT_SCHEMA || relation.schema == crate::postgres::SCHEMA;
    if is_searched { name } else { format!("{}.{name}", quote_ident(&relation.schema)) }
}

/// `to_regclass('pods')`: NULL if the table does not exist.
fn to_regclass(database: &Database) -> Function {
    let database = database.clone();
    Function::with_session("to_regclass", DataType::Int32, move |args, _, session| {
        let [names, ..] = args else { return exec_err!("function to_regclass() does not exist") };
        let found = texts(names)?.into_iter().map(|name| relation(&database, session, &name?));
        Ok(Arc::new(found.collect::<Int32Array>()))
    })
}

/// The comment on a table or a column.
fn description(database: &Database, name: &'static str) -> Function {
    let database = database.clone();
    Function::new(name, DataType::Utf8, move |args, _| {
        let [oids, rest @ ..] = args else { return exec_err!("function {name}() does not exist") };
        let oids = numbers(oids)?;
        if name == "obj_description" {
            let found = look_up_each(&oids, |oid| database.objects.relation(&database.context, oid)?.comment);
            return Ok(Arc::new(found.into_iter().collect::<StringArray>()));
        }
        let [columns, ..] = rest else { return exec_err!("function {name}(oid) does not exist") };
        let columns = numbers(columns)?;
        let tables = look_up_each(&oids, |oid| {
            let relation = database.objects.relation(&database.context, oid)?;
            Some(Arc::new(fixed_columns(&database.context, &relation.schema, &relation.name)))
        });
        let comment_of = |(table, column): (Option<Arc<Vec<Column>>>, Option<i64>)| {
            let at = usize::try_from(column?).ok()?.checked_sub(1)?;
            let comment = table?.get(at)?.comment.clone();
            (!comment.is_empty()).then_some(comment)
        };
        Ok(Arc::new(tables.into_iter().zip(columns).map(comment_of).collect::<StringArray>()))
    })
}
