//! Names of the columns of select lists.
//!
//! SQL allows duplicate column names, DataFusion does not. All duplicates but the first get a unique alias, which the
//! result replaces with the original name. An expression with a literal or a subquery is named by its SQL text, because
//! DataFusion would name it `Int64(1)` or `x IN (<subquery>)`. A reference to a key is named by the key, regardless of how it is resolved.

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
use crate::sql::types::client_field;

/// Suffix of aliases, repeated until the alias is unique. The character is invisible if it is displayed.
pub(crate) const MARK: char = '\u{2060}';

/// The names of the columns of the result.
#[derive(Debug, Clone, Default)]
pub(crate) struct OutputNames {
    aliases: BTreeMap<String, Name>,
    /// Names that come from the statement: aliases and references.
    explicit: BTreeSet<String>,
}

#[derive(Debug, Clone)]
enum Name {
    /// This name.
    Known(String),
    /// The name of the column at this position.
    Like(usize),
}

impl OutputNames {
    /// Returns the schema with the original names.
    pub(crate) fn restore(&self, schema: &SchemaRef) -> SchemaRef {
        let name = |field: &Field| match self.aliases.get(field.name()) {
            None => without_marks(field.name()),
            Some(Name::Known(name)) => name.clone(),
            Some(Name::Like(at)) => without_marks(schema.field(*at).name()),
        };
        let fields: Vec<_> = schema.fields().iter().map(|field| client_field(field).with_name(name(field))).collect();
        Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
    }

    /// Returns whether the name of a column comes from the statement. Otherwise it is derived from the expression.
    pub(crate) fn is_given(&self, alias: &str) -> bool {
        let name = match self.aliases.get(alias) {
            Some(Name::Known(name)) => name,
            Some(Name::Like(_)) => return false,
            None => alias,
        };
        self.explicit.contains(name)
    }

    /// Records a name that the statement gives to a column.
    pub(super) fn record_name(&mut self, name: String) {
        self.explicit.insert(name);
    }
}

/// Returns the name of the column that an expression refers to, and whether it may be a key.
pub(super) type Reference<'a> = dyn Fn(&Expr) -> Option<(String, bool)> + 'a;

impl OutputNames {
    /// Adds aliases to the duplicate columns of a query's select lists.
    ///
    /// In the outermost list, a column next to a star gets an alias if its name may be one of the star's. In an inner
    /// list it keeps its name, because the outer query may refer to it. If different columns of an inner list have the
    /// same name, both get an alias, because a reference would be ambiguous.
    pub(super) fn name_columns(&mut self, query: &mut Query, depth: usize, reference: &Reference<'_>) {
        let mut used = BTreeSet::new();
        collect_unqualified(&query.order_by, &mut used);
        self.name_set_expr(&mut query.body, &used, depth, reference);
    }

    fn name_set_expr(&mut self, body: &mut SetExpr, used: &BTreeSet<String>, depth: usize, reference: &Reference<'_>) {
        match body {
            SetExpr::Select(select) => self.name_select(select, used, depth, reference),
            SetExpr::SetOperation { left, right, .. } => {
                self.name_set_expr(left, used, depth, reference);
                self.name_set_expr(right, used, depth, reference);
            }
            _ => {}
        }
    }

    fn name_select(&mut self, select: &mut Select, used: &BTreeSet<String>, depth: usize, reference: &Reference<'_>) {
        let mut used = used.clone();
        collect_unqualified(&select.distinct, &mut used);
        collect_unqualified(&select.group_by, &mut used);
        collect_unqualified(&select.having, &mut used);
        collect_unqualified(&select.qualify, &mut used);
        let starred = select.projection.iter().any(is_star);
        let mut seen: BTreeMap<String, (usize, Expr)> = BTreeMap::new();
        for at in 0..select.projection.len() {
            let Some(Item { name, expr, aliased, is_key }) = parse_item(&select.projection[at], reference) else {
                continue;
            };
            if !matches!(expr, Expr::Cast { .. } | Expr::BinaryOp { .. }) || aliased {
                self.explicit.extend(name.clone());
            }
            // An expression without a name is identified by its text.
            let key = name.clone().unwrap_or_else(|| format!("{MARK}{}", without_casts(&expr)));
            let first = seen.get(&key);
            let is_same = first.is_some_and(|(_, first)| *first == expr);
            let is_unused = !used.contains(&key);
            // The name may also be that of a column of the star.
            let may_be_in_star = starred && depth == 0 && name.is_some() && (!aliased || is_unused);
            let is_taken = first.is_some() && (is_unused || name.is_none());
            if !(is_same && !starred || is_taken || may_be_in_star) {
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
                && (!is_same || name.is_some())
                && depth > 0
            {
                // The name is ambiguous, so neither column keeps it.
                let (first, of) = (*first, of.clone());
                self.set_alias(&mut select.projection[first], of, &key, Name::Known(key.clone()));
            }
            let known = match (name, seen.get(&key)) {
                (Some(name), _) => Name::Known(name),
                (None, Some((_, first))) if has_literal(first) => Name::Known(first.to_string()),
                (None, Some((first, _))) if !starred => Name::Like(*first),
                (None, _) => Name::Known(expr.to_string()),
            };
            self.set_alias(&mut select.projection[at], expr, key.trim_start_matches(MARK), known);
        }
    }

    fn name_by_text(&mut self, select: &mut Select, at: usize, expr: &Expr, reference: &Reference<'_>) {
        let text = expr.to_string();
        let is_text =
            |other: &SelectItem| parse_item(other, reference).is_some_and(|item| item.name.as_ref() == Some(&text));
        if select.projection.iter().any(is_text) {
            self.set_alias(&mut select.projection[at], expr.clone(), &text, Name::Known(text.clone()));
        } else {
            let alias = Ident::with_quote('"', &text);
            select.projection[at] = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
        }
    }

    /// Sets a unique alias of an item.
    fn set_alias(&mut self, item: &mut SelectItem, expr: Expr, base: &str, name: Name) {
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
    /// `None` if only the planner knows the name.
    name: Option<String>,
    expr: Expr,
    aliased: bool,
    /// Whether it may be a reference to a key.
    is_key: bool,
}

fn parse_item(item: &SelectItem, reference: &Reference<'_>) -> Option<Item> {
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

/// Returns the expression that names a column, without casts, parentheses and `+`.
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

/// Whether an expression has a literal or a subquery.
fn has_literal(expr: &Expr) -> bool {
    struct Pass(bool);
    impl AstPass for Pass {
        fn pre_expr(&mut self, expr: &mut Expr) -> Result<(), SqlError> {
            let is_literal = matches!(expr, Expr::Value(_) | Expr::TypedString(_) | Expr::Interval(_));
            self.0 |= is_literal || matches!(expr, Expr::InSubquery { .. } | Expr::Subquery(_));
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

/// Collects unqualified names, which may refer to columns of the select list.
fn collect_unqualified(of: &(impl VisitMut + Clone), names: &mut BTreeSet<String>) {
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
