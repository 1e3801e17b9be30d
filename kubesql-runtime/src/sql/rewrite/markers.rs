//! Markers in a syntax tree for `plan::keys::KeyPlanner`, which replaces them while DataFusion plans the statement.

use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident,
    ObjectName, Subscript, Value,
};

/// Stands before a key that a candidate names, for it is no error where the candidate has no such map.
pub(crate) const CANDIDATE: char = '\u{2063}';

/// The function that lists what a reference can mean; it exists only while a statement is planned.
pub(crate) const CANDIDATES: &str = "\u{2063}candidates";

/// The function that lists what a reference can mean by how many of its words are qualifiers.
pub(crate) const READINGS: &str = "\u{2063}readings";

/// The function that marks a column that `USING` makes of two.
pub(crate) const MERGED: &str = "\u{2063}merged";

/// A reference that means the first of these that exists, as the planner sees it.
pub(crate) fn first_of(written: Expr, others: Vec<Expr>) -> Expr {
    marker(written, CANDIDATES, others)
}

/// A reference that means the first of these that exists at all, in this query or one around it: `r.ready.status` is a
/// column of `r` wherever there is such a relation, whatever else could be called `r.ready.status`.
pub(crate) fn first_reading(first: Expr, others: Vec<Expr>) -> Expr {
    if others.is_empty() { first } else { marker(first, READINGS, others) }
}

/// A column that `USING` makes of two: the one of the left side.
pub(crate) fn merged(written: Expr) -> Expr {
    marker(written, MERGED, Vec::new())
}

/// The value under a key of what may be a map.
pub(crate) fn under_key(map: Expr, key: &str) -> Expr {
    let key = Expr::value(Value::SingleQuotedString(format!("{CANDIDATE}{key}")));
    Expr::CompoundFieldAccess {
        root: Box::new(map),
        access_chain: vec![AccessExpr::Subscript(Subscript::Index { index: key })],
    }
}

/// Markers are subscripts, since the planner shows those to `ExprPlanner::plan_field_access` with the schema.
fn marker(root: Expr, name: &str, args: Vec<Expr>) -> Expr {
    let args = args.into_iter().map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg))).collect();
    let index = Expr::Function(Function {
        name: ObjectName::from(vec![Ident::with_quote('"', name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    });
    Expr::CompoundFieldAccess {
        root: Box::new(root),
        access_chain: vec![AccessExpr::Subscript(Subscript::Index { index })],
    }
}
