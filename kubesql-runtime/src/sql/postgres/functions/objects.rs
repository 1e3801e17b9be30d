//! Functions of tables, schemas and types by their names and identifiers.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, StringArray};
use arrow::datatypes::DataType;
use datafusion::common::exec_err;
use datafusion::error::{DataFusionError, Result};

use super::super::objects::{Column, OWNER, Relation, fixed_columns, qualified_name};
use super::super::{SessionInfo, types};
use super::general::ident;
use super::{Function, OfType, look_up_each, numbers, texts};
use crate::sql::error::{ErrorKind, SqlError};
use crate::sql::house::House;
use crate::sql::registry::DEFAULT_SCHEMA;

pub(super) fn functions(house: &Arc<House>) -> Vec<Function> {
    vec![
        description(house, "obj_description"),
        description(house, "col_description"),
        identifier(house, "regclass", |house, session, name| {
            relation(house, session, name).ok_or_else(|| house.registry().unknown_table(&session.schema, name))
        }),
        identifier(house, "regtype", |_, _, name| {
            let unknown = || SqlError::new(ErrorKind::Invalid, format!("type \"{name}\" does not exist")).code("42704");
            types::find(name).ok_or_else(unknown)
        }),
        identifier(house, "regnamespace", |house, _, name| {
            let schema = qualified_name(name).map(|(_, schema)| schema).filter(|schema| house.has_schema(schema));
            let unknown = || house.registry().unknown_table(name, "");
            schema.map(|schema| house.objects.namespace(&schema)).ok_or_else(unknown)
        }),
        identifier(house, "regrole", |_, _, _| Ok(OWNER)),
        output(house, "regclassout", |house, oid| Some(relation_name(&house.objects.relation(house, oid)?))),
        output(house, "regtypeout", |_, oid| types::format(oid, None)),
        output(house, "regnamespaceout", |house, oid| {
            let found = house.objects.namespaces(house).into_iter().find(|namespace| namespace.oid == oid)?;
            Some(ident(&found.name))
        }),
        to_regclass(house),
    ]
}

/// The identifier of a table by its name, which may have its schema.
fn relation(house: &House, session: &SessionInfo, name: &str) -> Option<i32> {
    let (schema, name) = qualified_name(name)?;
    house.objects.find(house, session, schema.as_deref(), &name).map(|relation| relation.oid)
}

/// A type's input function: the identifier of the object with a name. An identifier is returned unchanged.
fn identifier(
    house: &Arc<House>,
    name: &'static str,
    look_up: fn(&House, &SessionInfo, &str) -> Result<i32, SqlError>,
) -> Function {
    let house = Arc::clone(house);
    let run = move |args: &[ArrayRef], _, session: &SessionInfo| {
        let [given, ..] = args else { return exec_err!("function {name}() does not exist") };
        let one = |given: Option<String>| {
            let found = |given: String| given.parse::<i32>().or_else(|_| look_up(&house, session, &given));
            given.map(found).transpose().map_err(|error| DataFusionError::External(Box::new(error)))
        };
        Ok(Arc::new(texts(given)?.into_iter().map(one).collect::<Result<Int32Array>>()?) as ArrayRef)
    };
    Function::with_session(name, DataType::Int32, run).of_type(OfType::Identifier)
}

/// A type's output function: the name of the object with an identifier, or the identifier if there is none.
fn output(house: &Arc<House>, name: &'static str, look_up: fn(&House, i32) -> Option<String>) -> Function {
    let house = Arc::clone(house);
    let run = move |args: &[ArrayRef], _| {
        let [oids, ..] = args else { return exec_err!("function {name}() does not exist") };
        let names = look_up_each(&numbers(oids)?, |oid| {
            Some(look_up(&house, oid).unwrap_or_else(|| if oid == 0 { "-".to_owned() } else { oid.to_string() }))
        });
        Ok(Arc::new(names.into_iter().collect::<StringArray>()) as ArrayRef)
    };
    Function::new(name, DataType::Utf8, run).of_type(OfType::Other)
}

/// A table's name, with its schema where that is not searched by default.
fn relation_name(relation: &Relation) -> String {
    let name = ident(&relation.name);
    let is_searched = relation.schema == DEFAULT_SCHEMA || relation.schema == super::super::SCHEMA;
    if is_searched { name } else { format!("{}.{name}", ident(&relation.schema)) }
}

/// `to_regclass('pods')`: NULL where there is no such table.
fn to_regclass(house: &Arc<House>) -> Function {
    let house = Arc::clone(house);
    Function::with_session("to_regclass", DataType::Int32, move |args, _, session| {
        let [names, ..] = args else { return exec_err!("function to_regclass() does not exist") };
        let found = texts(names)?.into_iter().map(|name| relation(&house, session, &name?));
        Ok(Arc::new(found.collect::<Int32Array>()))
    })
}

/// The comment on a table or a column.
fn description(house: &Arc<House>, name: &'static str) -> Function {
    let house = Arc::clone(house);
    Function::new(name, DataType::Utf8, move |args, _| {
        let [oids, rest @ ..] = args else { return exec_err!("function {name}() does not exist") };
        let oids = numbers(oids)?;
        if name == "obj_description" {
            let found = look_up_each(&oids, |oid| house.objects.relation(&house, oid)?.comment);
            return Ok(Arc::new(found.into_iter().collect::<StringArray>()));
        }
        let [columns, ..] = rest else { return exec_err!("function {name}(oid) does not exist") };
        let columns = numbers(columns)?;
        let tables = look_up_each(&oids, |oid| {
            let relation = house.objects.relation(&house, oid)?;
            Some(Arc::new(fixed_columns(&house, &relation.schema, &relation.name)))
        });
        let one = |(table, column): (Option<Arc<Vec<Column>>>, Option<i64>)| {
            let at = usize::try_from(column?).ok()?.checked_sub(1)?;
            let comment = table?.get(at)?.comment.clone();
            (!comment.is_empty()).then_some(comment)
        };
        Ok(Arc::new(tables.into_iter().zip(columns).map(one).collect::<StringArray>()))
    })
}
