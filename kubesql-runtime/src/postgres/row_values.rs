//! Comparisons of row values: `(a, b) = (1, 2)` and `(a, b) IN (SELECT ...)`.
//!
//! DataFusion compares rows as structs, for which NULL equals NULL. Each comparison becomes one of columns.

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, FunctionArguments, UnaryOperator, Value};

use super::build::{expr_argument, take_expr};
use crate::sql::error::{ErrorKind, SqlError};
use crate::sql::parse::identifiers::words;
use crate::sql::parse::syntax::parse_expr;

/// Rewrites an expression if it compares row values.
pub(super) fn rewrite(expr: &mut Expr) -> Result<(), SqlError> {
    let replacement = match expr {
        Expr::BinaryOp { left, op, right } => match (items(left), items(right), &**right) {
            (Some(left), Some(right), _) => compare(left, op, right)?,
            (Some(_), None, Expr::Subquery(_)) => {
                let error = SqlError::new(ErrorKind::Unsupported, "comparing a row with a subquery is not supported");
                return Err(error.hint("use IN, or compare each column"));
            }
            _ => return Ok(()),
        },
        Expr::IsDistinctFrom(left, right) => match (items(left), items(right)) {
            (Some(left), Some(right)) => {
                let pairs = pairs(left, right)?.into_iter();
                let differ = pairs.map(|(left, right)| Expr::IsDistinctFrom(Box::new(left), Box::new(right)));
                combine(&BinaryOperator::Or, differ.collect())
            }
            _ => return Ok(()),
        },
        Expr::IsNotDistinctFrom(left, right) => match (items(left), items(right)) {
            (Some(left), Some(right)) => {
                let pairs = pairs(left, right)?.into_iter();
                let same = pairs.map(|(left, right)| Expr::IsNotDistinctFrom(Box::new(left), Box::new(right)));
                combine(&BinaryOperator::And, same.collect())
            }
            _ => return Ok(()),
        },
        // Both are true only if they are true of all items.
        Expr::IsNull(inner) | Expr::IsNotNull(inner) if items(inner).is_some() => {
            let items = items(inner).unwrap_or_default().into_iter().map(Box::new);
            let is_null = matches!(expr, Expr::IsNull(_));
            let each = items.map(|item| if is_null { Expr::IsNull(item) } else { Expr::IsNotNull(item) });
            combine(&BinaryOperator::And, each.collect())
        }
        Expr::InList { expr: row, list, negated } => {
            let Some(row) = items(row) else { return Ok(()) };
            let mut any = Vec::new();
            for item in list {
                let Some(item) = items(item) else { return Ok(()) };
                any.push(compare(row.clone(), &BinaryOperator::Eq, item)?);
            }
            negate(combine(&BinaryOperator::Or, any), *negated)
        }
        Expr::InSubquery { expr: row, subquery, negated } => {
            let Some(row) = items(row) else { return Ok(()) };
            let (rows, equal) = subquery_rows(&row, subquery);
            let is_in = parse_expr(&format!(
                "CASE WHEN EXISTS (SELECT 1 FROM {rows} WHERE {equal}) THEN true \
                 WHEN EXISTS (SELECT 1 FROM {rows} WHERE ({equal}) IS NULL) THEN CAST(NULL AS boolean) ELSE false END"
            ))?;
            negate(is_in, *negated)
        }
        _ => return Ok(()),
    };
    *expr = replacement;
    Ok(())
}

/// Rewrites a condition of `WHERE`, in which NULL has the same meaning as false.
pub(super) fn rewrite_condition(condition: &mut Expr) -> Result<(), SqlError> {
    match condition {
        Expr::Nested(inner) => rewrite_condition(inner),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            rewrite_condition(left)?;
            rewrite_condition(right)
        }
        Expr::InSubquery { expr: row, subquery, negated: false } => {
            let Some(row) = items(row) else { return Ok(()) };
            let (rows, equal) = subquery_rows(&row, subquery);
            *condition = parse_expr(&format!("EXISTS (SELECT 1 FROM {rows} WHERE {equal})"))?;
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The items of a row value.
fn items(expr: &Expr) -> Option<Vec<Expr>> {
    match expr {
        Expr::Tuple(items) => Some(items.clone()),
        Expr::Function(function) if words(&function.name) == ["row"] => match &function.args {
            FunctionArguments::List(list) => list.args.iter().cloned().map(expr_argument).collect(),
            _ => None,
        },
        _ => None,
    }
}

/// The rows of a subquery, and the condition that one of them equals a row value.
fn subquery_rows(row: &[Expr], subquery: &impl std::fmt::Display) -> (String, String) {
    let columns: Vec<String> = (1..=row.len()).map(|at| format!("\"column {at}\"")).collect();
    let equal = row.iter().zip(&columns).map(|(item, column)| format!("\"row value\".{column} = ({item})"));
    let rows = format!("({subquery}) AS \"row value\"({})", columns.join(", "));
    (rows, equal.collect::<Vec<_>>().join(" AND "))
}

fn pairs(left: Vec<Expr>, right: Vec<Expr>) -> Result<Vec<(Expr, Expr)>, SqlError> {
    if left.len() != right.len() {
        return Err(SqlError::new(ErrorKind::Syntax, "unequal number of entries in row expressions"));
    }
    Ok(left.into_iter().zip(right).collect())
}

fn compare(left: Vec<Expr>, op: &BinaryOperator, right: Vec<Expr>) -> Result<Expr, SqlError> {
    use BinaryOperator::{And, Eq, Gt, GtEq, Lt, LtEq, NotEq, Or};
    let pairs = pairs(left, right)?;
    let each = |op: &BinaryOperator| {
        pairs.iter().map(|(left, right)| binary(left.clone(), op.clone(), right.clone())).collect::<Vec<_>>()
    };
    Ok(match op {
        Eq => combine(&And, each(op)),
        NotEq => combine(&Or, each(op)),
        Lt | LtEq | Gt | GtEq => {
            let strict = if matches!(op, Lt | LtEq) { Lt } else { Gt };
            let mut rest: Option<Expr> = None;
            for (left, right) in pairs.into_iter().rev() {
                rest = Some(match rest {
                    None => binary(left, op.clone(), right),
                    Some(rest) => {
                        let decided = binary(left.clone(), strict.clone(), right.clone());
                        let equal = binary(left, Eq, right);
                        binary(decided, Or, binary(equal, And, rest))
                    }
                });
            }
            rest.unwrap_or_else(|| Expr::Value(Value::Null.into()))
        }
        other => {
            let error = SqlError::new(ErrorKind::Unsupported, format!("operator {other} of rows is not supported"));
            return Err(error.hint("compare each column"));
        }
    })
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::Nested(Box::new(Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }))
}

/// Combines expressions by AND or OR into a balanced tree.
fn combine(op: &BinaryOperator, mut exprs: Vec<Expr>) -> Expr {
    if exprs.len() > 1 {
        let right = exprs.split_off(exprs.len() / 2);
        return binary(combine(op, exprs), op.clone(), combine(op, right));
    }
    exprs.pop().unwrap_or_else(|| Expr::Value(Value::Boolean(*op == BinaryOperator::And).into()))
}

fn negate(mut expr: Expr, negated: bool) -> Expr {
    if !negated {
        return expr;
    }
    Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(Expr::Nested(Box::new(take_expr(&mut expr)))) }
}
