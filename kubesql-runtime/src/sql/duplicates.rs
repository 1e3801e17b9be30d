//! Columns of one name in a select list, which SQL allows and DataFusion refuses, and columns that are called by
//! literals, which DataFusion spells as `Int64(1)`.
//!
//! All of one name but the first get an alias that nothing else can have; the answer has their own name again. What has
//! a literal in it is called by its text, as it is in SQL.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Query, Select, SelectItem, SetExpr, Statement, Value, Visit, VisitMut, VisitorMut, visit_expressions,
    visit_expressions_mut,
};

use super::names::normal;

/// Aliases end with as many of these as it takes to be different; it is invisible where one is seen after all.
pub(super) const MARK: char = '\u{2060}';

/// What the aliases stand for.
#[derive(Debug, Clone, Default)]
pub(super) struct Duplicates {
    names: BTreeMap<String, Name>,
}

#[derive(Debug, Clone)]
enum Name {
    /// Its own.
    Known(String),
    /// What the column at this position is called.
    Like(usize),
}

impl Duplicates {
    /// Gives aliases to what is named twice.
    ///
    /// Beside a star that is every column whose name may be one of the star's, though only in the outermost list, for
    /// further in it can be referred to. Different columns of one name cannot: both get an alias there.
    pub(super) fn mark(statement: &mut Statement) -> Self {
        let mut marker = Marker { duplicates: Self::default(), depth: 0 };
        let _: ControlFlow<()> = VisitMut::visit(statement, &mut marker);
        marker.duplicates
    }

    /// The schema with the columns' own names.
    pub(super) fn restore(&self, schema: &SchemaRef) -> SchemaRef {
        if self.names.is_empty() {
            return Arc::clone(schema);
        }
        let restored = |field: &Arc<Field>| match self.names.get(field.name()) {
            None => Arc::clone(field),
            Some(Name::Known(name)) => Arc::new(Field::clone(field).with_name(name)),
            Some(Name::Like(at)) => Arc::new(Field::clone(field).with_name(schema.field(*at).name())),
        };
        let fields: Vec<_> = schema.fields().iter().map(restored).collect();
        Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
    }
}

struct Marker {
    duplicates: Duplicates,
    depth: usize,
}

impl VisitorMut for Marker {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let mut used = BTreeSet::new();
        bare(&query.order_by, &mut used);
        self.body(&mut query.body, &used);
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }
}

impl Marker {
    fn body(&mut self, body: &mut SetExpr, used: &BTreeSet<String>) {
        match body {
            SetExpr::Select(select) => self.select(select, used),
            SetExpr::SetOperation { left, right, .. } => {
                self.body(left, used);
                self.body(right, used);
            }
            _ => {}
        }
    }

    fn select(&mut self, select: &mut Select, used: &BTreeSet<String>) {
        let mut used = used.clone();
        bare(&select.distinct, &mut used);
        bare(&select.group_by, &mut used);
        bare(&select.having, &mut used);
        bare(&select.qualify, &mut used);
        let starred = select.projection.iter().any(is_star);
        let mut seen: BTreeMap<String, (usize, Expr)> = BTreeMap::new();
        for at in 0..select.projection.len() {
            let Some((name, expr, aliased)) = column(&select.projection[at]) else { continue };
            // What has no name of its own is called by its text, the same text the same.
            let key = name.clone().unwrap_or_else(|| format!("{MARK}{}", without_casts(&expr)));
            let first = seen.get(&key);
            let same = first.is_some_and(|(_, first)| *first == expr);
            let free = !used.contains(&key);
            // Whatever has a name may have that of one of the star's columns.
            let in_star = starred && self.depth == 0 && name.is_some() && (!aliased || free);
            let taken = first.is_some() && (free || name.is_none());
            if !(same && !starred || taken || in_star) {
                if first.is_none() {
                    if name.is_none() && has_literal(&expr) {
                        let text = expr.to_string();
                        let is_text = |item| column(item).is_some_and(|(name, ..)| name.as_ref() == Some(&text));
                        if select.projection.iter().any(is_text) {
                            self.alias(&mut select.projection[at], expr.clone(), &text, Name::Known(text.clone()));
                        } else {
                            let alias = Ident::with_quote('"', &text);
                            select.projection[at] = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
                        }
                    }
                    seen.insert(key, (at, expr));
                }
                continue;
            }
            if let Some((first, of)) = first
                && !same
                && self.depth > 0
            {
                // Which one is meant by the name, nobody can say: it shall be neither.
                let (first, of) = (*first, of.clone());
                self.alias(&mut select.projection[first], of, &key, Name::Known(key.clone()));
            }
            let known = match (name, seen.get(&key)) {
                (Some(name), _) => Name::Known(name),
                (None, Some((_, first))) if has_literal(first) => Name::Known(first.to_string()),
                (None, Some((first, _))) if !starred => Name::Like(*first),
                (None, _) => Name::Known(expr.to_string()),
            };
            self.alias(&mut select.projection[at], expr, key.trim_start_matches(MARK), known);
        }
    }

    /// Gives an item an alias that there is not yet.
    fn alias(&mut self, item: &mut SelectItem, expr: Expr, base: &str, name: Name) {
        let mut alias = format!("{base}{MARK}");
        while self.duplicates.names.contains_key(&alias) {
            alias.push(MARK);
        }
        *item = SelectItem::ExprWithAlias { expr, alias: Ident::with_quote('"', &alias) };
        self.duplicates.names.insert(alias, name);
    }
}

/// An item's name, where it has one without being planned, its expression, and whether the name is an alias.
fn column(item: &SelectItem) -> Option<(Option<String>, Expr, bool)> {
    match item {
        SelectItem::UnnamedExpr(expr) => {
            let name = match without_casts(expr) {
                Expr::Identifier(ident) => Some(normal(&ident)),
                Expr::CompoundIdentifier(parts) => parts.last().map(normal),
                _ => None,
            };
            Some((name, expr.clone(), false))
        }
        SelectItem::ExprWithAlias { expr, alias } => Some((Some(normal(alias)), expr.clone(), true)),
        _ => None,
    }
}

/// The expression that gives a column its name: casts and parentheses do not show in it.
fn without_casts(expr: &Expr) -> Expr {
    let mut bare = expr.clone();
    let _: ControlFlow<()> = visit_expressions_mut(&mut bare, |expr| {
        while let Expr::Cast { expr: inner, .. } | Expr::Nested(inner) = expr {
            *expr = std::mem::replace(&mut **inner, Expr::Value(Value::Null.into()));
        }
        ControlFlow::Continue(())
    });
    bare
}

fn has_literal(expr: &Expr) -> bool {
    let found = visit_expressions(expr, |expr| match expr {
        Expr::Value(_) | Expr::TypedString(_) | Expr::Interval(_) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

fn is_star(item: &SelectItem) -> bool {
    matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..))
}

/// The names without a qualifier, which may be those of columns of the list.
fn bare(of: &impl Visit, names: &mut BTreeSet<String>) {
    let _: ControlFlow<()> = visit_expressions(of, |expr| {
        if let Expr::Identifier(ident) = expr {
            names.insert(normal(ident));
        }
        ControlFlow::Continue(())
    });
}
