//! Expressions that PostgreSQL has and DataFusion spells otherwise.

use arrow::datatypes::DataType as ArrowType;
use datafusion::sql::sqlparser::ast::{
    Array, BinaryOperator, DataType, Expr, FunctionArgumentClause, FunctionArgumentList, FunctionArguments,
    GroupByExpr, Ident, ObjectName, OrderByKind, Query, SelectItem, SetExpr, TableFactor, Value, ValueWithSpan,
};

use super::{call, casts, empty, words_of};

/// Functions that are called without parentheses.
const BARE: [&str; 5] = ["current_user", "session_user", "user", "current_catalog", "current_schema"];

/// Takes off what says nothing here: schemas of functions and operators, collations.
pub(super) fn plain(expr: &mut Expr) {
    while let Expr::Collate { expr: inner, .. } = expr {
        *expr = std::mem::replace(&mut **inner, Expr::Value(Value::Null.into()));
    }
    match expr {
        Expr::Identifier(ident) if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case(BARE[4]) => {
            *expr = call(BARE[4], Vec::new());
        }
        Expr::Function(function) => {
            let words = words_of(&function.name);
            if let [schema, name] = words.as_slice()
                && (schema == super::super::SCHEMA || schema == "information_schema")
            {
                function.name = ObjectName::from(vec![Ident::new(name)]);
            }
            if matches!(function.args, FunctionArguments::None)
                && words.last().is_some_and(|name| BARE.contains(&name.as_str()))
            {
                function.args = FunctionArguments::List(FunctionArgumentList {
                    duplicate_treatment: None,
                    args: Vec::new(),
                    clauses: Vec::new(),
                });
            }
        }
        Expr::Like { pattern, escape_char: escape @ Some(_), .. }
        | Expr::ILike { pattern, escape_char: escape @ Some(_), .. } => {
            let Some(ValueWithSpan { value, .. }) = escape else { return };
            match value {
                Value::SingleQuotedString(character) if character == "\\" => {}
                Value::SingleQuotedString(character) if character.is_empty() => {
                    **pattern = doubled(pattern);
                    *escape = None;
                }
                Value::SingleQuotedString(_) => {
                    **pattern = escaped(pattern, &Expr::Value(value.clone().into()));
                    *escape = None;
                }
                // Which character it is, is known when it runs.
                Value::Placeholder(_) => {
                    let character = casts::cast_to(&Expr::Value(value.clone().into()), DataType::Text);
                    **pattern = escaped(pattern, &character);
                    *escape = None;
                }
                _ => {}
            }
        }
        Expr::BinaryOp { op, .. } => operator(op),
        Expr::AnyOp { compare_op, right, .. } | Expr::AllOp { compare_op, right, .. } => {
            operator(compare_op);
            let mut inner = &mut **right;
            while let Expr::Nested(nested) = inner {
                inner = nested;
            }
            if let Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) = inner
                && let Some(array) = array(text)
            {
                *inner = array;
            }
        }
        _ => {}
    }
}

/// Says of a parameter that ANY or ALL is of that it is an array: of what it is known to be of, or else of texts.
pub(super) fn any_of(expr: &mut Expr, types: &[Option<ArrowType>]) {
    let (Expr::AnyOp { right, .. } | Expr::AllOp { right, .. }) = expr else { return };
    let mut inner = &mut **right;
    while let Expr::Nested(nested) = inner {
        inner = nested;
    }
    let Expr::Value(ValueWithSpan { value: Value::Placeholder(name), .. }) = inner else { return };
    let number = name.strip_prefix('$').and_then(|number| number.parse::<usize>().ok());
    let known = number.and_then(|number| types.get(number.checked_sub(1)?)?.clone());
    let list = match known {
        Some(list @ ArrowType::List(_)) => list,
        _ => super::super::tables::list(ArrowType::Utf8),
    };
    *inner = casts::cast_to(inner, empty::sql(&list));
}

fn text(text: &str) -> Expr {
    Expr::Value(Value::SingleQuotedString(text.to_owned()).into())
}

fn replaced(of: Expr, from: Expr, to: Expr) -> Expr {
    call("replace", vec![of, from, to])
}

/// A pattern in which nothing escapes.
fn doubled(pattern: &Expr) -> Expr {
    replaced(pattern.clone(), text("\\"), text("\\\\"))
}

/// A pattern with backslashes instead of another character that escapes.
fn escaped(pattern: &Expr, character: &Expr) -> Expr {
    /// Stands for the character itself meanwhile; of private use, and so in no pattern.
    const ITSELF: &str = "\u{f8ff}";
    let twice = call("concat", vec![character.clone(), character.clone()]);
    let kept = replaced(doubled(pattern), twice, text(ITSELF));
    replaced(replaced(kept, character.clone(), text("\\")), text(ITSELF), character.clone())
}

/// `OPERATOR(pg_catalog.~)`.
fn operator(op: &mut BinaryOperator) {
    let BinaryOperator::PGCustomBinaryOperator(words) = op else { return };
    let known = match words.last().map(String::as_str) {
        Some("~") => BinaryOperator::PGRegexMatch,
        Some("~*") => BinaryOperator::PGRegexIMatch,
        Some("!~") => BinaryOperator::PGRegexNotMatch,
        Some("!~*") => BinaryOperator::PGRegexNotIMatch,
        Some("~~") => BinaryOperator::PGLikeMatch,
        Some("!~~") => BinaryOperator::PGNotLikeMatch,
        Some("=") => BinaryOperator::Eq,
        Some("<>" | "!=") => BinaryOperator::NotEq,
        Some("<") => BinaryOperator::Lt,
        Some(">") => BinaryOperator::Gt,
        Some("<=") => BinaryOperator::LtEq,
        Some(">=") => BinaryOperator::GtEq,
        Some("||") => BinaryOperator::StringConcat,
        Some("+") => BinaryOperator::Plus,
        Some("-") => BinaryOperator::Minus,
        _ => return,
    };
    *op = known;
}

/// The items of an array that is written as text: `{a,"b c",NULL}`.
pub(super) fn array(text: &str) -> Option<Expr> {
    let inside = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    let mut items = Vec::new();
    let mut chars = inside.chars().peekable();
    while chars.peek().is_some() {
        let (mut item, mut quoted) = (String::new(), false);
        loop {
            match chars.next() {
                Some('"') => {
                    quoted = true;
                    loop {
                        match chars.next()? {
                            '\\' => item.push(chars.next()?),
                            '"' => break,
                            c => item.push(c),
                        }
                    }
                }
                Some('\\') => item.push(chars.next()?),
                Some('{' | '}') => return None,
                Some(',') | None => break,
                Some(c) => item.push(c),
            }
        }
        let value = match item.trim() {
            bare if !quoted && bare.eq_ignore_ascii_case("null") => Value::Null,
            bare if !quoted => Value::SingleQuotedString(bare.to_owned()),
            _ => Value::SingleQuotedString(item),
        };
        items.push(Expr::Value(value.into()));
    }
    Some(Expr::Array(Array { elem: items, named: true }))
}

/// Subqueries that are empty, that make an array, or that give one value of PostgreSQL's tables.
pub(super) fn subqueries(expr: &mut Expr) {
    match expr {
        Expr::Subquery(query) if empty::is_emptied(query) && !has_parameters(query) => {
            *expr = empty::first(query).unwrap_or_else(|| Expr::Value(Value::Null.into()));
        }
        Expr::Exists { subquery, negated } if empty::is_emptied(subquery) => {
            *expr = Expr::Value(Value::Boolean(*negated).into());
        }
        Expr::InSubquery { subquery, negated, .. } if empty::is_emptied(subquery) => {
            *expr = Expr::Value(Value::Boolean(*negated).into());
        }
        Expr::Subquery(query) => single(query),
        Expr::Function(function) if words_of(&function.name) == ["array"] => {
            if let FunctionArguments::Subquery(query) = &mut function.args {
                let nothing = empty::is_emptied(query);
                *expr = if nothing { call("make_array", Vec::new()) } else { aggregated(query) };
            }
        }
        _ => {}
    }
}

fn has_parameters(query: &Query) -> bool {
    !empty::parameters(query).is_empty()
}

/// A subquery of one column over PostgreSQL's tables, which gives one row by what they are: DataFusion has to see that
/// it does.
fn single(query: &mut Query) {
    let SetExpr::Select(select) = &mut *query.body else { return };
    let grouped = !matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty());
    let of_catalog = select.from.iter().any(|from| {
        let named = |factor: &TableFactor| match factor {
            TableFactor::Table { name, .. } => words_of(name).first().is_some_and(|of| of == super::super::SCHEMA),
            _ => false,
        };
        named(&from.relation) || from.joins.iter().any(|join| named(&join.relation))
    });
    if grouped || !of_catalog || select.selection.is_none() || query.limit_clause.is_some() {
        return;
    }
    if let [SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }] = &mut select.projection[..]
        && !empty::aggregates(expr)
    {
        *expr = call("first_value", vec![expr.clone()]);
    }
}

/// `ARRAY(SELECT x ...)` as `(SELECT array_agg(x) ...)`.
fn aggregated(query: &Query) -> Expr {
    let mut query = query.clone();
    let order = query.order_by.take();
    if let SetExpr::Select(select) = &mut *query.body
        && let [SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }] = &mut select.projection[..]
    {
        let mut aggregate = call("array_agg", vec![expr.clone()]);
        if let Expr::Function(function) = &mut aggregate
            && let FunctionArguments::List(list) = &mut function.args
            && let Some(order) = order
            && let OrderByKind::Expressions(by) = order.kind
        {
            let by = by.into_iter().map(|mut by| {
                // By its position is by itself.
                if matches!(by.expr, Expr::Value(_)) {
                    by.expr = expr.clone();
                }
                by
            });
            let by = by.collect();
            list.clauses.push(FunctionArgumentClause::OrderBy(by));
        }
        *expr = aggregate;
    }
    Expr::Subquery(Box::new(query))
}
