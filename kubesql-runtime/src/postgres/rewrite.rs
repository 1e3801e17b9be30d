//! Rewrites syntax of PostgreSQL to syntax that DataFusion supports.

use arrow::datatypes::DataType;
use datafusion::sql::sqlparser::ast::{
    AccessExpr, Array, ArrayElemTypeDef, BinaryOperator, DataType as SqlType, Expr, Fetch, FunctionArguments, Ident,
    LimitClause, ObjectName, Query, Select, SelectItem, Statement, Subscript, TableFactor, Value, ValueWithSpan,
};

use super::build::{call, cast, take_expr};
use super::{SCHEMA, array_subquery, casts, expressions, literals, row_values, table_functions, tables, types};
use crate::sql::error::{ErrorKind, SqlError};
use crate::sql::parse::arrays;
use crate::sql::parse::identifiers::words;
use crate::sql::parse::walk::{AstPass, walk};

/// Rewrites a statement; `parameters` are the known types of `$1`, `$2` and so on.
pub(crate) fn rewrite(statement: &mut Statement, parameters: &[Option<DataType>]) -> Result<(), SqlError> {
    walk(statement, &mut PostgresSyntax { parameters })
}

struct PostgresSyntax<'a> {
    parameters: &'a [Option<DataType>],
}

impl AstPass for PostgresSyntax<'_> {
    fn pre_query(&mut self, query: &mut Query) -> Result<(), SqlError> {
        fetch_to_limit(query)
    }

    fn pre_select(&mut self, select: &mut Select) -> Result<(), SqlError> {
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) = item
                && let Some(name) = column_name(expr)
            {
                *item = SelectItem::ExprWithAlias { expr: take_expr(expr), alias: Ident::with_quote('"', name) };
            }
            table_functions::rewrite_select_item(item);
        }
        select.selection.as_mut().map_or(Ok(()), row_values::rewrite_condition)
    }

    /// Removes the schema of table functions.
    fn pre_relation(&mut self, name: &mut ObjectName) -> Result<(), SqlError> {
        if let [schema, table] = words(name).as_slice()
            && schema == SCHEMA
            && !tables::exists(table)
        {
            name.0.remove(0);
        }
        Ok(())
    }

    fn pre_table_factor(&mut self, factor: &mut TableFactor) -> Result<(), SqlError> {
        table_functions::rewrite(factor)
    }

    fn pre_expr(&mut self, expr: &mut Expr) -> Result<(), SqlError> {
        while let Expr::Collate { expr: inner, .. } = expr {
            *expr = take_expr(inner);
        }
        row_values::rewrite(expr)?;
        match expr {
            Expr::Identifier(ident)
                if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("current_schema") =>
            {
                *expr = call("current_schema", Vec::new());
            }
            Expr::Function(function) => {
                if let [schema, name] = words(&function.name).as_slice()
                    && (schema == SCHEMA || schema == "information_schema")
                {
                    function.name = ObjectName::from(vec![Ident::new(name)]);
                }
            }
            Expr::Extract { .. } | Expr::Substring { .. } => expressions::rewrite(expr),
            Expr::CompoundFieldAccess { root, access_chain } if !matches!(**root, Expr::Identifier(_)) => {
                access_chain.iter_mut().for_each(field_to_subscript);
                expressions::rewrite(expr);
            }
            Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. } => {
                escape_to_call(pattern, escape_char);
            }
            Expr::BinaryOp { left, op: BinaryOperator::PGOverlap, right } => {
                array_literal(left);
                array_literal(right);
            }
            Expr::BinaryOp { op, .. } => rewrite_operator(op),
            Expr::SimilarTo { .. }
            | Expr::UnaryOp { .. }
            | Expr::Value(_)
            | Expr::AtTimeZone { .. }
            | Expr::CompoundFieldAccess { .. } => {
                expressions::rewrite(expr);
            }
            Expr::AnyOp { compare_op, right, .. } | Expr::AllOp { compare_op, right, .. } => {
                rewrite_operator(compare_op);
                self.array_operand(right);
                expressions::rewrite(expr);
            }
            Expr::Cast { expr: inner, data_type, .. } => {
                if let SqlType::Array(_) = data_type {
                    array_literal(inner);
                } else if is_placeholder(inner)
                    && casts::type_name(data_type).is_some_and(|name| name.starts_with("reg"))
                {
                    // Clients send names, not numbers.
                    **inner = cast(take_expr(inner), SqlType::Text);
                } else {
                    expressions::rewrite_cast(expr);
                }
            }
            Expr::TypedString(literal) => {
                if let Value::SingleQuotedString(text) = &mut literal.value.value {
                    *text = literals::with_seconds(text);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn post_expr(&mut self, expr: &mut Expr) -> Result<(), SqlError> {
        if let Expr::Function(function) = expr
            && words(&function.name) == ["array"]
            && let FunctionArguments::Subquery(_) = &function.args
            && let FunctionArguments::Subquery(mut query) =
                std::mem::replace(&mut function.args, FunctionArguments::None)
        {
            array_subquery::rewrite(&mut query)?;
            // array_agg returns NULL if there are no rows.
            *expr = call("coalesce", vec![Expr::Subquery(query), call("make_array", Vec::new())]);
            return Ok(());
        }
        expressions::rewrite_call(expr);
        Ok(())
    }
}

impl PostgresSyntax<'_> {
    /// Converts the operand of ANY or ALL to an array. The operand may be an array literal as text, or a parameter,
    /// whose items are text unless its type is known.
    fn array_operand(&self, operand: &mut Expr) {
        match operand {
            Expr::Nested(inner) => self.array_operand(inner),
            Expr::Value(ValueWithSpan { value: Value::Placeholder(name), .. }) => {
                let number = name.strip_prefix('$').and_then(|number| number.parse::<usize>().ok());
                let known = number.and_then(|number| self.parameters.get(number.checked_sub(1)?)?.as_ref());
                let item = match known {
                    Some(DataType::List(item)) => types::from_arrow(item.data_type()).name,
                    _ => types::TEXT.name,
                };
                let item = SqlType::Custom(ObjectName::from(vec![Ident::new(item)]), Vec::new());
                let list = SqlType::Array(ArrayElemTypeDef::SquareBracket(Box::new(item), None));
                *operand = cast(take_expr(operand), list);
            }
            operand => array_literal(operand),
        }
    }
}

/// `FETCH FIRST n ROWS ONLY` is `LIMIT n`.
fn fetch_to_limit(query: &mut Query) -> Result<(), SqlError> {
    let Some(Fetch { with_ties, percent, quantity }) = query.fetch.take() else { return Ok(()) };
    let unsupported = |what| Err(SqlError::new(ErrorKind::Unsupported, format!("FETCH FIRST {what} is not supported")));
    if with_ties {
        return unsupported("n ROWS WITH TIES");
    }
    if percent {
        return unsupported("n PERCENT");
    }
    let quantity = quantity.unwrap_or_else(|| Expr::Value(Value::Number("1".into(), false).into()));
    let (offset, limit_by) = match query.limit_clause.take() {
        None => (None, Vec::new()),
        Some(LimitClause::LimitOffset { limit: None, offset, limit_by }) => (offset, limit_by),
        Some(_) => return Err(SqlError::new(ErrorKind::Syntax, "LIMIT and FETCH FIRST cannot be combined")),
    };
    query.limit_clause = Some(LimitClause::LimitOffset { limit: Some(quantity), offset, limit_by });
    Ok(())
}

/// Returns the name that PostgreSQL gives to a column without an alias, if DataFusion's differs.
fn column_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Cast { expr, data_type, .. } => column_name(expr).or_else(|| {
            let type_name = casts::type_name(data_type).filter(|name| name.starts_with("reg"))?;
            match &**expr {
                Expr::Identifier(ident) => Some(ident.value.clone()),
                Expr::CompoundIdentifier(parts) => parts.last().map(|ident| ident.value.clone()),
                _ => Some(type_name),
            }
        }),
        Expr::Function(function) => match words(&function.name).as_slice() {
            [schema, name] if schema == SCHEMA => Some(name.clone()),
            [name] if name == "array" => Some(name.clone()),
            _ => None,
        },
        Expr::Exists { negated: false, .. } => Some("exists".to_owned()),
        _ => None,
    }
}

/// `(f(x)).field` is `(f(x))['field']`.
fn field_to_subscript(access: &mut AccessExpr) {
    if let AccessExpr::Dot(Expr::Identifier(field)) = access {
        let index = Expr::Value(Value::SingleQuotedString(field.value.clone()).into());
        *access = AccessExpr::Subscript(Subscript::Index { index });
    }
}

/// `LIKE pattern ESCAPE c` is `LIKE like_escape(pattern, c)`, unless `c` is the default.
fn escape_to_call(pattern: &mut Expr, escape: &mut Option<ValueWithSpan>) {
    let is_default = |escape: &mut ValueWithSpan| matches!(&escape.value, Value::SingleQuotedString(c) if c == "\\");
    let character = match escape.take_if(|escape| !is_default(escape)) {
        None => return,
        // The value of a parameter is not known yet.
        Some(escape @ ValueWithSpan { value: Value::Placeholder(_), .. }) => cast(Expr::Value(escape), SqlType::Text),
        Some(escape) => Expr::Value(escape),
    };
    *pattern = call("like_escape", vec![take_expr(pattern), character]);
}

/// `OPERATOR(pg_catalog.~)` is `~`.
fn rewrite_operator(op: &mut BinaryOperator) {
    let BinaryOperator::PGCustomBinaryOperator(words) = op else { return };
    *op = match words.last().map(String::as_str) {
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
}

/// Replaces an array literal as text: `'{a,"b c",NULL}'` is `ARRAY['a', 'b c', NULL]`.
fn array_literal(expr: &mut Expr) {
    if let Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) = expr
        && let Some(elem) = array_items(text)
    {
        *expr = Expr::Array(Array { elem, named: true });
    }
}

fn array_items(text: &str) -> Option<Vec<Expr>> {
    let value = |item: Option<String>| Expr::Value(item.map_or(Value::Null, Value::SingleQuotedString).into());
    Some(arrays::items(text)?.into_iter().map(value).collect())
}

fn is_placeholder(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(ValueWithSpan { value: Value::Placeholder(_), .. }))
}
