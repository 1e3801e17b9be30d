//! Checks a query for limits and for constructs that are not supported.

use std::collections::HashSet;

use datafusion::sql::sqlparser::ast::{Expr, Query, Select, SelectItem, Statement, TableFactor, ValueWithSpan};

use super::clauses;
use crate::sql::error::{ErrorKind, SqlError, duplicate_column};
use crate::sql::parse::identifiers::normal;
use crate::sql::parse::syntax::{first_word, read_only};
use crate::sql::parse::walk::{AstPass, walk};
use crate::sql::upstream::{unsupported_join, unsupported_set_operation};

/// Maximum depth of expressions and maximum number of SELECTs. DataFusion recurses over both without a limit.
const DEPTH: usize = 150;

/// Rejects queries that are nested too deeply, that write, or for which DataFusion returns wrong results.
pub(crate) fn check(query: &mut Statement) -> Result<(), SqlError> {
    walk(query, &mut Check::default())
}

/// Rejects select lists with two columns of the same name. Such a list is an error only if the name is used, so this
/// check runs only to explain why DataFusion rejected a query.
pub(crate) fn check_output_names(query: &mut Statement) -> Result<(), SqlError> {
    walk(query, &mut UniqueNames)
}

struct UniqueNames;

impl AstPass for UniqueNames {
    fn pre_select(&mut self, select: &mut Select) -> Result<(), SqlError> {
        let mut names = HashSet::new();
        for item in &select.projection {
            if let SelectItem::ExprWithAlias { alias: name, .. } | SelectItem::UnnamedExpr(Expr::Identifier(name)) =
                item
                && !names.insert(normal(name))
            {
                return Err(duplicate_column(&normal(name)));
            }
        }
        Ok(())
    }
}

#[derive(Default)]
struct Check {
    /// Number of expressions that enclose the current node.
    depth: usize,
    selects: usize,
}

impl AstPass for Check {
    fn pre_statement(&mut self, statement: &mut Statement) -> Result<(), SqlError> {
        match statement {
            Statement::Query(_) => Ok(()),
            // A common table expression that writes. DataFusion only reports that it is not implemented.
            other => Err(read_only(&first_word(other))),
        }
    }

    fn pre_query(&mut self, query: &mut Query) -> Result<(), SqlError> {
        clauses::query(query)?;
        unsupported_set_operation(&query.body).map_or(Ok(()), Err)
    }

    fn pre_select(&mut self, select: &mut Select) -> Result<(), SqlError> {
        self.selects += 1;
        if self.selects > DEPTH {
            return Err(SqlError::new(ErrorKind::Unsupported, format!("query has more than {DEPTH} SELECTs")));
        }
        clauses::select(select)?;
        let mut joins = select.from.iter().flat_map(|from| &from.joins);
        joins.find_map(unsupported_join).map_or(Ok(()), Err)
    }

    fn pre_table_factor(&mut self, factor: &mut TableFactor) -> Result<(), SqlError> {
        clauses::table_factor(factor)?;
        match factor {
            TableFactor::NestedJoin { table_with_joins, .. } => {
                table_with_joins.joins.iter().find_map(unsupported_join).map_or(Ok(()), Err)
            }
            _ => Ok(()),
        }
    }

    fn pre_value(&mut self, value: &mut ValueWithSpan) -> Result<(), SqlError> {
        clauses::literal(value)
    }

    fn pre_expr(&mut self, expr: &mut Expr) -> Result<(), SqlError> {
        clauses::expr(expr)?;
        self.depth += 1;
        if self.depth > DEPTH {
            let error = SqlError::new(ErrorKind::Unsupported, format!("query has more than {DEPTH} nested operators"));
            return Err(error.hint("use IN (...) for lists"));
        }
        Ok(())
    }

    fn post_expr(&mut self, _: &mut Expr) -> Result<(), SqlError> {
        self.depth -= 1;
        Ok(())
    }
}
