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
pub(crate) fn constraint(join: &mut Join) -> Option<&mut JoinConstraint> {
    match &mut join.join_operator {
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
    if let Some(JoinConstraint::Using(names)) = constraint(join) { Some(names) } else { None }
}

/// Replaces an unqualified star by one star for each relation. Those of the right sides exclude the merged columns.
pub(crate) fn expand_stars(select: &mut Select) {
    let is_star = |item: &SelectItem| matches!(item, SelectItem::Wildcard(options) if has_no_options(options));
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
    let WildcardAdditionalOptions { opt_exclude, opt_except, opt_rename, opt_replace, opt_ilike, .. } = options;
    let excludes = opt_exclude.is_some() || opt_except.is_some();
    !excludes && opt_rename.is_none() && opt_replace.is_none() && opt_ilike.is_none()
}

/// Returns the name of each relation and the columns of its `USING` clause; `None` if the columns of the star are not
/// those of the relations in order.
fn relations(select: &mut Select) -> Option<Vec<(Ident, BTreeSet<String>)>> {
    use JoinOperator::{CrossJoin, FullOuter, Inner, Join, Left, LeftOuter, Right, RightOuter};
    let mut found = Vec::new();
    for from in &mut select.from {
        found.push((relation_name(&from.relation)?, BTreeSet::new()));
        for join in &mut from.joins {
            let keeps_left = matches!(join.join_operator, Join(_) | Inner(_) | Left(_) | LeftOuter(_));
            let has_both = matches!(join.join_operator, Right(_) | RightOuter(_) | FullOuter(_) | CrossJoin(_));
            let joined_by = match constraint(join) {
                Some(JoinConstraint::Using(names)) if keeps_left => {
                    names.iter().map(|name| words(name).join(".")).collect()
                }
                Some(JoinConstraint::On(_) | JoinConstraint::None) if keeps_left || has_both => BTreeSet::new(),
                _ => return None,
            };
            found.push((relation_name(&join.relation)?, joined_by));
        }
    }
    Some(found)
}

/// Returns the name that qualifies the columns of a relation.
pub(crate) fn relation_name(factor: &TableFactor) -> Option<Ident> {
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

#[cfg(test)]
mod tests {
    use datafusion::prelude::SessionContext;

    use crate::sql::upstream::plain_datafusion;

    #[tokio::test]
    async fn upstream_takes_column_of_first_table_name() {
        let sql = "select * from (select 1 as k) b left join (select 1 as k where false) a using (k)";
        assert_eq!(plain_datafusion(sql).await, "NULL", "fixed upstream: remove expand_stars");
    }

    #[tokio::test]
    async fn upstream_reports_merged_column_as_ambiguous() {
        let sql = "select 1 from (select 1 as k) a join (select 1 as k) b using (k) where k = 1";
        assert!(SessionContext::new().sql(sql).await.is_err(), "fixed upstream: remove the marker of merged columns");
    }
}
