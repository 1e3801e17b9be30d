//! Plans the operators of JSON.

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator, lit};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use super::call;
use super::cast::json_type;
use crate::sql::error::{ErrorKind, SqlError};
use crate::sql::types::{self, JsonType};

/// Replaces operators of JSON by calls of functions.
#[derive(Debug)]
pub(super) struct JsonOperators;

impl ExprPlanner for JsonOperators {
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let left = Side::of(&expr.left, schema);
        let right = Side::of(&expr.right, schema);
        let planned = |name: &str, expr: RawBinaryExpr| {
            Ok(PlannerResult::Planned(call(name, vec![expr.left.unalias(), expr.right.unalias()])?))
        };
        // `json` keeps its text; everything else is `jsonb`.
        let prefix = if left.json == Some(JsonType::Json) { "json" } else { "jsonb" };
        let can_be_json = left.json.is_some() || left.is_text;
        match expr.op {
            BinaryOperator::Arrow if can_be_json => Ok(PlannerResult::Planned(step(&format!("{prefix}_get"), expr)?)),
            BinaryOperator::LongArrow if can_be_json => {
                Ok(PlannerResult::Planned(step(&format!("{prefix}_get_text"), expr)?))
            }
            BinaryOperator::HashArrow if can_be_json => planned(&format!("{prefix}_get_path"), expr),
            BinaryOperator::HashLongArrow if can_be_json => planned(&format!("{prefix}_get_path_text"), expr),
            BinaryOperator::Question if can_be_json => planned("jsonb_exists", expr),
            BinaryOperator::QuestionPipe if can_be_json => planned("jsonb_exists_any", expr),
            BinaryOperator::QuestionAnd if can_be_json => planned("jsonb_exists_all", expr),
            BinaryOperator::HashMinus if can_be_json => planned("jsonb_delete_path", expr),
            BinaryOperator::Minus if left.json.is_some() && !right.is_json() => planned("jsonb_delete", expr),
            BinaryOperator::AtArrow if are_jsonb(&left, &right) => planned("jsonb_contains", expr),
            BinaryOperator::ArrowAt if are_jsonb(&left, &right) => planned("jsonb_contained", expr),
            BinaryOperator::StringConcat if are_jsonb(&left, &right) => planned("jsonb_concat", expr),
            // The text of JSON can be joined with other texts.
            BinaryOperator::StringConcat if left.is_json() || right.is_json() => {
                let text = |expr: Expr, side: &Side| match side.json {
                    Some(JsonType::Json) => call("json_out", vec![expr]),
                    Some(JsonType::Jsonb) => call("jsonb_out", vec![expr]),
                    None => Ok(expr),
                };
                let (left, right) = (text(expr.left, &left)?, text(expr.right, &right)?);
                Ok(PlannerResult::Original(RawBinaryExpr { op: expr.op, left, right }))
            }
            _ => match comparison(&expr.op) {
                Some(op) if are_jsonb(&left, &right) => {
                    let order = call("jsonb_cmp", vec![expr.left.unalias(), expr.right.unalias()])?;
                    Ok(PlannerResult::Planned(Expr::BinaryExpr(BinaryExpr::new(
                        Box::new(order),
                        op,
                        Box::new(lit(0_i32)),
                    ))))
                }
                Some(_) if left.json == Some(JsonType::Json) || right.json == Some(JsonType::Json) => {
                    let name = |side: &Side| match side.json {
                        Some(JsonType::Json) => "json",
                        Some(JsonType::Jsonb) => "jsonb",
                        None => "unknown",
                    };
                    let message = format!("operator does not exist: {} {} {}", name(&left), expr.op, name(&right));
                    let error = SqlError::new(ErrorKind::Invalid, message).code("42883");
                    Err(error.hint("cast json to jsonb, or to text").into())
                }
                _ => Ok(PlannerResult::Original(expr)),
            },
        }
    }
}

/// What the type of an operand says about JSON.
struct Side {
    json: Option<JsonType>,
    is_text: bool,
    /// A constant text or a parameter, whose type the operator decides.
    is_unknown: bool,
}

impl Side {
    fn of(expr: &Expr, schema: &DFSchema) -> Self {
        let field: FieldRef = match expr.to_field(schema) {
            Ok((_, field)) => field,
            Err(_) => Field::new("", DataType::Null, true).into(),
        };
        let is_text = types::is_text(field.data_type()) || field.data_type().is_null();
        let is_unknown = match expr.clone().unalias() {
            Expr::Literal(value, _) => {
                value.is_null() || matches!(value, ScalarValue::Utf8(_) | ScalarValue::Utf8View(_))
            }
            Expr::Placeholder(_) => true,
            _ => false,
        };
        Self { json: json_type(&field), is_text, is_unknown }
    }

    fn is_json(&self) -> bool {
        self.json.is_some()
    }
}

/// Whether one operand is `jsonb`, and the other is or becomes it.
fn are_jsonb(left: &Side, right: &Side) -> bool {
    let is = |side: &Side| side.json == Some(JsonType::Jsonb);
    (is(left) || is(right)) && (is(left) || left.is_unknown) && (is(right) || right.is_unknown)
}

/// A step into JSON. Steps that follow each other become one call.
fn step(name: &str, expr: RawBinaryExpr) -> Result<Expr> {
    let (left, right) = (expr.left.unalias(), expr.right.unalias());
    let mut arguments = match left {
        Expr::ScalarFunction(inner) if matches!(inner.name(), "json_get" | "jsonb_get") => inner.args,
        other => vec![other],
    };
    arguments.push(right);
    call(name, arguments)
}

fn comparison(op: &BinaryOperator) -> Option<Operator> {
    Some(match op {
        BinaryOperator::Eq => Operator::Eq,
        BinaryOperator::NotEq => Operator::NotEq,
        BinaryOperator::Lt => Operator::Lt,
        BinaryOperator::LtEq => Operator::LtEq,
        BinaryOperator::Gt => Operator::Gt,
        BinaryOperator::GtEq => Operator::GtEq,
        _ => return None,
    })
}
