//! The merged columns of `JOIN ... USING`.
//!
//! DataFusion 55.2.0 has two bugs:
//!
//! - `*` takes the column of the table whose name sorts first, so a LEFT JOIN may return NULL for a value of the left
//!   side: <https://github.com/apache/datafusion/issues/13774>. This module expands `*` to one star for each relation.
//! - `WHERE x = 1` reports that `x` is ambiguous: <https://github.com/apache/datafusion/pull/22998>. The pass
//!   `rewrite::names` marks merged columns (`markers::merged_column`).
//!
//! `outer_using` rejects outer joins in which neither side has all values.

use std::collections::BTreeSet;

use datafusion::sql::sqlparser::ast::{
    ExcludeSelectItem, Ident, Join, JoinConstraint, JoinOperator, ObjectName, ObjectNamePart, Select, SelectItem,
    SelectItemQualifiedWildcardKind, TableFactor, WildcardAdditionalOptions,
};

use crate::sql::parse::identifiers::words;

/// Returns the constraint of a join.
pub(crate) fn constraint(join: &Join) -> Option<&JoinConstraint> {
    match &join.join_operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint)
        | JoinOperator::CrossJoin(constraint)
        | JoinOperator::Semi(constraint)
        | JoinOperator::LeftSemi(constraint)
        | JoinOperator::RightSemi(constraint)
        | JoinOperator::Anti(constraint)
        | JoinOperator::LeftAnti(constraint)
        | JoinOperator::RightAnti(constraint) => Some(constraint),
        _ => None,
    }
}

/// Returns the columns of the `USING` clause of a join.
pub(crate) fn columns(join: &mut Join) -> Option<&mut Vec<ObjectName>> {
    match &mut join.join_operator {
        JoinOperator::Join(JoinConstraint::Using(names))
        | JoinOperator::Inner(JoinConstraint::Using(names))
        | JoinOperator::Left(JoinConstraint::Using(names))
        | JoinOperator::LeftOuter(JoinConstraint::Using(names))
        | JoinOperator::Right(JoinConstraint::Using(names))
        | JoinOperator::RightOuter(JoinConstraint::Using(names))
        | JoinOperator::FullOuter(JoinConstraint::Using(names))
        | JoinOperator::Semi(JoinConstraint::Using(names))
        | JoinOperator::LeftSemi(JoinConstraint::Using(names))
        | JoinOperator::RightSemi(JoinConstraint::Using(names))
        | JoinOperator::Anti(JoinConstraint::Using(names))
        | JoinOperator::LeftAnti(JoinConstraint::Using(names))
        | JoinOperator::RightAnti(JoinConstraint::Using(names)) => Some(names),
        _ => None,
    }
}

/// Replaces an unqualified star by one star for each relation. Those of the right sides exclude the merged columns.
pub(crate) fn expand_stars(select: &mut Select) {
    let is_star = |item: &SelectItem| matches!(item, SelectItem::Wildcard(options) if *options == WildcardAdditionalOptions::default() || has_no_options(options));
    if !select.projection.iter().any(is_star) {
        return;
    }
    let Some(relations) = relations(select) else { return };
    let mut projection = Vec::new();
    for item in std::mem::take(&mut select.projection) {
        if !is_star(&item) {
            projection.push(item);
            continue;
        }
        for (name, joined_by) in &relations {
            let excluded = joined_by.iter().map(|name| ObjectName::from(vec![Ident::with_quote('"', name)]));
            let excluded: Vec<ObjectName> = excluded.collect();
            let options = WildcardAdditionalOptions {
                opt_exclude: (!excluded.is_empty()).then_some(ExcludeSelectItem::Multiple(excluded)),
                ..WildcardAdditionalOptions::default()
            };
            let qualifier = SelectItemQualifiedWildcardKind::ObjectName(ObjectName::from(vec![name.clone()]));
            projection.push(SelectItem::QualifiedWildcard(qualifier, options));
        }
    }
    select.projection = projection;
}

fn has_no_options(options: &WildcardAdditionalOptions) -> bool {
    options.opt_exclude.is_none()
        && options.opt_except.is_none()
        && options.opt_rename.is_none()
        && options.opt_replace.is_none()
        && options.opt_ilike.is_none()
}

/// Returns the name of each relation and the columns of its `USING` clause; `None` if the columns of the star are not
/// those of the relations in order.
fn relations(select: &Select) -> Option<Vec<(Ident, BTreeSet<String>)>> {
    let mut found = Vec::new();
    for from in &select.from {
        found.push((relation_name(&from.relation)?, BTreeSet::new()));
        for join in &from.joins {
            let joined_by = match (&join.join_operator, constraint(join)) {
                (
                    JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::Left(_) | JoinOperator::LeftOuter(_),
                    Some(JoinConstraint::Using(names)),
                ) => names.iter().map(|name| words(name).join(".")).collect(),
                (
                    JoinOperator::Join(_)
                    | JoinOperator::Inner(_)
                    | JoinOperator::Left(_)
                    | JoinOperator::LeftOuter(_)
                    | JoinOperator::Right(_)
                    | JoinOperator::RightOuter(_)
                    | JoinOperator::FullOuter(_)
                    | JoinOperator::CrossJoin(_),
                    Some(JoinConstraint::On(_) | JoinConstraint::None) | None,
                ) => BTreeSet::new(),
                _ => return None,
            };
            found.push((relation_name(&join.relation)?, joined_by));
        }
    }
    Some(found)
}

/// Returns the name that qualifies the columns of a relation.
fn relation_name(factor: &TableFactor) -> Option<Ident> {
    match factor {
        TableFactor::Table { alias: Some(alias), .. } | TableFactor::Derived { alias: Some(alias), .. } => {
            Some(alias.name.clone())
        }
        TableFactor::Table { name, alias: None, args: None, .. } => match name.0.last() {
            Some(ObjectNamePart::Identifier(ident)) => Some(ident.clone()),
            _ => None,
        },
        _ => None,
    }
}
