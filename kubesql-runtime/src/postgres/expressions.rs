//! Rewrites expressions of PostgreSQL that DataFusion does not have, or understands differently.

use datafusion::sql::sqlparser::ast::{
    AccessExpr, Array, BinaryOperator, CharacterLength, DataType as SqlType, DateTimeField, ExactNumberInfo, Expr,
    Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Subscript, UnaryOperator, Value,
    ValueWithSpan,
};

use super::build::{call, cast, take_expr};
use super::literals;
use crate::sql::parse::identifiers::words;

/// Functions whose name or meaning differs in DataFusion, and its function of the same meaning.
const RENAMED: &[(&str, &str)] = &[
    ("array_remove", "array_remove_all"),
    ("array_replace", "array_replace_all"),
    ("ceiling", "ceil"),
    ("clock_timestamp", "now"),
    ("every", "bool_and"),
    ("sign", "signum"),
    ("statement_timestamp", "now"),
    ("transaction_timestamp", "now"),
];

/// Rewrites an expression that is not a call.
pub(super) fn rewrite(expr: &mut Expr) {
    match expr {
        Expr::SimilarTo { negated, expr: operand, pattern, escape_char } => {
            let mut arguments = vec![take_expr(pattern)];
            arguments.extend(escape_char.take().map(Expr::Value));
            let op = if *negated { BinaryOperator::PGRegexNotMatch } else { BinaryOperator::PGRegexMatch };
            let right = Box::new(call("similar_to_escape", arguments));
            *expr = Expr::BinaryOp { left: Box::new(Expr::Nested(Box::new(take_expr(operand)))), op, right };
        }
        Expr::UnaryOp { op, expr: operand } => {
            let function = match op {
                UnaryOperator::PGSquareRoot => "sqrt",
                UnaryOperator::PGCubeRoot => "cbrt",
                UnaryOperator::PGAbs => "abs",
                UnaryOperator::BitwiseNot => {
                    let left = Box::new(Expr::Nested(Box::new(take_expr(operand))));
                    let ones = Expr::Nested(Box::new(number("-1")));
                    let xor = Expr::BinaryOp { left, op: BinaryOperator::PGBitwiseXor, right: Box::new(ones) };
                    *expr = Expr::Nested(Box::new(xor));
                    return;
                }
                _ => return,
            };
            *expr = call(function, vec![take_expr(operand)]);
        }
        Expr::Value(ValueWithSpan { value: literal @ Value::UnicodeStringLiteral(_), .. }) => {
            if let Value::UnicodeStringLiteral(text) = literal {
                *literal = Value::SingleQuotedString(std::mem::take(text));
            }
        }
        Expr::AtTimeZone { timestamp, time_zone } => {
            *expr = call("timezone", vec![take_expr(time_zone), take_expr(timestamp)]);
        }
        Expr::Value(ValueWithSpan { value: Value::Number(digits, _), .. }) if digits.contains(['e', 'E']) => {
            match without_exponent(digits) {
                Some(decimal) => *digits = decimal,
                None => {
                    let text = Value::SingleQuotedString(std::mem::take(digits));
                    *expr = cast(Expr::Value(text.into()), SqlType::Double(ExactNumberInfo::None));
                }
            }
        }
        // DataFusion has unsigned numbers, which PostgreSQL has not. With a point, the number is numeric.
        Expr::Value(ValueWithSpan { value: Value::Number(digits, _), .. })
            if digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<i64>().is_err() =>
        {
            digits.push('.');
        }
        Expr::CompoundFieldAccess { access_chain, .. } => access_chain.iter_mut().for_each(non_negative_index),
        Expr::AnyOp { .. } | Expr::AllOp { .. } => items_to_comparisons(expr),
        Expr::Extract { field, expr: operand, .. } => {
            let scale = match field {
                DateTimeField::Second | DateTimeField::Seconds => "0.000001",
                DateTimeField::Millisecond | DateTimeField::Milliseconds => "0.001",
                _ => return,
            };
            // DataFusion returns whole seconds.
            let text = Expr::Value(Value::SingleQuotedString("microsecond".to_owned()).into());
            let micros = call("date_part", vec![text, take_expr(operand)]);
            let info = ExactNumberInfo::PrecisionAndScale(20, 0);
            let left = Box::new(cast(micros, SqlType::Numeric(info)));
            let product = Expr::BinaryOp { left, op: BinaryOperator::Multiply, right: Box::new(number(scale)) };
            *expr = Expr::Nested(Box::new(product));
        }
        // `substring(x from 'a.c')` has a regular expression.
        Expr::Substring { expr: operand, substring_from: Some(from), substring_for: None, .. }
            if matches!(&**from, Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(_), .. })) =>
        {
            let matched = call("regexp_match", vec![take_expr(operand), take_expr(from)]);
            let first = AccessExpr::Subscript(Subscript::Index { index: number("1") });
            *expr = Expr::CompoundFieldAccess {
                root: Box::new(Expr::Nested(Box::new(matched))),
                access_chain: vec![first],
            };
        }
        _ => {}
    }
}

/// Rewrites a cast.
pub(super) fn rewrite_cast(expr: &mut Expr) {
    let Expr::Cast { expr: operand, data_type, .. } = expr else { return };
    match data_type {
        SqlType::Varchar(Some(length)) | SqlType::CharacterVarying(Some(length)) | SqlType::Char(Some(length)) => {
            if let CharacterLength::IntegerLength { length, .. } = length {
                let length = number(&length.to_string());
                *expr = call("left", vec![cast(take_expr(operand), SqlType::Text), length]);
            }
        }
        SqlType::CharacterVarying(None) => *data_type = SqlType::Text,
        SqlType::Timestamp(..) | SqlType::Custom(..) | SqlType::Time(..) => {
            if let Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) = &mut **operand {
                *text = literals::with_seconds(text);
            }
        }
        _ => {}
    }
}

/// Rewrites a call of a function.
pub(super) fn rewrite_call(expr: &mut Expr) {
    let Expr::Function(function) = expr else { return };
    let [name] = &words(&function.name)[..] else { return };
    if let Some((_, renamed)) = RENAMED.iter().find(|(from, _)| from == name) {
        function.name = ObjectName::from(vec![Ident::new(*renamed)]);
        return;
    }
    let operator = match name.as_str() {
        "mod" => BinaryOperator::Modulo,
        "div" => BinaryOperator::Divide,
        "array_length" => {
            // PostgreSQL returns NULL for an empty array.
            if arguments(function).is_some() {
                let length = cast(take_expr(expr), SqlType::BigInt(None));
                *expr = call("nullif", vec![length, number("0")]);
            }
            return;
        }
        _ => return,
    };
    let Some([left, right]) = arguments(function) else { return };
    let (left, right) = (Box::new(nested(left)), Box::new(nested(right)));
    let is_quotient = operator == BinaryOperator::Divide;
    let result = Expr::BinaryOp { left, op: operator, right };
    *expr = if is_quotient { call("trunc", vec![result]) } else { nested(&result) };
}

/// The two arguments of a call.
fn arguments(function: &Function) -> Option<[&Expr; 2]> {
    let FunctionArguments::List(list) = &function.args else { return None };
    match &list.args[..] {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(left)), FunctionArg::Unnamed(FunctionArgExpr::Expr(right))] => {
            Some([left, right])
        }
        _ => None,
    }
}

/// Writes `1.5e3` as `1500.`; `None` for a number of more than 38 digits.
fn without_exponent(digits: &str) -> Option<String> {
    let (mantissa, exponent) = digits.split_once(['e', 'E'])?;
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let point = i32::try_from(whole.len()).ok()? + exponent;
    let (before, after) = match usize::try_from(point) {
        Ok(point) if point <= 38 && point >= all.len() => (format!("{all:0<point$}"), String::new()),
        Ok(point) if point <= 38 => (all[..point].to_owned(), all[point..].to_owned()),
        Ok(_) => return None,
        Err(_) if point < -38 => return None,
        Err(_) => (String::new(), format!("{}{all}", "0".repeat(usize::try_from(-point).ok()?))),
    };
    let before = if before.is_empty() { "0".to_owned() } else { before };
    (before.len() + after.len() <= 38).then(|| format!("{before}.{after}"))
}

fn nested(expr: &Expr) -> Expr {
    Expr::Nested(Box::new(expr.clone()))
}

fn number(digits: &str) -> Expr {
    Expr::Value(Value::Number(digits.to_owned(), false).into())
}

/// Positions start at 1 and do not count from the end: item -1 is NULL, as is item 0.
fn non_negative_index(access: &mut AccessExpr) {
    if let AccessExpr::Subscript(Subscript::Index { index: index @ Expr::UnaryOp { op: UnaryOperator::Minus, .. } }) =
        access
    {
        *index = number("0");
    }
    // The bounds of a slice are optional.
    if let AccessExpr::Subscript(Subscript::Slice { lower_bound, upper_bound, .. }) = access {
        lower_bound.get_or_insert_with(|| number("1"));
        upper_bound.get_or_insert_with(|| number("2147483647"));
    }
}

/// `x = ANY (ARRAY[a, b])` is `x = a OR x = b`, also if an item is NULL. DataFusion's function for arrays ignores NULL.
fn items_to_comparisons(expr: &mut Expr) {
    let (left, op, right, joined, none) = match expr {
        Expr::AnyOp { left, compare_op, right, .. } => (left, compare_op, right, BinaryOperator::Or, false),
        Expr::AllOp { left, compare_op, right } => (left, compare_op, right, BinaryOperator::And, true),
        _ => return,
    };
    let mut right = &mut **right;
    while let Expr::Nested(inner) = right {
        right = inner;
    }
    let Expr::Array(Array { elem: items, .. }) = right else { return };
    let comparisons = items.iter_mut().map(|item| {
        let (left, right) = (Box::new(nested(left)), Box::new(take_expr(item)));
        Expr::BinaryOp { left, op: op.clone(), right }
    });
    let all =
        comparisons.reduce(|all, one| Expr::BinaryOp { left: Box::new(all), op: joined.clone(), right: Box::new(one) });
    *expr = Expr::Nested(Box::new(all.unwrap_or_else(|| Expr::Value(Value::Boolean(none).into()))));
}
