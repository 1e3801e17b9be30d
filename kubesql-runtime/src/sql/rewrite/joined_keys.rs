//! Rewrites `JOIN ... USING` with the name of a key to `ON`.
//!
//! DataFusion asks both sides of `USING` for a column of the name. Tables and subqueries have a column for a key only
//! where a reference asks for it, so the pass writes such references: `p."labels.app" = s."labels.app"`.

use std::collections::BTreeMap;

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Ident, JoinConstraint, Select};

use crate::sql::error::{ErrorKind, SqlError};
use crate::sql::parse::identifiers::words;
use crate::sql::upstream::using;

/// The columns that `USING` clauses merge. A key has the relation on the left side, whose value a reference without a
/// qualifier means.
pub(crate) type Merged = BTreeMap<String, Option<Ident>>;

/// Rewrites the joins of a SELECT. Returns the columns of all of its `USING` clauses.
pub(crate) fn expand(select: &mut Select, may_be_hidden: impl Fn(&str) -> bool) -> Result<Merged, SqlError> {
    let mut merged = Merged::new();
    for from in &mut select.from {
        let first = using::relation_name(&from.relation);
        for (number, join) in from.joins.iter_mut().enumerate() {
            let right = using::relation_name(&join.relation);
            let Some(constraint) = using::constraint(join) else { continue };
            let JoinConstraint::Using(names) = &*constraint else { continue };
            let names: Vec<String> = names.iter().map(|name| words(name).join(".")).collect();
            // Columns of `kubectl get` have names that other columns have too.
            let has_keys = names.iter().any(|name| may_be_hidden(name) && (number == 0 || name.contains('.')));
            let mut conditions = Vec::new();
            for name in names {
                let left = match merged.get(&name) {
                    Some(Some(left)) => Some(left),
                    _ if number == 0 => first.as_ref(),
                    _ => None,
                };
                if !has_keys {
                    merged.entry(name).or_default();
                    continue;
                }
                let (Some(left), Some(right)) = (left, &right) else {
                    return Err(unknown_side(&name));
                };
                conditions.push(Expr::BinaryOp {
                    left: Box::new(column(left, &name)),
                    op: BinaryOperator::Eq,
                    right: Box::new(column(right, &name)),
                });
                let left = left.clone();
                merged.insert(name, Some(left));
            }
            let and =
                |left, right| Expr::BinaryOp { left: Box::new(left), op: BinaryOperator::And, right: Box::new(right) };
            if let Some(condition) = conditions.into_iter().reduce(and) {
                *constraint = JoinConstraint::On(condition);
            }
        }
    }
    Ok(merged)
}

/// The reference to a column of a relation.
pub(crate) fn column(relation: &Ident, name: &str) -> Expr {
    Expr::CompoundIdentifier(vec![relation.clone(), Ident::with_quote('"', name)])
}

fn unknown_side(name: &str) -> SqlError {
    let message = format!("common column name \"{name}\" may appear in several tables of the left side");
    SqlError::new(ErrorKind::Invalid, message).code("42702").hint("join ON a.x = b.x instead")
}
