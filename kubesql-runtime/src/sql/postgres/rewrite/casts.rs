//! Casts to PostgreSQL's types: those that have another name here, and names of objects to their numbers.

use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, CastKind, DataType, ExactNumberInfo, Expr, TimezoneInfo, Value, ValueWithSpan,
};

use super::super::functions::{REGCLASS, REGCLASS_NAME, REGNAMESPACE, REGNAMESPACE_NAME, REGTYPE, REGTYPE_NAME};
use super::super::objects::OWNER;
use super::super::{Facts, types};
use super::{call, words};
use crate::sql::error::{ErrorKind, SqlError};
use crate::sql::house::House;
use crate::sql::rewrite::names::words as words_of;

/// Types whose values are numbers that stand for names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reg {
    Class,
    Type,
    Namespace,
    Role,
    /// Functions and what else is text here.
    Text,
}

fn reg(of: &DataType) -> Option<Reg> {
    let name = match of {
        DataType::Regclass => return Some(Reg::Class),
        DataType::Custom(name, _) => words_of(name).pop()?,
        _ => return None,
    };
    Some(match name.as_str() {
        "regclass" => Reg::Class,
        "regtype" => Reg::Type,
        "regnamespace" => Reg::Namespace,
        "regrole" => Reg::Role,
        "regproc" | "regprocedure" | "regoper" | "regoperator" | "regconfig" | "regdictionary" | "regcollation" => {
            Reg::Text
        }
        _ => return None,
    })
}

/// What a cast gives its column as a name, where it becomes something else.
pub(super) fn name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Cast { expr, data_type, .. } => {
            let inner = name(expr);
            reg(data_type).is_some().then(|| last(expr)).flatten().or(inner)
        }
        Expr::Function(function) => {
            let words = words_of(&function.name);
            (words.len() > 1 && words[0] == super::super::SCHEMA).then(|| words.last().cloned()).flatten()
        }
        _ => None,
    }
}

fn last(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(ident) => Some(ident.value.clone()),
        Expr::CompoundIdentifier(parts) => parts.last().map(|ident| ident.value.clone()),
        Expr::Cast { expr, .. } => last(expr),
        Expr::Value(_) => Some("regclass".to_owned()),
        _ => None,
    }
}

/// Shows a number as the name that it stands for.
pub(super) fn show(expr: &mut Expr) {
    if let Expr::Cast { data_type, .. } = expr
        && let Some(function) = reg(data_type).and_then(shows)
    {
        *expr = call(function, vec![expr.clone()]);
    }
}

fn shows(reg: Reg) -> Option<&'static str> {
    match reg {
        Reg::Class => Some(REGCLASS_NAME),
        Reg::Type => Some(REGTYPE_NAME),
        Reg::Namespace => Some(REGNAMESPACE_NAME),
        Reg::Role | Reg::Text => None,
    }
}

/// Makes a cast one that DataFusion knows.
pub(super) fn cast(expr: &mut Expr, house: &House, schema: &str) -> Result<(), SqlError> {
    let Expr::Cast { expr: inner, data_type, .. } = expr else { return Ok(()) };
    if let Some(kind) = reg(data_type) {
        *expr = number(inner, kind, house, schema)?;
        return Ok(());
    }
    if let Expr::Cast { data_type: of, .. } = &**inner
        && let Some(function) = reg(of).and_then(shows)
        && is_text(data_type)
    {
        *expr = call(function, vec![(**inner).clone()]);
        return Ok(());
    }
    if matches!(data_type, DataType::JSON | DataType::JSONB) || is_named(data_type, &["json", "jsonb"]) {
        *expr = call("json", vec![(**inner).clone()]);
        return Ok(());
    }
    if matches!(data_type, DataType::Bytea)
        && let Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) = &**inner
        && let Some(digits) = text.strip_prefix("\\x")
    {
        *expr = Expr::Value(Value::HexStringLiteral(digits.to_owned()).into());
        return Ok(());
    }
    if let Some(known) = known(data_type) {
        *data_type = known;
    }
    if let (DataType::Array(_), Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. })) =
        (&*data_type, &**inner)
        && let Some(array) = super::exprs::array(text)
    {
        **inner = array;
    }
    Ok(())
}

fn is_text(of: &DataType) -> bool {
    matches!(of, DataType::Text | DataType::Varchar(_) | DataType::CharVarying(_))
        || is_named(of, &["text", "name", "varchar"])
}

fn is_named(of: &DataType, names: &[&str]) -> bool {
    match of {
        DataType::Custom(name, _) => words_of(name).last().is_some_and(|name| names.contains(&name.as_str())),
        _ => false,
    }
}

/// The number of what is named, or what makes it one.
fn number(inner: &Expr, kind: Reg, house: &House, schema: &str) -> Result<Expr, SqlError> {
    let literal = match inner {
        Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) => Some(text),
        _ => None,
    };
    let is_column = matches!(inner, Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_));
    if kind == Reg::Text {
        return Ok(match literal {
            Some(text) => {
                let (_, name) = words(text.split('(').next().unwrap_or(text)).unwrap_or((None, text.clone()));
                Expr::Value(Value::SingleQuotedString(name).into())
            }
            None => cast_to(inner, DataType::Text),
        });
    }
    let Some(text) = literal else {
        let function = match kind {
            Reg::Class => REGCLASS,
            Reg::Type => REGTYPE,
            Reg::Namespace => REGNAMESPACE,
            Reg::Role | Reg::Text => return Ok(inner.clone()),
        };
        let is_parameter = matches!(inner, Expr::Value(ValueWithSpan { value: Value::Placeholder(_), .. }));
        return Ok(if is_column && !is_parameter { inner.clone() } else { call(function, vec![inner.clone()]) });
    };
    let found = match (text.parse::<i32>(), kind) {
        (Ok(number), _) => Some(number),
        (_, Reg::Class) => {
            let facts = Facts { schema: schema.to_owned(), ..Facts::default() };
            let found = words(text).and_then(|(of, name)| house.objects.find(house, &facts, of.as_deref(), &name));
            found.map(|relation| relation.oid)
        }
        (_, Reg::Type) => types::find(text),
        (_, Reg::Namespace) => {
            words(text).filter(|(_, name)| house.has_schema(name)).map(|(_, name)| house.objects.namespace(&name))
        }
        (_, Reg::Role | Reg::Text) => Some(OWNER),
    };
    let missing = || match kind {
        Reg::Class => house.registry().unknown_table(schema, text),
        Reg::Namespace => house.registry().unknown_table(text, ""),
        _ => SqlError::new(ErrorKind::Invalid, format!("type \"{text}\" does not exist")).code("42704"),
    };
    let number = found.ok_or_else(missing)?;
    Ok(cast_to(&Expr::Value(Value::Number(number.to_string(), false).into()), DataType::Int(None)))
}

pub(super) fn cast_to(expr: &Expr, data_type: DataType) -> Expr {
    Expr::Cast { kind: CastKind::DoubleColon, expr: Box::new(expr.clone()), data_type, array: false, format: None }
}

/// The type by the name that it has here; none where it has that already.
pub(super) fn known(of: &DataType) -> Option<DataType> {
    if let DataType::Array(ArrayElemTypeDef::SquareBracket(item, size)) = of {
        let item = if reg(item).is_some() { DataType::Text } else { known(item)? };
        return Some(DataType::Array(ArrayElemTypeDef::SquareBracket(Box::new(item), *size)));
    }
    let DataType::Custom(name, _) = of else {
        return match of {
            DataType::Uuid => Some(DataType::Text),
            _ => None,
        };
    };
    Some(match words_of(name).last()?.as_str() {
        "text" | "name" | "varchar" | "bpchar" | "char" | "cstring" | "unknown" | "inet" | "cidr" | "uuid" | "xml"
        | "citext" | "sql_identifier" | "character_data" | "yes_or_no" | "pg_node_tree" | "aclitem" | "macaddr"
        | "oidvector" | "int2vector" => DataType::Text,
        "oid" | "xid" | "cid" | "int4" | "integer" | "cardinal_number" => DataType::Int(None),
        "int2" | "smallint" => DataType::SmallInt(None),
        "int8" | "bigint" | "xid8" => DataType::BigInt(None),
        "bool" | "boolean" => DataType::Boolean,
        "float4" | "real" => DataType::Real,
        "float8" => DataType::DoublePrecision,
        "numeric" => DataType::Numeric(ExactNumberInfo::None),
        "date" => DataType::Date,
        "timestamp" => DataType::Timestamp(None, TimezoneInfo::None),
        "timestamptz" | "time_stamp" => DataType::Timestamp(None, TimezoneInfo::WithTimeZone),
        "bytea" => DataType::Bytea,
        _ => return None,
    })
}
