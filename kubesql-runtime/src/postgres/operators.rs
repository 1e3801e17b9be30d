//! Operators by the types of their operands, as PostgreSQL chooses them.
//!
//! A literal in quotes takes the type of the other operand. Operands of different kinds, such as text and numbers, have
//! no operator; DataFusion would convert all rows of a column.

use arrow::datatypes::{DataType, IntervalUnit, TimeUnit};
use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::functions::string::starts_with;
use datafusion::functions_nested::expr_fn::array_has_any;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, cast, lit};
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::BinaryOperator as Op;

use super::literals;
use crate::sql::error::{ErrorKind, SqlError};
use crate::sql::functions::numeric::{divide, scale_interval};
use crate::sql::types::{data_type_name, is_json};

const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);

/// Types that have operators with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Boolean,
    Date,
    Timestamp,
    Interval,
    /// Types whose operators are DataFusion's.
    Other,
}

/// Plans operators.
#[derive(Debug)]
pub(crate) struct Operators;

impl ExprPlanner for Operators {
    fn plan_binary_op(&self, mut expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        // Columns of outer queries and parameters have no type yet.
        let (Ok(left), Ok(right)) = (expr.left.get_type(schema), expr.right.get_type(schema)) else {
            return Ok(PlannerResult::Original(expr));
        };
        let is_json = |expr: &Expr| expr.to_field(schema).is_ok_and(|(_, field)| is_json(&field));
        if is_json(&expr.left) || is_json(&expr.right) {
            return Ok(PlannerResult::Original(expr));
        }
        match expr.op {
            Op::PGOverlap => return Ok(PlannerResult::Planned(array_has_any(expr.left, expr.right))),
            Op::PGStartsWith => return Ok(PlannerResult::Planned(starts_with().call(vec![expr.left, expr.right]))),
            _ => {}
        }
        let (left, right) = convert_literals(&mut expr, left, right)?;
        // DataFusion would convert the float to `numeric`, which has fewer digits.
        if left == DataType::Float64 && is_numeric(&right) {
            expr.right = cast(expr.right, DataType::Float64);
        } else if right == DataType::Float64 && is_numeric(&left) {
            expr.left = cast(expr.left, DataType::Float64);
        }
        let (from, to) = (kind(&left), kind(&right));
        if is_comparison(&expr.op) {
            let differ = from != to && ![from, to].contains(&Kind::Other) && !is_dates(from, to);
            return if differ { no_operator(&expr.op, &left, &right) } else { Ok(PlannerResult::Original(expr)) };
        }
        plan_arithmetic(expr, (&left, from), (&right, to))
    }
}

fn plan_arithmetic(
    mut expr: RawBinaryExpr,
    (left, from): (&DataType, Kind),
    (right, to): (&DataType, Kind),
) -> Result<PlannerResult<RawBinaryExpr>> {
    use Kind::{Boolean, Date, Interval, Number, Text};
    let is_known = ![from, to].contains(&Kind::Other);
    match (&expr.op, from, to) {
        (Op::Multiply, Interval, Number) => {
            return Ok(PlannerResult::Planned(scale_interval().call(vec![expr.left, expr.right])));
        }
        (Op::Multiply, Number, Interval) => {
            return Ok(PlannerResult::Planned(scale_interval().call(vec![expr.right, expr.left])));
        }
        (Op::Divide, Interval, Number) => {
            let factor = lit(1.0_f64) / cast(expr.right, DataType::Float64);
            return Ok(PlannerResult::Planned(scale_interval().call(vec![expr.left, factor])));
        }
        // The sum of a date and an interval is a timestamp.
        (Op::Plus | Op::Minus, Date, Interval) => {
            expr.left = cast(expr.left, DataType::Timestamp(TimeUnit::Microsecond, None));
        }
        (Op::Plus, Interval, Date) => {
            expr.right = cast(expr.right, DataType::Timestamp(TimeUnit::Microsecond, None));
        }
        (Op::Divide, Number, Number) if is_numeric(left) && is_exact(right) || is_exact(left) && is_numeric(right) => {
            return Ok(PlannerResult::Planned(divide().call(vec![expr.left, expr.right])));
        }
        (Op::Plus | Op::Minus | Op::Multiply | Op::Divide | Op::Modulo, Text | Boolean, _)
        | (Op::Plus | Op::Minus | Op::Multiply | Op::Divide | Op::Modulo, _, Text | Boolean)
            if is_known =>
        {
            return no_operator(&expr.op, left, right);
        }
        // As text of PostgreSQL.
        (Op::StringConcat, Text, Number | Kind::Timestamp | Interval) => {
            expr.right = cast(expr.right, DataType::Utf8View)
        }
        (Op::StringConcat, Number | Kind::Timestamp | Interval, Text) => {
            expr.left = cast(expr.left, DataType::Utf8View)
        }
        (Op::StringConcat, _, _) if is_known && from != Text && to != Text => {
            return no_operator(&expr.op, left, right);
        }
        _ => {}
    }
    Ok(PlannerResult::Original(expr))
}

/// Gives literals in quotes the type of the other operand. Returns the types of both operands.
fn convert_literals(expr: &mut RawBinaryExpr, left: DataType, right: DataType) -> Result<(DataType, DataType)> {
    let is_arithmetic = matches!(expr.op, Op::Plus | Op::Minus | Op::Multiply | Op::Divide | Op::Modulo);
    if !is_arithmetic && !is_comparison(&expr.op) {
        return Ok((left, right));
    }
    let wanted = |other: &DataType| match (kind(other), &expr.op) {
        (Kind::Text | Kind::Other, _) => None,
        // The other operand of `+` can be an interval only, and that of `*` a number.
        (Kind::Timestamp, Op::Plus) => Some(INTERVAL),
        (Kind::Interval, Op::Multiply | Op::Divide) => Some(DataType::Float64),
        (Kind::Interval, _) => Some(INTERVAL),
        (Kind::Date, Op::Plus) => None,
        _ => Some(other.clone()),
    };
    if let (Some(text), Some(data_type)) = (literal_text(&expr.right), wanted(&left)) {
        expr.right = Expr::Literal(literals::parse(text, &data_type)?, None);
        return Ok((left, data_type));
    }
    if let (Some(text), Some(data_type)) = (literal_text(&expr.left), wanted(&right)) {
        expr.left = Expr::Literal(literals::parse(text, &data_type)?, None);
        return Ok((data_type, right));
    }
    Ok((left, right))
}

/// The text of a literal in quotes.
fn literal_text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(
            ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)) | ScalarValue::LargeUtf8(Some(text)),
            _,
        ) => Some(text),
        _ => None,
    }
}

fn kind(data_type: &DataType) -> Kind {
    match data_type {
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => Kind::Text,
        DataType::Boolean => Kind::Boolean,
        DataType::Date32 => Kind::Date,
        DataType::Timestamp(..) => Kind::Timestamp,
        DataType::Interval(_) | DataType::Duration(_) => Kind::Interval,
        other if other.is_numeric() => Kind::Number,
        _ => Kind::Other,
    }
}

fn is_dates(left: Kind, right: Kind) -> bool {
    [left, right].iter().all(|kind| [Kind::Date, Kind::Timestamp].contains(kind))
}

fn is_numeric(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Decimal128(..))
}

fn is_exact(data_type: &DataType) -> bool {
    data_type.is_integer() || is_numeric(data_type)
}

fn is_comparison(op: &Op) -> bool {
    matches!(op, Op::Eq | Op::NotEq | Op::Lt | Op::LtEq | Op::Gt | Op::GtEq)
}

fn no_operator<T>(op: &Op, left: &DataType, right: &DataType) -> Result<T> {
    let message = format!("operator does not exist: {} {op} {}", data_type_name(left), data_type_name(right));
    let error = SqlError::new(ErrorKind::Invalid, message).code("42883");
    Err(error.hint("cast one of the operands, as in x::text, or write a literal in quotes").into())
}
