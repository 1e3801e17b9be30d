//! Functions of Presto that are other syntax in DataFusion: `if`, `try`, `count_if`, `max_by`, functions with lambdas.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentClause, FunctionArgumentList, FunctionArguments, Ident, LambdaFunction, LambdaFunctionParameter,
    LambdaSyntax, ObjectName, OneOrManyWithParens, OrderByExpr, OrderByOptions, Select, SelectItem, Statement,
    UnaryOperator, Value, helpers::attached_token::AttachedToken,
};

use crate::sql::error::{ErrorKind, SqlError};
use crate::sql::parse::identifiers::words;
use crate::sql::parse::walk::{AstPass, walk};

/// The scalar functions that the pass replaces.
pub(crate) const SCALAR: [&str; 9] =
    ["if", "try", "split", "transform", "filter", "any_match", "all_match", "none_match", "reduce"];

/// The aggregate functions that the pass replaces.
pub(crate) const AGGREGATE: [&str; 7] =
    ["count_if", "max_by", "min_by", "listagg", "approx_percentile", "map_agg", "histogram"];

/// Replaces the functions of a statement.
pub(crate) fn rewrite(statement: &mut Statement) -> Result<(), SqlError> {
    walk(statement, &mut Pass)
}

struct Pass;

impl AstPass for Pass {
    /// Names the columns of replaced functions by the function.
    fn pre_select(&mut self, select: &mut Select) -> Result<(), SqlError> {
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) = item
                && let Some(name) = replaced_function(expr)
            {
                *item = SelectItem::ExprWithAlias { expr: take(expr), alias: Ident::with_quote('"', name) };
            }
        }
        Ok(())
    }

    fn pre_expr(&mut self, expr: &mut Expr) -> Result<(), SqlError> {
        let Some(name) = replaced_function(expr) else { return Ok(()) };
        let Expr::Function(function) = expr else { return Ok(()) };
        if let Some(replacement) = replace(&name, function)? {
            *expr = replacement;
        }
        Ok(())
    }
}

/// The name of a replaced function, if an expression calls it.
fn replaced_function(expr: &Expr) -> Option<String> {
    let Expr::Function(Function { name, .. }) = expr else { return None };
    let [name] = words(name).try_into().ok()?;
    (SCALAR.contains(&name.as_str()) || AGGREGATE.contains(&name.as_str())).then_some(name)
}

/// The replacement of a call; `None` if the call remains and fails with the error of its arguments.
fn replace(name: &str, function: &mut Function) -> Result<Option<Expr>, SqlError> {
    let FunctionArguments::List(list) = &function.args else { return Ok(None) };
    let is_distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
    let argument = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    };
    let Some(arguments) = list.args.iter().map(argument).collect::<Option<Vec<_>>>() else { return Ok(None) };
    let clauses = list.clauses.clone();
    Ok(match (name, arguments.as_slice()) {
        ("if", [condition, value]) => Some(case(condition, value, None)),
        ("if", [condition, value, other]) => Some(case(condition, value, Some(other))),
        ("try", [value]) => Some(lenient(value)?),
        ("split", [_, _]) => Some(call("string_to_array", arguments)),
        ("transform", [list, lambda]) => Some(call("array_transform", vec![list.clone(), to_lambda(lambda)?])),
        ("filter", [list, lambda]) => Some(call("array_filter", vec![list.clone(), to_lambda(lambda)?])),
        ("any_match", [list, lambda]) => Some(any_match(list, to_lambda(lambda)?)),
        ("none_match", [list, lambda]) => Some(not(any_match(list, to_lambda(lambda)?))),
        ("all_match", [list, lambda]) => {
            let mut lambda = to_lambda(lambda)?;
            if let Expr::Lambda(LambdaFunction { body, .. }) = &mut lambda {
                **body = not(take(body));
            }
            Some(not(any_match(list, lambda)))
        }
        ("reduce", _) => {
            return Err(unsupported("reduce is not supported").hint("unnest the array in FROM and aggregate it"));
        }
        ("count_if", [condition]) if !is_distinct => {
            // NULLIF makes false NULL, and count does not count NULL.
            let is_true = call("nullif", vec![condition.clone(), Expr::Value(Value::Boolean(false).into())]);
            Some(aggregate(function, "count", vec![is_true], Vec::new()))
        }
        ("max_by" | "min_by", [value, key]) if !is_distinct && clauses.is_empty() => {
            let by = OrderByExpr {
                expr: key.clone(),
                options: OrderByOptions { asc: Some(name == "min_by"), nulls_first: Some(false) },
                with_fill: None,
            };
            let is_given = Expr::IsNotNull(Box::new(nested(key.clone())));
            let filter = function
                .filter
                .take()
                .map_or_else(|| is_given.clone(), |filter| and(nested(*filter), is_given.clone()));
            function.filter = Some(Box::new(filter));
            Some(aggregate(
                function,
                "first_value",
                vec![value.clone()],
                vec![FunctionArgumentClause::OrderBy(vec![by])],
            ))
        }
        ("max_by" | "min_by", _) => {
            return Err(unsupported(format!("{name} with these arguments is not supported"))
                .hint(format!("{name} expects a value and a key")));
        }
        ("listagg", [_] | [_, _]) => {
            let mut arguments = arguments;
            if arguments.len() == 1 {
                arguments.push(Expr::Value(Value::SingleQuotedString(String::new()).into()));
            }
            let mut clauses = clauses;
            // An overflow cannot happen.
            clauses.retain(|clause| !matches!(clause, FunctionArgumentClause::OnOverflow(_)));
            let order = std::mem::take(&mut function.within_group);
            if !order.is_empty() {
                clauses.push(FunctionArgumentClause::OrderBy(order));
            }
            let mut replaced = aggregate(function, "string_agg", arguments, clauses);
            if let Expr::Function(Function { args: FunctionArguments::List(list), .. }) = &mut replaced
                && is_distinct
            {
                list.duplicate_treatment = Some(DuplicateTreatment::Distinct);
            }
            Some(replaced)
        }
        ("approx_percentile", [value, percentage]) => {
            let by = OrderByExpr { expr: value.clone(), options: OrderByOptions::default(), with_fill: None };
            function.within_group = vec![by];
            Some(aggregate(function, "approx_percentile_cont", vec![percentage.clone()], Vec::new()))
        }
        ("map_agg", [key, value]) if !is_distinct => {
            let mut lists = [key, value]
                .map(|item| aggregate(&mut function.clone(), "array_agg", vec![item.clone()], clauses.clone()))
                .to_vec();
            lists.truncate(2);
            Some(call("map_of_lists", lists))
        }
        ("histogram", [value]) if !is_distinct => {
            let items = aggregate(function, "array_agg", vec![value.clone()], Vec::new());
            Some(call("map_of_counts", vec![items]))
        }
        _ => None,
    })
}

fn unsupported(message: impl Into<String>) -> SqlError {
    SqlError::new(ErrorKind::Unsupported, message)
}

/// Takes an expression and leaves NULL.
fn take(expr: &mut Expr) -> Expr {
    std::mem::replace(expr, Expr::Value(Value::Null.into()))
}

fn nested(expr: Expr) -> Expr {
    Expr::Nested(Box::new(expr))
}

fn not(expr: Expr) -> Expr {
    Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(nested(expr)) }
}

fn and(left: Expr, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op: BinaryOperator::And, right: Box::new(right) }
}

fn case(condition: &Expr, value: &Expr, other: Option<&Expr>) -> Expr {
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen { condition: condition.clone(), result: value.clone() }],
        else_result: other.cloned().map(Box::new),
    }
}

fn any_match(list: &Expr, lambda: Expr) -> Expr {
    call("array_any_match", vec![list.clone(), lambda])
}

fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    let args = arguments.into_iter().map(|argument| FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))).collect();
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// Another aggregate with the FILTER, OVER and WITHIN GROUP of a call.
fn aggregate(function: &mut Function, name: &str, arguments: Vec<Expr>, clauses: Vec<FunctionArgumentClause>) -> Expr {
    let mut replaced = call(name, arguments);
    if let Expr::Function(replaced) = &mut replaced {
        replaced.filter = function.filter.take();
        replaced.over = function.over.take();
        replaced.null_treatment = function.null_treatment.take();
        replaced.within_group = std::mem::take(&mut function.within_group);
        if let FunctionArguments::List(list) = &mut replaced.args {
            list.clauses = clauses;
        }
    }
    replaced
}

/// `try(x)`: casts that fail and divisions by zero are NULL.
fn lenient(value: &Expr) -> Result<Expr, SqlError> {
    struct Lenient;
    impl AstPass for Lenient {
        fn post_expr(&mut self, expr: &mut Expr) -> Result<(), SqlError> {
            match expr {
                Expr::Cast { kind, .. } => *kind = CastKind::TryCast,
                Expr::BinaryOp { op: BinaryOperator::Divide | BinaryOperator::Modulo, right, .. } => {
                    let zero = Expr::Value(Value::Number("0".to_owned(), false).into());
                    **right = call("nullif", vec![take(right), zero]);
                }
                _ => {}
            }
            Ok(())
        }
    }
    let mut value = nested(value.clone());
    walk(&mut value, &mut Lenient)?;
    Ok(value)
}

/// The lambda that an argument is. `x -> x > 1` is parsed as `(x -> x) > 1`, since `->` is an operator of JSON.
fn to_lambda(argument: &Expr) -> Result<Expr, SqlError> {
    let invalid = || unsupported(format!("{argument} is not a lambda")).hint("write it as x -> expression");
    let mut body = argument.clone();
    let parameter = take_parameter(&mut body).ok_or_else(invalid)?;
    Ok(Expr::Lambda(LambdaFunction {
        params: OneOrManyWithParens::One(LambdaFunctionParameter { name: parameter, data_type: None }),
        body: Box::new(body),
        syntax: LambdaSyntax::Arrow,
    }))
}

/// Removes `x ->` from the start of an expression and returns the parameter.
fn take_parameter(expr: &mut Expr) -> Option<Ident> {
    match expr {
        Expr::BinaryOp { left, op: BinaryOperator::Arrow, right } if matches!(**left, Expr::Identifier(_)) => {
            let Expr::Identifier(parameter) = take(left) else { return None };
            *expr = take(right);
            Some(parameter)
        }
        Expr::BinaryOp { left, .. } => take_parameter(left),
        Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::IsTrue(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsFalse(inner)
        | Expr::IsNotFalse(inner) => take_parameter(inner),
        Expr::Like { expr: inner, .. }
        | Expr::ILike { expr: inner, .. }
        | Expr::SimilarTo { expr: inner, .. }
        | Expr::InList { expr: inner, .. }
        | Expr::Between { expr: inner, .. }
        | Expr::Cast { expr: inner, .. } => take_parameter(inner),
        _ => None,
    }
}
