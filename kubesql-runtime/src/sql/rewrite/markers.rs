//! Markers in a syntax tree, which `plan::keys::KeyPlanner` replaces while DataFusion plans the statement.

use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident,
    ObjectName, Subscript, Value,
};

/// Prefix of the key of a candidate. It is not an error if the candidate's map does not exist.
pub(crate) const CANDIDATE: char = '\u{2063}';

/// The function that lists the candidates of a reference. It exists only while a statement is planned.
pub(crate) const CANDIDATES: &str = "\u{2063}candidates";

/// The function that lists the readings of a reference, which differ in the number of qualifiers.
pub(crate) const READINGS: &str = "\u{2063}readings";

/// The function that marks a column merged by `USING`.
pub(crate) const MERGED: &str = "\u{2063}merged";

/// The function that marks a reference to a whole row.
pub(crate) const ROW: &str = "\u{2063}row";

/// A reference to a column or, if there is none of this name, to the row of a relation as JSON.
pub(crate) fn whole_row(relation: Expr) -> Expr {
    marker(relation, ROW, Vec::new())
}

/// Whether an expression is a [`whole_row`].
pub(crate) fn is_whole_row(expr: &Expr) -> bool {
    let Expr::CompoundFieldAccess { access_chain, .. } = expr else { return false };
    let [AccessExpr::Subscript(Subscript::Index { index: Expr::Function(function) })] = access_chain.as_slice() else {
        return false;
    };
    function.name.0.last().and_then(|part| part.as_ident()).is_some_and(|ident| ident.value == ROW)
}

/// A reference that resolves to the first of these columns that exists in the planner's schema.
pub(crate) fn first_candidate(written: Expr, others: Vec<Expr>) -> Expr {
    marker(written, CANDIDATES, others)
}

/// A reference that resolves to the first reading that exists in this query or an enclosing one. `r.ready.status` is a
/// column of `r` if there is a relation `r`, even if another column is called `r.ready.status`.
pub(crate) fn first_reading(first: Expr, others: Vec<Expr>) -> Expr {
    if others.is_empty() { first } else { marker(first, READINGS, others) }
}

/// A column merged by `USING`: the column of the left side.
pub(crate) fn merged_column(written: Expr) -> Expr {
    marker(written, MERGED, Vec::new())
}

/// The value of a key of a column that may be a map.
pub(crate) fn map_subscript(map: Expr, key: &str) -> Expr {
    let key = Expr::value(Value::SingleQuotedString(format!("{CANDIDATE}{key}")));
    Expr::CompoundFieldAccess {
        root: Box::new(map),
        access_chain: vec![AccessExpr::Subscript(Subscript::Index { index: key })],
    }
}

/// Markers are subscripts, because the planner passes these to `ExprPlanner::plan_field_access` with the schema.
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
