//! Which tables and columns a statement names, and all spellings of a column made one.
//!
//! `labels.app`, `p.labels.app`, `labels['app']` and `"labels.app"` all become the column `"labels.app"`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Ident, ObjectName, ObjectNamePart, Query, Select, SelectItem, SelectItemQualifiedWildcardKind,
    Statement, Subscript, TableFactor, TableWithJoins, Value, Visit, VisitMut, Visitor, VisitorMut,
};

use super::catalog::Mentions;
use super::dynamic;
use super::error::SqlError;
use super::registry::{CATALOG, DEFAULT_SCHEMA, Registry};
use crate::schema::{Place, Table, Values};

/// A table that a statement names.
#[derive(Debug, Clone)]
pub(super) struct Used {
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) table: Arc<Table>,
    /// Whether all its columns are asked for.
    pub(super) starred: bool,
}

/// The tables and columns of a statement.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) tables: Vec<Used>,
    /// Names of columns after all spellings are made one.
    columns: BTreeSet<String>,
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

/// Schema and table of a name; another catalog is an error like an unknown schema.
pub(super) fn schema_and_table(name: &ObjectName) -> (String, String) {
    let mut words = words(name);
    let table = words.pop().unwrap_or_default();
    if words.len() == 2 && words[0] == CATALOG {
        words.remove(0);
    }
    (if words.is_empty() { DEFAULT_SCHEMA.to_owned() } else { words.join(".") }, table)
}

/// Schemas that DataFusion answers by itself.
fn is_built_in(schema: &str) -> bool {
    schema == "information_schema"
}

/// Finds the tables and columns of a statement and gives each column its one spelling.
pub(super) fn resolve(statement: &mut Statement, registry: &Registry) -> Result<Names, SqlError> {
    let mut finder = Finder::default();
    let _ = Visit::visit(&*statement, &mut finder);
    let mut tables: BTreeMap<(String, String), Used> = BTreeMap::new();
    for (name, _) in &finder.relations {
        let (schema, table) = schema_and_table(name);
        if is_built_in(&schema) {
            continue;
        }
        match registry.find(&schema, &table)? {
            Some(found) => {
                let used = Used { schema: schema.clone(), name: table.clone(), table: found, starred: false };
                tables.entry((schema, table)).or_insert(used);
            }
            None if name.0.len() == 1 && finder.queries.contains(&table) => {}
            None => return Err(registry.unknown_table(&schema, &table)),
        }
    }
    for name in &finder.starred {
        if let Some(used) = tables.get_mut(&schema_and_table(name)) {
            used.starred = true;
        }
    }
    let mut scope: BTreeSet<String> = finder.queries;
    for (name, alias) in finder.relations {
        scope.insert(alias.unwrap_or_else(|| schema_and_table(&name).1));
    }
    let maps = tables
        .values()
        .flat_map(|used| &used.table.columns)
        .filter(|column| matches!(column.values, Values::Map(_)))
        .map(|column| column.name.clone())
        .collect();
    let mut rewriter = Rewriter { scope, maps, registry, columns: BTreeSet::new() };
    let _ = VisitMut::visit(statement, &mut rewriter);
    Ok(Names { tables: tables.into_values().collect(), columns: rewriter.columns })
}

impl Names {
    /// What each table's schema must have for this statement.
    pub(super) fn mentions(&self) -> BTreeMap<(String, String), Mentions> {
        let fixed = |table: &Table, name: &str| {
            table.columns.iter().any(|column| column.name == name && column.place != Place::Json)
        };
        // A name that is a column of one table is not taken for a condition of another.
        let free: Vec<&String> =
            self.columns.iter().filter(|name| !self.tables.iter().any(|used| fixed(&used.table, name))).collect();
        let mentions = self.tables.iter().map(|used| {
            let dynamic = free.iter().filter(|name| dynamic::find(&used.table, name).is_some());
            let mentions = Mentions {
                dynamic: dynamic.map(|name| (*name).clone()).collect(),
                object: self.columns.contains("object"),
            };
            ((used.schema.clone(), used.name.clone()), mentions)
        });
        mentions.collect()
    }

    /// Every column name that the statement's tables have, for suggestions.
    pub(super) fn known_columns(&self) -> impl Iterator<Item = &str> {
        self.tables.iter().flat_map(|used| &used.table.columns).map(|column| column.name.as_str())
    }
}

/// Collects tables, aliases, and which tables are asked for whole.
#[derive(Default)]
struct Finder {
    /// Tables with their aliases.
    relations: Vec<(ObjectName, Option<String>)>,
    /// Names of subqueries: common table expressions and derived tables.
    queries: BTreeSet<String>,
    starred: Vec<ObjectName>,
}

impl Visitor for Finder {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let with = query.with.iter().flat_map(|with| &with.cte_tables);
        self.queries.extend(with.map(|cte| normal(&cte.alias.name)));
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table { name, alias, args: None, .. } => {
                self.relations.push((name.clone(), alias.as_ref().map(|alias| normal(&alias.name))));
            }
            TableFactor::Derived { alias: Some(alias), .. }
            | TableFactor::Function { alias: Some(alias), .. }
            | TableFactor::UNNEST { alias: Some(alias), .. }
            | TableFactor::TableFunction { alias: Some(alias), .. }
            | TableFactor::NestedJoin { alias: Some(alias), .. } => {
                self.queries.insert(normal(&alias.name));
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let mut tables = Vec::new();
        select.from.iter().for_each(|from| tables_of(from, &mut tables));
        for item in &select.projection {
            match item {
                SelectItem::Wildcard(_) => self.starred.extend(tables.iter().map(|(name, _)| name.clone())),
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(of), _) => {
                    let of = words(of);
                    let asked = tables.iter().filter(|(name, alias)| match alias {
                        Some(alias) => of == [alias.clone()],
                        None => words(name).ends_with(&of),
                    });
                    self.starred.extend(asked.map(|(name, _)| name.clone()));
                }
                _ => {}
            }
        }
        ControlFlow::Continue(())
    }
}

/// The tables of a FROM item, those of joins included.
fn tables_of(from: &TableWithJoins, found: &mut Vec<(ObjectName, Option<String>)>) {
    let factors = std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation));
    for factor in factors {
        match factor {
            TableFactor::Table { name, alias, .. } => {
                found.push((name.clone(), alias.as_ref().map(|alias| normal(&alias.name))));
            }
            TableFactor::NestedJoin { table_with_joins, .. } => tables_of(table_with_joins, found),
            _ => {}
        }
    }
}

/// Gives columns their one spelling.
struct Rewriter<'a> {
    /// Names that qualify columns.
    scope: BTreeSet<String>,
    /// Names of map columns.
    maps: BTreeSet<String>,
    registry: &'a Registry,
    columns: BTreeSet<String>,
}

impl VisitorMut for Rewriter<'_> {
    type Break = ();

    // After its parts, so that the root of `labels['app']` is still as written when the whole is seen: before.
    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::CompoundIdentifier(parts) => {
                if let Some(joined) = self.join(parts, None) {
                    *expr = joined;
                }
            }
            Expr::CompoundFieldAccess { root, access_chain } => {
                if let Some(rewritten) = self.access(root, access_chain) {
                    *expr = rewritten;
                }
            }
            _ => {}
        }
        match expr {
            Expr::Identifier(ident) => {
                self.columns.insert(normal(ident));
            }
            Expr::CompoundIdentifier(parts) => {
                self.columns.extend(parts.last().map(normal));
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

impl Rewriter<'_> {
    /// How many words in front say which table is meant.
    fn qualifiers(&self, words: &[String]) -> usize {
        let in_scope = |at: usize| words.get(at).is_some_and(|word| self.scope.contains(word));
        match words {
            [catalog, schema, _, _, ..] if catalog == CATALOG && self.registry.has_schema(schema) && in_scope(2) => 3,
            [schema, _, _, ..] if self.registry.has_schema(schema) && in_scope(1) => 2,
            [_, _, ..] if in_scope(0) => 1,
            _ => 0,
        }
    }

    /// The words behind the qualifiers as one name, with a key behind them.
    fn join(&self, parts: &[Ident], key: Option<&str>) -> Option<Expr> {
        let words: Vec<String> = parts.iter().map(normal).collect();
        let qualifiers = self.qualifiers(&words);
        let rest = &words[qualifiers..];
        if rest.len() == 1 && key.is_none() {
            return None;
        }
        let mut name = rest.join(".");
        if let Some(key) = key {
            if !self.maps.contains(&name) {
                return None;
            }
            name = format!("{name}.{key}");
        }
        let column = Ident::with_quote('"', name);
        Some(if qualifiers == 0 {
            Expr::Identifier(column)
        } else {
            let mut parts = parts[..qualifiers].to_vec();
            parts.push(column);
            Expr::CompoundIdentifier(parts)
        })
    }

    /// `labels['app']`, with what comes behind it.
    fn access(&self, root: &Expr, chain: &[AccessExpr]) -> Option<Expr> {
        let mut parts = match root {
            Expr::Identifier(ident) => vec![ident.clone()],
            Expr::CompoundIdentifier(parts) => parts.clone(),
            _ => return None,
        };
        let mut rest = chain;
        while let [AccessExpr::Dot(Expr::Identifier(ident)), behind @ ..] = rest {
            parts.push(ident.clone());
            rest = behind;
        }
        let [AccessExpr::Subscript(Subscript::Index { index: Expr::Value(value) }), behind @ ..] = rest else {
            return None;
        };
        let Value::SingleQuotedString(key) = &value.value else { return None };
        let column = self.join(&parts, Some(key))?;
        Some(if behind.is_empty() {
            column
        } else {
            Expr::CompoundFieldAccess { root: Box::new(column), access_chain: behind.to_vec() }
        })
    }
}
