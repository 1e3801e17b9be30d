//! What `*` shows: fixed columns, maps and the commonest keys, whatever else the statement names of a table.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    ExcludeSelectItem, Ident, JoinConstraint, JoinOperator, ObjectName, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, Statement, TableFactor, VisitMut, VisitorMut, WildcardAdditionalOptions,
};

use super::catalog::Mentions;
use super::names::{Names, words};
use super::offer::is_fixed;
use super::registry::Registry;
use super::scope::{Origin, Relation, Scope, constraint};

/// The dynamic columns that are part of a table's star, by schema and name of the table.
pub(super) type Common = BTreeMap<(String, String), BTreeSet<String>>;

/// Takes out of every star what is there only because the statement names it.
pub(super) fn hide(statement: &mut Statement, names: &Names, common: &Common, registry: &Registry, schema: &str) {
    let scope = Scope::new(registry, schema, &names.added);
    let mut hider = Hider { scope, names, mentions: names.mentions(), common };
    let _: ControlFlow<()> = VisitMut::visit(statement, &mut hider);
}

struct Hider<'a> {
    scope: Scope<'a>,
    names: &'a Names,
    mentions: BTreeMap<(String, String), Mentions>,
    common: &'a Common,
}

impl VisitorMut for Hider<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        self.scope.enter(query);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.scope.leave();
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        if select.projection.iter().any(is_star)
            && let Ok(relations) = self.scope.relations(select)
        {
            let through = self.scope.frames().next().and_then(|frame| self.names.wants.get(&frame.id));
            let hidden: Vec<BTreeSet<String>> = relations
                .iter()
                .map(|relation| {
                    let mut hidden = self.hidden(&relation.origin);
                    hidden.retain(|name| through.is_none_or(|through| !through.contains(name)));
                    hidden
                })
                .collect();
            if hidden.iter().any(|hidden| !hidden.is_empty()) || merges_left(select) {
                exclude(select, &relations, hidden);
            }
        }
        ControlFlow::Continue(())
    }
}

impl Hider<'_> {
    /// What a relation has that is no part of its star.
    fn hidden(&self, origin: &Origin) -> BTreeSet<String> {
        match origin {
            Origin::Table { .. } => {
                let Some(mentions) = origin.key().and_then(|key| self.mentions.get(&key)) else {
                    return BTreeSet::new();
                };
                let object = mentions.object.then(|| "object".to_owned());
                let named = mentions.dynamic.iter().cloned().chain(object);
                named.filter(|name| !self.is_shown(origin, name)).collect()
            }
            Origin::Query(offer) => {
                let wanted = self.names.wants.get(&offer.id).into_iter().flatten().cloned();
                wanted.filter(|name| !offer.shows(name, &|origin| self.is_shown(origin, name))).collect()
            }
            Origin::System(_) | Origin::Other => BTreeSet::new(),
        }
    }

    /// Whether a column is part of a table's star.
    fn is_shown(&self, origin: &Origin, name: &str) -> bool {
        let common = origin.key().and_then(|key| self.common.get(&key));
        let fixed = matches!(origin, Origin::Table { table, .. } if is_fixed(table, name));
        fixed || common.is_some_and(|common| common.contains(name))
    }
}

fn is_star(item: &SelectItem) -> bool {
    matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..))
}

/// Excludes what is hidden of each relation from the stars over them.
fn exclude(select: &mut Select, relations: &[Relation], hidden: Vec<BTreeSet<String>>) {
    let apart = apart(select, relations);
    let mut projection = Vec::new();
    for mut item in std::mem::take(&mut select.projection) {
        match &mut item {
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(of), options) => {
                let words = words(of);
                let at = relations.iter().position(|relation| relation.is_called(&words));
                leave_out(options, at.map(|at| &hidden[at]).into_iter().flatten());
            }
            SelectItem::Wildcard(options) if relations.len() == 1 => leave_out(options, &hidden[0]),
            // What several relations have cannot be left out of one of them, unless each has its own star.
            SelectItem::Wildcard(_) if let Some(apart) = &apart => {
                for ((name, merged), hidden) in apart.iter().zip(&hidden) {
                    let mut options = WildcardAdditionalOptions::default();
                    leave_out(&mut options, hidden.union(merged));
                    let of = SelectItemQualifiedWildcardKind::ObjectName(name.clone());
                    projection.push(SelectItem::QualifiedWildcard(of, options));
                }
                continue;
            }
            _ => {}
        }
        projection.push(item);
    }
    select.projection = projection;
}

/// Whether a LEFT JOIN makes two columns one: a star over all would have either, whatever the relations are called.
fn merges_left(select: &Select) -> bool {
    select.from.iter().flat_map(|from| &from.joins).any(|join| {
        let left = matches!(join.join_operator, JoinOperator::Left(_) | JoinOperator::LeftOuter(_));
        left && matches!(constraint(join), Some(JoinConstraint::Using(_)))
    })
}

fn leave_out<'n>(options: &mut WildcardAdditionalOptions, hidden: impl IntoIterator<Item = &'n String>) {
    let name = |name: &String| ObjectName::from(vec![Ident::with_quote('"', name)]);
    let names: Vec<ObjectName> = hidden.into_iter().map(name).collect();
    options.opt_exclude = (!names.is_empty()).then_some(ExcludeSelectItem::Multiple(names));
}

/// The name of each relation, and which of its columns are shown as another's since they are joined by; `None` where
/// the star over all is not that of one after the other.
fn apart(select: &Select, relations: &[Relation]) -> Option<Vec<(ObjectName, BTreeSet<String>)>> {
    let mut found = Vec::new();
    for from in &select.from {
        found.push((&from.relation, BTreeSet::new()));
        for join in &from.joins {
            let merged = match (&join.join_operator, constraint(join)) {
                (
                    JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::Left(_) | JoinOperator::LeftOuter(_),
                    Some(JoinConstraint::Using(by)),
                ) => by.iter().map(|name| words(name).join(".")).collect(),
                (
                    JoinOperator::Join(_)
                    | JoinOperator::Inner(_)
                    | JoinOperator::Left(_)
                    | JoinOperator::LeftOuter(_)
                    | JoinOperator::Right(_)
                    | JoinOperator::RightOuter(_)
                    | JoinOperator::FullOuter(_),
                    Some(JoinConstraint::On(_) | JoinConstraint::None),
                )
                | (JoinOperator::CrossJoin(_), _) => BTreeSet::new(),
                _ => return None,
            };
            found.push((&join.relation, merged));
        }
    }
    if found.len() != relations.len()
        || found.iter().any(|(factor, _)| matches!(factor, TableFactor::NestedJoin { .. }))
    {
        return None;
    }
    let named = relations.iter().zip(found).map(|(relation, (_, merged))| {
        let name = relation.name()?;
        Some((ObjectName::from(vec![Ident::with_quote('"', name)]), merged))
    });
    named.collect()
}
