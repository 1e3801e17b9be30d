//! Functions of tables, schemas, types and functions by their numbers.

use std::sync::Arc;

use arrow::array::{Int32Array, StringArray};
use arrow::datatypes::DataType;
use datafusion::common::exec_err;

use super::super::objects::{Relation, fixed_columns};
use super::super::types;
use super::plain::ident;
use super::{Function, each, numbers, texts};
use crate::sql::error::invalid;
use crate::sql::house::House;
use crate::sql::registry::DEFAULT_SCHEMA;

/// What names become that are cast: by these, the number is shown as a name again.
pub(in crate::sql::postgres) const REGCLASS_NAME: &str = "pg_regclass_name";
pub(in crate::sql::postgres) const REGTYPE_NAME: &str = "pg_regtype_name";
pub(in crate::sql::postgres) const REGNAMESPACE_NAME: &str = "pg_regnamespace_name";

/// What a name or a number is cast to.
pub(in crate::sql::postgres) const REGTYPE: &str = "pg_regtype";
pub(in crate::sql::postgres) const REGNAMESPACE: &str = "pg_regnamespace";

pub(super) fn functions(house: &Arc<House>) -> Vec<Function> {
    vec![
        described(house, "obj_description"),
        described(house, "col_description"),
        named(house, REGCLASS_NAME, |house, oid| {
            let relation = house.objects.relation(house, oid)?;
            Some(shown(&relation))
        }),
        named(house, REGTYPE_NAME, |_, oid| types::format(oid, None)),
        named(house, REGNAMESPACE_NAME, |house, oid| {
            let found = house.objects.namespaces(house).into_iter().find(|namespace| namespace.oid == oid)?;
            Some(ident(&found.name))
        }),
        numbered(house, REGTYPE, "type", |_, name| types::find(name)),
        numbered(house, REGNAMESPACE, "schema", |house, name| {
            let name = name.trim_matches('"');
            house.has_schema(name).then(|| house.objects.namespace(name))
        }),
    ]
}

/// The number of what has a name; a number stays what it is.
fn numbered(
    house: &Arc<House>,
    name: &'static str,
    what: &'static str,
    look_up: fn(&House, &str) -> Option<i32>,
) -> Function {
    let house = Arc::clone(house);
    Function::new(name, DataType::Int32, move |args, _| {
        let [given, ..] = args else { return exec_err!("{name} takes a name") };
        let mut found = Vec::new();
        for given in texts(given)? {
            let number = given.as_deref().map(|given| given.parse().ok().or_else(|| look_up(&house, given)));
            match (number, given) {
                (Some(None), Some(given)) => {
                    let code = if what == "schema" { "3F000" } else { "42704" };
                    return invalid(code, format!("{what} \"{given}\" does not exist"));
                }
                (number, _) => found.push(number.flatten()),
            }
        }
        Ok(Arc::new(Int32Array::from(found)))
    })
}

/// A table's name, with its schema where it is not in sight without.
fn shown(relation: &Relation) -> String {
    let name = ident(&relation.name);
    let bare = relation.schema == DEFAULT_SCHEMA || relation.schema == super::super::SCHEMA;
    if bare { name } else { format!("{}.{name}", ident(&relation.schema)) }
}

fn named(house: &Arc<House>, name: &'static str, look_up: fn(&House, i32) -> Option<String>) -> Function {
    let house = Arc::clone(house);
    Function::new(name, DataType::Utf8, move |args, _| {
        let [oids, ..] = args else { return exec_err!("{name} takes a number") };
        let oids = numbers(oids)?;
        let names = each(&oids, |oid| {
            Some(look_up(&house, oid).unwrap_or_else(|| if oid == 0 { "-".to_owned() } else { oid.to_string() }))
        });
        Ok(Arc::new(names.into_iter().collect::<StringArray>()))
    })
}

/// What is said of a table or a column.
fn described(house: &Arc<House>, name: &'static str) -> Function {
    let house = Arc::clone(house);
    Function::new(name, DataType::Utf8, move |args, _| {
        let [oids, rest @ ..] = args else { return exec_err!("{name} takes a number") };
        let oids = numbers(oids)?;
        if name == "obj_description" {
            let found = each(&oids, |oid| house.objects.relation(&house, oid)?.comment);
            return Ok(Arc::new(found.into_iter().collect::<StringArray>()));
        }
        let [columns, ..] = rest else { return exec_err!("{name} takes a table and a column") };
        let columns = numbers(columns)?;
        let tables = each(&oids, |oid| {
            let relation = house.objects.relation(&house, oid)?;
            Some(Arc::new(fixed_columns(&house, &relation.schema, &relation.name)))
        });
        let one = |(table, column): (Option<Arc<Vec<super::super::objects::Column>>>, Option<i64>)| {
            let at = usize::try_from(column?).ok()?.checked_sub(1)?;
            let comment = table?.get(at)?.comment.clone();
            (!comment.is_empty()).then_some(comment)
        };
        Ok(Arc::new(tables.into_iter().zip(columns).map(one).collect::<StringArray>()))
    })
}
