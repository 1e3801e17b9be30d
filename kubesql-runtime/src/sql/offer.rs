//! What a subquery gives to the query around it, and what it could give beside its own columns.
//!
//! `labels.app` of a subquery that selects `labels` is no column of it, but can be made one: it is added to the
//! subquery's select list, and hidden from `*` (`stars`).

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, Ident, Join, JoinConstraint, JoinOperator, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr,
};

use super::dynamic;
use super::error::{ErrorKind, SqlError};
use super::names::{normal, words};
use super::scope::{Origin, Relation, constraint};
use crate::schema::{MapValue, Place, Table, Values};

/// A query of a statement: where it stands, for as long as the statement is not moved.
pub(super) type Id = usize;

pub(super) fn id(query: &Query) -> Id {
    std::ptr::from_ref(query).addr()
}

/// Columns by the query that they are wanted of, or were added to.
pub(super) type Columns = BTreeMap<Id, BTreeSet<String>>;

/// A part of a query's body.
pub(super) enum Part<'q> {
    /// With what it reads from.
    Select(&'q Select, Vec<Relation>),
    /// In parentheses.
    Query(Rc<Offer>),
    Other,
}

/// What a query gives.
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) id: Id,
    /// The parts of a UNION, or the only one.
    branches: Vec<Branch>,
}

#[derive(Debug)]
enum Branch {
    Select(Selected),
    /// In parentheses.
    Query(Rc<Offer>),
    /// Something without columns of objects.
    Other,
}

#[derive(Debug)]
struct Selected {
    items: Vec<Item>,
    stars: Vec<Origin>,
    /// Columns that joins are by, once for each join: a star over all has them once less.
    merged: Vec<String>,
    /// What a star over all has depends on how the relations are joined.
    unclear: bool,
    /// Nothing can be added to what is grouped or joined by whatever columns there are.
    closed: bool,
    distinct: bool,
}

/// An item of a select list.
#[derive(Debug)]
struct Item {
    name: Option<String>,
    /// Whether it was added for the sake of a query around.
    added: bool,
    /// The map that it is, as it is written there: its qualifiers and its name.
    map: Option<(Vec<Ident>, String, MapValue)>,
}

/// How a column can be had of a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Route {
    /// It is there already, or comes along with the star.
    There,
    /// By a key of the map at this position.
    Key(usize, String),
}

/// The map of this name that a relation has.
pub(super) fn map_of(origin: &Origin, name: &str) -> Option<MapValue> {
    match origin {
        Origin::Table { table, .. } => {
            table.columns.iter().find(|column| column.name == name).and_then(|column| match column.values {
                Values::Map(value) => Some(value),
                _ => None,
            })
        }
        Origin::Query(offer) => offer.map(name),
        Origin::System(_) | Origin::Other => None,
    }
}

pub(super) fn is_fixed(table: &Table, name: &str) -> bool {
    table.columns.iter().any(|column| column.name == name && column.place != Place::Json)
}

/// Whether a relation has a column of this name of its own.
pub(super) fn has(origin: &Origin, name: &str) -> bool {
    match origin {
        Origin::Table { table, .. } => is_fixed(table, name),
        Origin::Query(offer) => offer.has(name),
        Origin::System(columns) => columns.iter().any(|(column, _)| *column == name),
        Origin::Other => false,
    }
}

/// Whether a relation can be made to have it.
pub(super) fn gives(origin: &Origin, name: &str) -> bool {
    match origin {
        Origin::Table { table, .. } => {
            dynamic::find(table, name).is_some() || table.columns.iter().any(|column| column.name == name)
        }
        Origin::Query(offer) => offer.gives(name),
        Origin::System(_) => has(origin, name),
        Origin::Other => false,
    }
}

/// Whether the key of a map is a column of the relation. A quantity that is not would be text here and a number
/// elsewhere, so that it is an error.
pub(super) fn is_flat(origin: &Origin, name: &str, key: &str) -> Result<bool, SqlError> {
    let Some(value) = map_of(origin, name) else { return Ok(false) };
    let column = format!("{name}.{key}");
    let flat = has(origin, &column) || gives(origin, &column);
    if !flat && value == MapValue::Quantity {
        let message = format!("{name}['{key}'] is not to be had out of this subquery");
        return Err(SqlError::new(ErrorKind::Unsupported, message).hint(format!("select {name}['{key}'] inside of it")));
    }
    Ok(flat)
}

/// Whether a relation has several columns of this name, so that nobody can say which one is meant.
pub(super) fn ambiguous(origin: &Origin, name: &str) -> bool {
    let (there, could) = count(origin, name);
    if there > 0 { there > 1 } else { could > 1 }
}

/// How many columns of this name there are, and how many more there can be.
fn count(origin: &Origin, name: &str) -> (usize, usize) {
    match origin {
        Origin::Query(offer) => offer.count(name),
        other if has(other, name) => (1, 0),
        other => (0, usize::from(gives(other, name))),
    }
}

impl Offer {
    /// Of a query's parts; these columns were added to it.
    pub(super) fn new(id: Id, parts: Vec<Part<'_>>, added: &BTreeSet<String>) -> Rc<Self> {
        let branch = |part| match part {
            Part::Select(select, relations) => Branch::Select(selected(select, &relations, added)),
            Part::Query(offer) => Branch::Query(offer),
            Part::Other => Branch::Other,
        };
        Rc::new(Self { id, branches: parts.into_iter().map(branch).collect() })
    }

    /// Nothing, as of a query that reads itself.
    pub(super) fn nothing(id: Id) -> Rc<Self> {
        Rc::new(Self { id, branches: Vec::new() })
    }

    /// With other names, by which nothing can be added.
    pub(super) fn renamed(&self, names: &[String]) -> Rc<Self> {
        let items = match self.branches.first() {
            Some(Branch::Select(Selected { items, stars, .. })) if stars.is_empty() => items.as_slice(),
            _ => &[],
        };
        let item = |at: usize| Item {
            name: names.get(at).or(items.get(at).and_then(|item| item.name.as_ref())).cloned(),
            added: false,
            map: items.get(at).and_then(|item| item.map.clone()),
        };
        let items = (0..names.len().max(items.len())).map(item).collect();
        let selected =
            Selected { items, stars: Vec::new(), merged: Vec::new(), unclear: false, closed: true, distinct: false };
        Rc::new(Self { id: self.id, branches: vec![Branch::Select(selected)] })
    }

    fn map(&self, name: &str) -> Option<MapValue> {
        match self.branches.first()? {
            Branch::Select(selected) => {
                let item = selected.items.iter().find(|item| item.name.as_deref() == Some(name));
                match item {
                    Some(item) => item.map.as_ref().map(|(.., value)| *value),
                    None => selected.stars.iter().find_map(|origin| map_of(origin, name)),
                }
            }
            Branch::Query(offer) => offer.map(name),
            Branch::Other => None,
        }
    }

    fn has(&self, name: &str) -> bool {
        self.branches.first().is_some_and(|branch| match branch {
            Branch::Select(selected) => {
                selected.items.iter().any(|item| !item.added && item.name.as_deref() == Some(name))
                    || selected.stars.iter().any(|origin| has(origin, name))
            }
            Branch::Query(offer) => offer.has(name),
            Branch::Other => false,
        })
    }

    fn gives(&self, name: &str) -> bool {
        self.routes(name).is_some()
    }

    /// How many columns of this name there are, and how many more there can be.
    fn count(&self, name: &str) -> (usize, usize) {
        let selected = match self.branches.first() {
            Some(Branch::Select(selected)) if !selected.unclear => selected,
            Some(Branch::Query(offer)) => return offer.count(name),
            _ => return (0, 0),
        };
        let is_named = |item: &&Item| !item.added && item.name.as_deref() == Some(name);
        let is_key = |item: &&Item| {
            let map = item.map.as_ref().and(item.name.as_deref());
            map.is_some_and(|map| name.strip_prefix(map).is_some_and(|key| key.starts_with('.')))
        };
        let (mut there, mut could) =
            (selected.items.iter().filter(is_named).count(), selected.items.iter().filter(is_key).count());
        for origin in &selected.stars {
            let (is, can) = count(origin, name);
            (there, could) = (there + is, could + can);
        }
        let merged = selected.merged.iter().filter(|merged| *merged == name).count();
        (there.saturating_sub(merged), could.saturating_sub(merged))
    }

    /// How to have it of each branch, where all of them can.
    fn routes(&self, name: &str) -> Option<Vec<Route>> {
        let first = self.branches.first()?.route(name, None)?;
        let routes = self.branches.iter().map(|branch| branch.route(name, Some(&first)));
        routes.collect()
    }

    /// Whether a column of this name is part of the star of who selects from it, given what of tables is.
    pub(super) fn shows(&self, name: &str, common: &dyn Fn(&Origin) -> bool) -> bool {
        self.branches.first().is_some_and(|branch| match branch {
            Branch::Select(selected) => {
                let item = |item: &Item| !item.added && item.name.as_deref() == Some(name);
                selected.items.iter().any(item)
                    || selected.stars.iter().any(|origin| match origin {
                        Origin::Query(offer) => offer.shows(name, common),
                        origin => common(origin),
                    })
            }
            Branch::Query(offer) => offer.shows(name, common),
            Branch::Other => false,
        })
    }
}

impl Branch {
    /// `first` is the route in the first branch, which names the columns of all.
    fn route(&self, name: &str, first: Option<&Route>) -> Option<Route> {
        let selected = match self {
            Self::Select(selected) => selected,
            Self::Query(offer) => return (offer.has(name) || offer.gives(name)).then_some(Route::There),
            Self::Other => return None,
        };
        if selected.items.iter().any(|item| item.added && item.name.as_deref() == Some(name)) {
            return Some(Route::There);
        }
        if selected.closed || (name == "object" && selected.distinct) {
            return None;
        }
        // Without a star columns belong together by their position.
        if let (Some(Route::Key(position, key)), true) = (first, selected.stars.is_empty()) {
            return selected.items.get(*position)?.map.as_ref().map(|_| Route::Key(*position, key.clone()));
        }
        let keys = selected.items.iter().enumerate().filter_map(|(position, item)| {
            let key = name.strip_prefix(item.name.as_deref()?)?.strip_prefix('.')?;
            (item.map.is_some() && !key.is_empty()).then(|| Route::Key(position, key.to_owned()))
        });
        let star = || selected.stars.iter().any(|origin| gives(origin, name)).then_some(Route::There);
        keys.min_by_key(|route| if let Route::Key(_, key) = route { key.len() } else { 0 }).or_else(star)
    }
}

fn selected(select: &Select, relations: &[Relation], added: &BTreeSet<String>) -> Selected {
    let mut stars = Vec::new();
    let mut items = Vec::new();
    for item in &select.projection {
        match item {
            SelectItem::Wildcard(_) => stars.extend(relations.iter().map(|relation| relation.origin.clone())),
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(of), _) => {
                let words = words(of);
                stars.extend(relations.iter().filter(|relation| relation.is_called(&words)).map(|r| r.origin.clone()));
            }
            SelectItem::UnnamedExpr(expr) => {
                let parts = identifiers(expr);
                let map = parts.and_then(|parts| find_map(parts, relations));
                let own = || parts.and_then(|parts| parts.last()).map(normal);
                let name = map.as_ref().map(|(_, name, _)| name.clone()).or_else(own);
                items.push(Item { name, added: false, map });
            }
            SelectItem::ExprWithAlias { expr, alias } => {
                let name = normal(alias);
                let map = identifiers(expr).and_then(|parts| find_map(parts, relations));
                items.push(Item { added: added.contains(&name), name: Some(name), map });
            }
            SelectItem::ExprWithAliases { .. } | SelectItem::QualifiedWildcard(..) => {
                items.push(Item { name: None, added: false, map: None });
            }
        }
    }
    let grouped = !matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty());
    let joins = || select.from.iter().flat_map(|from| &from.joins);
    let constraints = || joins().filter_map(constraint);
    let half = |join: &Join| {
        use JoinOperator::{Anti, LeftAnti, LeftSemi, RightAnti, RightSemi, Semi};
        matches!(join.join_operator, Semi(_) | LeftSemi(_) | RightSemi(_) | Anti(_) | LeftAnti(_) | RightAnti(_))
    };
    let natural = constraints().any(|by| matches!(by, JoinConstraint::Natural));
    let using = constraints().filter_map(|by| if let JoinConstraint::Using(names) = by { Some(names) } else { None });
    let merged = using.flatten().map(|name| words(name).join(".")).collect();
    let unclear = natural || joins().any(half);
    Selected { items, stars, merged, unclear, closed: grouped || natural, distinct: select.distinct.is_some() }
}

fn identifiers(expr: &Expr) -> Option<&[Ident]> {
    match expr {
        Expr::Identifier(ident) => Some(std::slice::from_ref(ident)),
        Expr::CompoundIdentifier(parts) => Some(parts),
        _ => None,
    }
}

/// The map that identifiers name, with their qualifiers.
fn find_map(parts: &[Ident], relations: &[Relation]) -> Option<(Vec<Ident>, String, MapValue)> {
    let words: Vec<String> = parts.iter().map(normal).collect();
    (0..words.len()).find_map(|count| {
        let name = words[count..].join(".");
        let named = |relation: &&Relation| count == 0 || relation.is_called(&words[..count]);
        let value = relations.iter().filter(named).find_map(|relation| map_of(&relation.origin, &name))?;
        Some((parts[..count].to_vec(), name, value))
    })
}

/// Adds a column to a query's select lists. Whether it became part of one that had it not.
pub(super) fn add(query: &mut Query, offer: &Offer, name: &str) -> bool {
    let Some(routes) = offer.routes(name) else { return false };
    let mut at = 0;
    add_to(&mut query.body, offer, &routes, &mut at, name)
}

fn add_to(body: &mut SetExpr, offer: &Offer, routes: &[Route], at: &mut usize, name: &str) -> bool {
    match body {
        SetExpr::SetOperation { left, right, .. } => {
            let left = add_to(left, offer, routes, at, name);
            add_to(right, offer, routes, at, name) || left
        }
        SetExpr::Select(select) => {
            *at += 1;
            let (Some(Branch::Select(selected)), Some(Route::Key(position, key))) =
                (offer.branches.get(*at - 1), routes.get(*at - 1))
            else {
                return false;
            };
            let Some((qualifiers, map, _)) = &selected.items[*position].map else { return false };
            let mut parts = qualifiers.clone();
            parts.push(Ident::with_quote('"', format!("{map}.{key}")));
            let expr = match <[Ident; 1]>::try_from(parts) {
                Ok([ident]) => Expr::Identifier(ident),
                Err(parts) => Expr::CompoundIdentifier(parts),
            };
            select.projection.push(SelectItem::ExprWithAlias { expr, alias: Ident::with_quote('"', name) });
            true
        }
        _ => {
            *at += 1;
            false
        }
    }
}

/// The queries in parentheses that a query's body consists of.
pub(super) fn parenthesised(body: &SetExpr, found: &mut Vec<Id>) {
    match body {
        SetExpr::SetOperation { left, right, .. } => {
            parenthesised(left, found);
            parenthesised(right, found);
        }
        SetExpr::Query(query) => found.push(id(query)),
        _ => {}
    }
}

/// Whether all columns of a relation are asked for by a select list of a branch: those then have to give what is
/// wanted of the query.
pub(super) fn starred<'r>(select: &Select, relations: &'r [Relation]) -> Vec<&'r Relation> {
    let asked = |relation: &&Relation| {
        select.projection.iter().any(|item| match item {
            SelectItem::Wildcard(_) => true,
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(of), _) => {
                relation.is_called(&words(of))
            }
            _ => false,
        })
    };
    relations.iter().filter(asked).collect()
}
