//! Names of the columns of select lists.
//!
//! Columns of one name are allowed in SQL, and refused by DataFusion: all of one name but the first get an alias that
//! nothing else can have, and the answer has their own name again. A column that has a literal in it is called by its
//! text, which DataFusion spells as `Int64(1)`. A reference to a key is called by the key's name, however it is bound.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Query, Select, SelectItem, SetExpr, UnaryOperator, Value, VisitMut,
};

use super::hidden::without_marks;
use crate::sql::error::SqlError;
use crate::sql::parse::identifiers::normal;
use crate::sql::parse::walk::{AstPass, walk};
use crate::sql::types::published;

/// Aliases end with as many of these as it takes to be different; it is invisible where one is seen after all.
pub(crate) const MARK: char = '\u{2060}';

/// What the answer's columns are called.
#[derive(Debug, Clone, Default)]
pub(crate) struct OutputNames {
    aliases: BTreeMap<String, Name>,
    /// Names that the statement gives, by AS or as references.
    given: BTreeSet<String>,
}

#[derive(Debug, Clone)]
enum Name {
    /// Its own.
    Known(String),
    /// What the column at this position is called.
    Like(usize),
}

impl OutputNames {
    /// The schema with the columns' own names.
    pub(crate) fn restore(&self, schema: &SchemaRef) -> SchemaRef {
        let name = |field: &Field| match self.aliases.get(field.name()) {
            None => without_marks(field.name()),
            Some(Name::Known(name)) => name.clone(),
            Some(Name::Like(at)) => without_marks(schema.field(*at).name()),
        };
        let fields: Vec<_> = schema.fields().iter().map(|field| published(field).with_name(name(field))).collect();
        Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
    }

    /// Whether the statement gives a column this name, and not only this text.
    pub(crate) fn is_given(&self, alias: &str) -> bool {
        let name = match self.aliases.get(alias) {
            Some(Name::Known(name)) => name,
            Some(Name::Like(_)) => return false,
            None => alias,
        };
        self.given.contains(name)
    }

    /// Notes a name that the statement gives to a column.
    pub(super) fn give(&mut self, name: String) {
        self.given.insert(name);
    }
}

/// The name of the column that an expression refers to, and whether it may be a key.
pub(super) type Reference<'a> = dyn Fn(&Expr) -> Option<(String, bool)> + 'a;

impl OutputNames {
    /// Gives aliases to what is named twice in a query's lists.
    ///
    /// Beside a star that is every column whose name may be one of the star's, though only in the outermost list, for
    /// further in it can be referred to. Different columns of one name cannot: both get an alias there.
    pub(super) fn name_columns(&mut self, query: &mut Query, depth: usize, reference: &Reference<'_>) {
        let mut used = BTreeSet::new();
        bare(&query.order_by, &mut used);
        self.body(&mut query.body, &used, depth, reference);
    }

    fn body(&mut self, body: &mut SetExpr, used: &BTreeSet<String>, depth: usize, reference: &Reference<'_>) {
        match body {
            SetExpr::Select(select) => self.select(select, used, depth, reference),
            SetExpr::SetOperation { left, right, .. } => {
                self.body(left, used, depth, reference);
                self.body(right, used, depth, reference);
            }
            _ => {}
        }
    }

    fn select(&mut self, select: &mut Select, used: &BTreeSet<String>, depth: usize, reference: &Reference<'_>) {
        let mut used = used.clone();
        bare(&select.distinct, &mut used);
        bare(&select.group_by, &mut used);
        bare(&select.having, &mut used);
        bare(&select.qualify, &mut used);
        let starred = select.projection.iter().any(is_star);
        let mut seen: BTreeMap<String, (usize, Expr)> = BTreeMap::new();
        for at in 0..select.projection.len() {
            let Some(Item { name, expr, aliased, is_key }) = item(&select.projection[at], reference) else { continue };
            if !matches!(expr, Expr::Cast { .. } | Expr::BinaryOp { .. }) || aliased {
                self.given.extend(name.clone());
            }
            // What has no name of its own is called by its text, the same text the same.
            let key = name.clone().unwrap_or_else(|| format!("{MARK}{}", without_casts(&expr)));
            let first = seen.get(&key);
            let same = first.is_some_and(|(_, first)| *first == expr);
            let free = !used.contains(&key);
            // Whatever has a name may have that of one of the star's columns.
            let in_star = starred && depth == 0 && name.is_some() && (!aliased || free);
            let taken = first.is_some() && (free || name.is_none());
            if !(same && !starred || taken || in_star) {
                if first.is_none() {
                    match &name {
                        Some(name) if is_key && !aliased => {
                            let alias = Ident::with_quote('"', name);
                            select.projection[at] = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
                        }
                        None if has_literal(&expr) => self.name_by_text(select, at, &expr, reference),
                        _ => {}
                    }
                    seen.insert(key, (at, expr));
                }
                continue;
            }
            if let Some((first, of)) = first
                && (!same || name.is_some())
                && depth > 0
            {
                // The name is ambiguous, so that neither column keeps it.
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

    fn name_by_text(&mut self, select: &mut Select, at: usize, expr: &Expr, reference: &Reference<'_>) {
        let text = expr.to_string();
        let is_text = |other: &SelectItem| item(other, reference).is_some_and(|item| item.name.as_ref() == Some(&text));
        if select.projection.iter().any(is_text) {
            self.alias(&mut select.projection[at], expr.clone(), &text, Name::Known(text.clone()));
        } else {
            let alias = Ident::with_quote('"', &text);
            select.projection[at] = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
        }
    }

    /// Gives an item an alias that there is not yet.
    fn alias(&mut self, item: &mut SelectItem, expr: Expr, base: &str, name: Name) {
        let mut alias = format!("{base}{MARK}");
        while self.aliases.contains_key(&alias) {
            alias.push(MARK);
        }
        *item = SelectItem::ExprWithAlias { expr, alias: Ident::with_quote('"', &alias) };
        self.aliases.insert(alias, name);
    }
}

/// An item of a select list.
struct Item {
    /// Where it has one without being planned.
    name: Option<String>,
    expr: Expr,
    aliased: bool,
    /// Whether it may be a reference to a key.
    is_key: bool,
}

fn item(item: &SelectItem, reference: &Reference<'_>) -> Option<Item> {
    match item {
        SelectItem::UnnamedExpr(expr) => {
            let reference = reference(&without_casts(expr));
            let is_key = reference.as_ref().is_some_and(|(_, is_key)| *is_key);
            let name = reference.map(|(name, _)| name);
            Some(Item { name, expr: expr.clone(), aliased: false, is_key })
        }
        SelectItem::ExprWithAlias { expr, alias } => {
            Some(Item { name: Some(normal(alias)), expr: expr.clone(), aliased: true, is_key: false })
        }
        _ => None,
    }
}

/// The expression that gives a column its name: casts, parentheses and `+` do not show in it.
fn without_casts(expr: &Expr) -> Expr {
    struct Pass;
    impl AstPass for Pass {
        fn post_expr(&mut self, expr: &mut Expr) -> Result<(), SqlError> {
            while let Expr::Cast { expr: inner, .. }
            | Expr::Nested(inner)
            | Expr::UnaryOp { op: UnaryOperator::Plus, expr: inner } = expr
            {
                *expr = std::mem::replace(&mut **inner, Expr::Value(Value::Null.into()));
            }
            Ok(())
        }
    }
    let mut bare = expr.clone();
    // The pass has no errors.
    _ = walk(&mut bare, &mut Pass);
    bare
}

fn has_literal(expr: &Expr) -> bool {
    struct Pass(bool);
    impl AstPass for Pass {
        fn pre_expr(&mut self, expr: &mut Expr) -> Result<(), SqlError> {
            self.0 |= matches!(expr, Expr::Value(_) | Expr::TypedString(_) | Expr::Interval(_));
            Ok(())
        }
    }
    let mut pass = Pass(false);
    _ = walk(&mut expr.clone(), &mut pass);
    pass.0
}

fn is_star(item: &SelectItem) -> bool {
    matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..))
}

/// The names without a qualifier, which may be those of columns of the list.
fn bare(of: &(impl VisitMut + Clone), names: &mut BTreeSet<String>) {
    struct Pass<'a>(&'a mut BTreeSet<String>);
    impl AstPass for Pass<'_> {
        fn pre_expr(&mut self, expr: &mut Expr) -> Result<(), SqlError> {
            if let Expr::Identifier(ident) = expr {
                self.0.insert(normal(ident));
            }
            Ok(())
        }
    }
    _ = walk(&mut of.clone(), &mut Pass(names));
}
