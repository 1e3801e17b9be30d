//! Which tables and columns a statement names, and all spellings of a column made one.
//!
//! `labels.app`, `p.labels.app`, `labels['app']` and `"labels.app"` all become the column `"labels.app"`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, Expr, Ident, ObjectName, ObjectNamePart, OrderBy, OrderByKind, Query, Select,
    SelectItem, SelectItemQualifiedWildcardKind, SetExpr, Statement, Subscript, Value, ValueWithSpan, Visit, VisitMut,
    Visitor, VisitorMut,
};

use super::catalog::Mentions;
use super::dynamic;
use super::error::SqlError;
use super::failure;
use super::house::House;
use super::offer::{self, Columns, map_of};
use super::registry::{CATALOG, Registry};
use super::scope::{Origin, Relation, Scope};
use super::using;
use crate::schema::{MapValue, Place, Table};

/// A table that a statement names.
#[derive(Debug, Clone)]
pub(super) struct Used {
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) table: Arc<Table>,
    /// Whether all its columns are asked for.
    pub(super) starred: bool,
    /// Columns of it that are named, and those that are named without saying whose they are.
    columns: BTreeSet<String>,
}

/// The tables and columns of a statement.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    pub(super) tables: Vec<Used>,
    /// What is named of subqueries that is not in their select lists.
    pub(super) wants: Columns,
    /// What of it was added to them; the rest comes along with their stars.
    pub(super) added: Columns,
}

/// As the catalog has it: lower case unless quoted.
pub(super) fn normal(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

/// The words of a table's name.
pub(super) fn words(name: &ObjectName) -> Vec<String> {
    name.0
        .iter()
        .map(|part| match part {
            ObjectNamePart::Identifier(ident) => normal(ident),
            part @ ObjectNamePart::Function(_) => part.to_string(),
        })
        .collect()
}

/// Schema, where one is named, and table of a name; another catalog is an error like an unknown schema.
pub(super) fn schema_and_table(name: &ObjectName) -> (Option<String>, String) {
    let mut words = words(name);
    let table = words.pop().unwrap_or_default();
    if words.len() == 2 && words[0] == CATALOG {
        words.remove(0);
    }
    ((!words.is_empty()).then(|| words.join(".")), table)
}

/// The tables that a statement names, each with its schema where that is named; not those that it makes itself, nor
/// functions.
pub(super) fn relations(statement: &Statement, house: &House) -> Vec<(Option<String>, String)> {
    struct Collector<'a> {
        house: &'a House,
        found: Vec<(Option<String>, String)>,
        made: BTreeSet<String>,
    }
    impl Visitor for Collector<'_> {
        type Break = ();

        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
            let made = query.with.iter().flat_map(|with| &with.cte_tables);
            self.made.extend(made.map(|made| normal(&made.alias.name)));
            ControlFlow::Continue(())
        }

        fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
            let (schema, table) = schema_and_table(relation);
            let is_function = || self.house.functions.iter().any(|function| function.name == table);
            if !(schema.is_none() && (self.made.contains(&table) || is_function())) {
                self.found.push((schema, table));
            }
            ControlFlow::Continue(())
        }
    }
    let mut collector = Collector { house, found: Vec::new(), made: BTreeSet::new() };
    let _: ControlFlow<()> = statement.visit(&mut collector);
    collector.found
}

/// Finds the tables and columns of a statement and gives each column its one spelling.
pub(super) fn resolve(statement: &mut Statement, registry: &Registry, schema: &str) -> Result<Names, SqlError> {
    let (mut wants, mut added) = (Columns::new(), Columns::new());
    // What is wanted of a subquery is a name more in it, which may be wanted of another subquery further in.
    loop {
        let mut resolver = Resolver {
            scope: Scope::new(registry, schema, &added),
            tables: BTreeMap::new(),
            anywhere: BTreeSet::new(),
            wants: wants.clone(),
            outputs: BTreeSet::new(),
        };
        if let ControlFlow::Break(error) = VisitMut::visit(statement, &mut resolver) {
            return Err(error);
        }
        let Resolver { tables, anywhere, wants: found, .. } = resolver;
        if found == wants {
            let mut tables: Vec<Used> = tables.into_values().collect();
            tables.iter_mut().for_each(|used| used.columns.extend(anywhere.iter().cloned()));
            return Ok(Names { tables, wants, added });
        }
        wants = found;
        let mut adder = Adder { scope: Scope::new(registry, schema, &added), wants: &wants, added: added.clone() };
        let _: ControlFlow<()> = VisitMut::visit(statement, &mut adder);
        added = adder.added;
    }
}

impl Names {
    /// What each table's schema must have for this statement.
    pub(super) fn mentions(&self) -> BTreeMap<(String, String), Mentions> {
        let fixed = |table: &Table, name: &str| {
            table.columns.iter().any(|column| column.name == name && column.place != Place::Json)
        };
        let mentions = self.tables.iter().map(|used| {
            // A name that is a column of one table is not taken for a condition of another.
            let free = used.columns.iter().filter(|name| !self.tables.iter().any(|used| fixed(&used.table, name)));
            let dynamic = free.filter(|name| dynamic::find(&used.table, name).is_some());
            let mentions = Mentions { dynamic: dynamic.cloned().collect(), object: used.columns.contains("object") };
            ((used.schema.clone(), used.name.clone()), mentions)
        });
        mentions.collect()
    }

    /// Every column that the statement's tables have, for suggestions.
    pub(super) fn known_columns(&self) -> impl Iterator<Item = &crate::schema::Column> {
        self.tables.iter().flat_map(|used| &used.table.columns)
    }
}

struct Resolver<'a> {
    scope: Scope<'a>,
    /// By schema and name.
    tables: BTreeMap<(String, String), Used>,
    /// Columns that are named where subqueries are in sight, and so may be of any table.
    anywhere: BTreeSet<String>,
    wants: Columns,
    /// Where ORDER BY names a column of the select list, which goes before one of what is selected from.
    outputs: BTreeSet<usize>,
}

/// Adds to subqueries what is wanted of them.
struct Adder<'a> {
    scope: Scope<'a>,
    wants: &'a Columns,
    added: Columns,
}

impl VisitorMut for Adder<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let Some(wanted) = self.wants.get(&offer::id(query)) {
            let offer = self.scope.offer(query);
            for name in wanted {
                let new = !self.added.get(&offer.id).is_some_and(|added| added.contains(name));
                if new && offer::add(query, &offer, name) {
                    self.added.entry(offer.id).or_default().insert(name.clone());
                }
            }
        }
        self.scope.enter(query);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.scope.leave();
        ControlFlow::Continue(())
    }
}

impl VisitorMut for Resolver<'_> {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<SqlError> {
        if let Some(wanted) = self.wants.get(&offer::id(query)).cloned() {
            let mut inner = Vec::new();
            offer::parenthesised(&query.body, &mut inner);
            for id in inner {
                self.wants.entry(id).or_default().extend(wanted.iter().cloned());
            }
        }
        if let (SetExpr::Select(select), Some(OrderBy { kind: OrderByKind::Expressions(by), .. })) =
            (&*query.body, &query.order_by)
        {
            let is_alias = |name: &str| {
                let named = |item: &SelectItem| matches!(item, SelectItem::ExprWithAlias { alias, .. } if normal(alias) == name);
                select.projection.iter().any(named)
            };
            let named = by.iter().filter(|by| matches!(&by.expr, Expr::Identifier(ident) if is_alias(&normal(ident))));
            self.outputs.extend(named.map(|by| std::ptr::from_ref(&by.expr).addr()));
        }
        self.scope.enter(query);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<SqlError> {
        self.scope.leave();
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<SqlError> {
        match self.scope.relations(select) {
            Ok(relations) => {
                using::qualify(select, &relations);
                self.take(relations);
            }
            Err(error) => return ControlFlow::Break(error),
        }
        self.star(&select.projection);
        self.pass_on(select);
        for using in select.from.iter_mut().flat_map(|from| &mut from.joins).filter_map(super::scope::using) {
            for name in using {
                let parts: Vec<Ident> = name.0.iter().filter_map(|part| part.as_ident().cloned()).collect();
                if parts.len() > 1 {
                    let joined = parts.iter().map(normal).collect::<Vec<_>>().join(".");
                    *name = ObjectName::from(vec![Ident::with_quote('"', joined)]);
                }
                let name = words(name).join(".");
                if self.is_ambiguous(&name) {
                    return ControlFlow::Break(failure::same_name(&name));
                }
                self.mention(None, &name);
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, name: &mut ObjectName) -> ControlFlow<SqlError> {
        self.scope.complete(name);
        ControlFlow::Continue(())
    }

    // Before its parts, so that the root of `labels['app']` is still as written when the whole is seen.
    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        let joined = match expr {
            Expr::CompoundIdentifier(parts) => self.join(parts, None),
            Expr::CompoundFieldAccess { root, access_chain } => self.access(root, access_chain),
            Expr::BinaryOp { left, op: BinaryOperator::LongArrow, right } => self.value_of(left, right),
            _ => Ok(None),
        };
        let joined = match joined {
            Ok(joined) => joined,
            Err(error) => return ControlFlow::Break(error),
        };
        if let Some(joined) = joined {
            *expr = joined;
        }
        match expr {
            Expr::Identifier(ident) => {
                let name = normal(ident);
                let is_output = self.outputs.contains(&std::ptr::from_ref::<Expr>(expr).addr());
                if !is_output && self.is_ambiguous(&name) {
                    return ControlFlow::Break(failure::same_name(&name));
                }
                self.mention(None, &name);
            }
            Expr::CompoundIdentifier(parts) => {
                if let Some((last, qualifiers)) = parts.split_last() {
                    let qualifiers: Vec<String> = qualifiers.iter().map(normal).collect();
                    let of = self.scope.qualified(&qualifiers).filter(|(count, _)| *count == qualifiers.len());
                    let name = normal(last);
                    if of.is_some_and(|(_, relation)| offer::ambiguous(&relation.origin, &name)) {
                        return ControlFlow::Break(failure::same_name(&name));
                    }
                    match of.map(|(_, relation)| relation.origin.clone()) {
                        Some(origin @ Origin::Query(_)) => self.want(&origin, &name),
                        origin => self.mention(origin.and_then(|origin| origin.key()), &name),
                    }
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

impl Resolver<'_> {
    /// Makes these the relations that names belong to.
    fn take(&mut self, relations: Vec<Relation>) {
        for relation in &relations {
            if let Origin::Table { schema, name, table } = &relation.origin {
                self.tables.entry((schema.clone(), name.clone())).or_insert_with(|| Used {
                    schema: schema.clone(),
                    name: name.clone(),
                    table: Arc::clone(table),
                    starred: false,
                    columns: BTreeSet::new(),
                });
            }
        }
        self.scope.set(relations);
    }

    /// Notes the tables that a projection asks for whole.
    fn star(&mut self, projection: &[SelectItem]) {
        for item in projection {
            let asked: Vec<(String, String)> = match item {
                SelectItem::Wildcard(_) => {
                    self.scope.innermost().filter_map(|relation| relation.origin.key()).collect()
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(of), _) => self
                    .scope
                    .qualified(&words(of))
                    .and_then(|(_, relation)| relation.origin.key())
                    .into_iter()
                    .collect(),
                _ => continue,
            };
            for key in asked {
                if let Some(used) = self.tables.get_mut(&key) {
                    used.starred = true;
                }
            }
        }
    }

    /// What is wanted of this query and comes with a star is wanted of what the star is over.
    fn pass_on(&mut self, select: &Select) {
        let Some(frame) = self.scope.frames().next() else { return };
        let Some(wanted) = self.wants.get(&frame.id).cloned() else { return };
        let over: Vec<Origin> =
            offer::starred(select, &frame.relations).into_iter().map(|relation| relation.origin.clone()).collect();
        for name in wanted {
            match over.iter().find(|origin| offer::gives(origin, &name)) {
                Some(origin @ Origin::Query(_)) => self.want(origin, &name),
                Some(origin) => self.mention(origin.key(), &name),
                None => {}
            }
        }
    }

    /// Notes that a column of a subquery is named, where it has none of the name but can have it.
    fn want(&mut self, origin: &Origin, name: &str) {
        if let Origin::Query(offer) = origin
            && !offer::has(origin, name)
            && offer::gives(origin, name)
        {
            self.wants.entry(offer.id).or_default().insert(name.to_owned());
        }
    }

    /// Notes that a column is named without saying whose: it is wanted of the nearest subqueries that can give it.
    fn want_nearest(&mut self, name: &str) {
        let nearest = self.scope.frames().find(|frame| {
            let found =
                |relation: &Relation| offer::has(&relation.origin, name) || offer::gives(&relation.origin, name);
            frame.relations.iter().any(found)
        });
        let Some(frame) = nearest else { return };
        if frame.relations.iter().any(|relation| offer::has(&relation.origin, name)) {
            return;
        }
        let origins: Vec<Origin> = frame.relations.iter().map(|relation| relation.origin.clone()).collect();
        origins.iter().for_each(|origin| self.want(origin, name));
    }

    /// Whether the nearest that has a column of this name has several.
    fn is_ambiguous(&self, name: &str) -> bool {
        let known = |relation: &&Relation| offer::has(&relation.origin, name) || offer::gives(&relation.origin, name);
        let mut nearest = self.scope.frames().filter_map(|frame| frame.relations.iter().find(known));
        nearest.next().is_some_and(|relation| offer::ambiguous(&relation.origin, name))
    }

    /// Notes that a column is named, of this table or else of any in sight.
    fn mention(&mut self, of: Option<(String, String)>, name: &str) {
        if of.is_none() {
            self.want_nearest(name);
        }
        let relations = || self.scope.frames().flat_map(|frame| &frame.relations);
        let keys: Vec<(String, String)> = match of {
            Some(key) => vec![key],
            None if relations().all(|relation| relation.origin.key().is_some()) => {
                relations().filter_map(|relation| relation.origin.key()).collect()
            }
            None => {
                self.anywhere.insert(name.to_owned());
                return;
            }
        };
        for key in keys {
            if let Some(used) = self.tables.get_mut(&key) {
                used.columns.insert(name.to_owned());
            }
        }
    }

    /// The words behind the qualifiers as one name, with a key behind them.
    fn join(&self, parts: &[Ident], key: Option<&str>) -> Result<Option<Expr>, SqlError> {
        let words: Vec<String> = parts.iter().map(normal).collect();
        let qualified = self.scope.qualified(&words);
        let (qualifiers, relation) = qualified.map_or((0, None), |(count, relation)| (count, Some(relation)));
        let Some(rest) = words.get(qualifiers..) else { return Ok(None) };
        if rest.is_empty() || (rest.len() == 1 && key.is_none()) {
            return Ok(None);
        }
        let mut name = rest.join(".");
        if let Some(key) = key {
            let flat = match relation {
                Some(relation) => offer::is_flat(&relation.origin, &name, key)?,
                None => self.is_flat_here(&name, key)?,
            };
            if !flat {
                return Ok(None);
            }
            name = format!("{name}.{key}");
        }
        let column = Ident::with_quote('"', name);
        Ok(Some(if qualifiers == 0 {
            Expr::Identifier(column)
        } else {
            let mut parts = parts[..qualifiers].to_vec();
            parts.push(column);
            Expr::CompoundIdentifier(parts)
        }))
    }

    /// Whether the key of the nearest map of this name is a column.
    fn is_flat_here(&self, name: &str, key: &str) -> Result<bool, SqlError> {
        for frame in self.scope.frames() {
            if let Some(relation) = frame.relations.iter().find(|of| map_of(&of.origin, name).is_some()) {
                return offer::is_flat(&relation.origin, name, key);
            }
            // It may be a column of what nothing is known of.
            if frame.relations.iter().any(|relation| matches!(relation.origin, Origin::Other)) {
                return Ok(false);
            }
        }
        Ok(false)
    }

    /// `labels ->> 'app'`, which is the column of the key where values are text.
    fn value_of(&self, map: &Expr, key: &Expr) -> Result<Option<Expr>, SqlError> {
        let (Some(parts), Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(key), .. })) = (parts(map), key)
        else {
            return Ok(None);
        };
        let words: Vec<String> = parts.iter().map(normal).collect();
        let (qualifiers, relation) = self.scope.qualified(&words).map_or((0, None), |(count, of)| (count, Some(of)));
        let name = words[qualifiers.min(words.len())..].join(".");
        let anywhere =
            || self.scope.frames().flat_map(|frame| &frame.relations).find_map(|of| map_of(&of.origin, &name));
        let values = relation.map_or_else(anywhere, |of| map_of(&of.origin, &name));
        if values == Some(MapValue::Text) { self.join(&parts, Some(key)) } else { Ok(None) }
    }

    /// `labels['app']`, with what comes behind it.
    fn access(&self, root: &Expr, chain: &[AccessExpr]) -> Result<Option<Expr>, SqlError> {
        let Some(mut parts) = parts(root) else { return Ok(None) };
        let mut rest = chain;
        while let [AccessExpr::Dot(Expr::Identifier(ident)), behind @ ..] = rest {
            parts.push(ident.clone());
            rest = behind;
        }
        let [AccessExpr::Subscript(Subscript::Index { index: Expr::Value(value) }), behind @ ..] = rest else {
            return Ok(None);
        };
        let Value::SingleQuotedString(key) = &value.value else { return Ok(None) };
        let Some(column) = self.join(&parts, Some(key))? else { return Ok(None) };
        Ok(Some(if behind.is_empty() {
            column
        } else {
            Expr::CompoundFieldAccess { root: Box::new(column), access_chain: behind.to_vec() }
        }))
    }
}

/// The words of a name.
fn parts(expr: &Expr) -> Option<Vec<Ident>> {
    match expr {
        Expr::Identifier(ident) => Some(vec![ident.clone()]),
        Expr::CompoundIdentifier(parts) => Some(parts.clone()),
        _ => None,
    }
}
