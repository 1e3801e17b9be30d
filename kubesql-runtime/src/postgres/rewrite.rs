//! Rewrites syntax of PostgreSQL to syntax that DataFusion supports.

use arrow::datatypes::DataType;
use datafusion::sql::sqlparser::ast::{
    AccessExpr, Array, ArrayElemTypeDef, BinaryOperator, CastKind, DataType as SqlType, Expr, Fetch, Function,
    FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArgumentList, FunctionArguments, Ident, LimitClause,
    ObjectName, OrderByKind, Query, Select, SelectItem, SetExpr, Statement, Subscript, TableAlias, TableAliasColumnDef,
    TableFactor, TimezoneInfo, Value, ValueWithSpan,
};

use super::{SCHEMA, casts, expressions, literals, tables, types};
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
        }
        Ok(())
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

    /// Rewrites `unnest` and `generate_series`.
    ///
    /// The column of `unnest(array) x` is `x`. DataFusion supports neither `unnest` of a column of the outer query nor
    /// `generate_series` of columns. Clients unnest options, which are always NULL, so these become a function without
    /// rows. A series becomes an array.
    fn pre_table_factor(&mut self, factor: &mut TableFactor) -> Result<(), SqlError> {
        let (array_exprs, alias) = match factor {
            TableFactor::UNNEST { array_exprs, alias, with_offset: false, with_ordinality: false, .. } => {
                (std::mem::take(array_exprs), alias)
            }
            TableFactor::Table { name, args: Some(args), alias, .. } => match words(name).last().map(String::as_str) {
                Some("unnest") => (args.args.drain(..).filter_map(expr_argument).collect(), alias),
                Some("generate_series") if args.args.iter().any(|argument| !is_literal(argument)) => {
                    let arguments = args.args.drain(..).filter_map(expr_argument).collect();
                    (vec![call("generate_series", arguments)], alias)
                }
                _ => return Ok(()),
            },
            _ => return Ok(()),
        };
        let mut alias = alias.take();
        if let (Some(TableAlias { name, columns, .. }), [_]) = (&mut alias, &array_exprs[..])
            && columns.is_empty()
        {
            columns.push(TableAliasColumnDef { name: name.clone(), data_type: None });
        }
        if array_exprs.iter().all(is_options_column) {
            let value = TableAliasColumnDef::from_name("option_value");
            alias.iter_mut().for_each(|alias| alias.columns.push(value.clone()));
            let name = ObjectName::from(vec![Ident::new("pg_options_to_table")]);
            *factor = TableFactor::Function { lateral: false, name, args: Vec::new(), with_ordinality: false, alias };
        } else {
            let (with_offset, with_offset_alias, with_ordinality) = (false, None, false);
            *factor = TableFactor::UNNEST { alias, array_exprs, with_offset, with_offset_alias, with_ordinality };
        }
        Ok(())
    }

    fn pre_expr(&mut self, expr: &mut Expr) -> Result<(), SqlError> {
        while let Expr::Collate { expr: inner, .. } = expr {
            *expr = take_expr(inner);
        }
        match expr {
            Expr::Identifier(ident)
                if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("current_schema") =>
            {
                *expr = call("current_schema", Vec::new());
            }
            Expr::Identifier(ident)
                if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("localtimestamp") =>
            {
                *expr = cast(call("now", Vec::new()), SqlType::Timestamp(None, TimezoneInfo::None));
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
            select_to_array_agg(&mut query);
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

fn is_literal(argument: &FunctionArg) -> bool {
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)) = argument else { return false };
    let mut argument = argument;
    while let Expr::UnaryOp { expr, .. } | Expr::Cast { expr, .. } | Expr::Nested(expr) = argument {
        argument = expr;
    }
    matches!(argument, Expr::Value(_) | Expr::Interval(_) | Expr::TypedString(_))
}

fn expr_argument(argument: FunctionArg) -> Option<Expr> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)) => Some(argument),
        _ => None,
    }
}

/// Returns whether an expression is a column of options or privileges of the catalog, which are all NULL.
fn is_options_column(expr: &Expr) -> bool {
    let name = match expr {
        Expr::Identifier(column) => Some(column),
        Expr::CompoundIdentifier(words) => words.last(),
        _ => None,
    };
    let all = ["reloptions", "attoptions", "attfdwoptions", "spcoptions", "rolconfig", "useconfig", "nspacl", "datacl"];
    name.is_some_and(|name| all.contains(&name.value.as_str()))
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

/// `ARRAY(SELECT x ... ORDER BY y)` is `(SELECT array_agg(x ORDER BY y) ...)`.
fn select_to_array_agg(query: &mut Query) {
    let SetExpr::Select(select) = &mut *query.body else { return };
    let [SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }] = &mut select.projection[..] else {
        return;
    };
    let mut clauses = Vec::new();
    if let Some(order) = query.order_by.take()
        && let OrderByKind::Expressions(mut by) = order.kind
    {
        // A position refers to the only column.
        by.iter_mut().filter(|by| matches!(by.expr, Expr::Value(_))).for_each(|by| by.expr = expr.clone());
        clauses.push(FunctionArgumentClause::OrderBy(by));
    }
    *expr = call_with("array_agg", vec![take_expr(expr)], clauses);
}

fn is_placeholder(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(ValueWithSpan { value: Value::Placeholder(_), .. }))
}

/// Takes an expression and leaves NULL.
pub(super) fn take_expr(expr: &mut Expr) -> Expr {
    std::mem::replace(expr, Expr::Value(Value::Null.into()))
}

pub(super) fn cast(expr: Expr, data_type: SqlType) -> Expr {
    Expr::Cast { kind: CastKind::DoubleColon, expr: Box::new(expr), data_type, array: false, format: None }
}

pub(super) fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    call_with(name, arguments, Vec::new())
}

fn call_with(name: &str, arguments: Vec<Expr>, clauses: Vec<FunctionArgumentClause>) -> Expr {
    let args = arguments.into_iter().map(|argument| FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))).collect();
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}
