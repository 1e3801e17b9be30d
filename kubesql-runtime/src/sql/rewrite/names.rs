//! Collects the column names of a statement and lists the candidates of each reference.
//!
//! The pass does not know tables or scopes. For each reference that may be a key it lists the candidates, from which
//! the planner (`keys::KeyPlanner`) chooses: `p.labels.app` is the column `"labels.app"` of `p`, the key `app` of its
//! column `labels`, and so on.

use std::collections::BTreeSet;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, Expr, Ident, Join, JoinConstraint, ObjectName, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, Statement, Subscript, TableAlias, TableFactor, TableWithJoins, Value,
};

use super::hidden::hidden;
use super::joined_keys::{self, Merged};
use super::markers::{first_candidate, first_reading, is_whole_row, map_subscript, merged_column};
use super::output_names::OutputNames;
use crate::schema::kubectl;
use crate::sql::error::SqlError;
use crate::sql::parse::identifiers::{normal, schema_and_table, words};
use crate::sql::parse::walk::{AstPass, walk};
use crate::sql::upstream::using;

/// The column that contains the whole object.
const OBJECT: &str = "object";

/// The columns that tables have although `*` does not return them: the object, and where it was read.
const HIDDEN: [&str; 3] = [OBJECT, "source_file", "source_line"];

/// Whether a name may be that of a column that `*` does not include.
fn may_be_hidden(name: &str) -> bool {
    name.contains('.') || HIDDEN.contains(&name) || kubectl::is_name(name)
}

/// Maximum number of qualifiers of a column: catalog, schema and table.
const QUALIFIERS: usize = 3;

/// The column names in a statement.
#[derive(Debug, Clone, Default)]
pub(crate) struct ColumnNames {
    /// Names that may refer to keys and conditions: `labels.app`, `ready.status`, `object`.
    pub(crate) mentioned: BTreeSet<String>,
    /// Names that references may mean as columns of tables; `None` if any column may be needed, as for `*`.
    pub(crate) needed: Option<BTreeSet<String>>,
    /// The table functions.
    pub(crate) functions: BTreeSet<String>,
    /// The tables that a `*` expands, as an optional schema and a table.
    pub(crate) starred: BTreeSet<(Option<String>, String)>,
    /// Whether the statement is a single SELECT with a star in its list.
    pub(crate) selects_star: bool,
    /// Names of the columns of the result.
    pub(crate) outputs: OutputNames,
}

impl ColumnNames {
    /// Records the columns that a reference may mean: its words, without qualifiers and without keys.
    fn record_needed(&mut self, words: &[String]) {
        let Some(needed) = &mut self.needed else { return };
        for first in 0..words.len() {
            let name = words[first..].join(".");
            needed.extend(name.match_indices('.').map(|(dot, _)| name[..dot].to_owned()));
            needed.insert(name);
        }
    }
}

/// Whether a FROM clause needs all columns of its tables: it joins by common names, or may do so in parentheses.
fn needs_all_columns(from: &mut TableWithJoins) -> bool {
    let is_natural = |join: &mut Join| matches!(using::constraint(join), Some(JoinConstraint::Natural));
    let is_nested = |factor: &TableFactor| matches!(factor, TableFactor::NestedJoin { .. });
    is_nested(&from.relation) || from.joins.iter_mut().any(|join| is_natural(join) || is_nested(&join.relation))
}

/// Rewrites the references and select lists of a statement.
pub(crate) fn rewrite(statement: &mut Statement) -> Result<ColumnNames, SqlError> {
    let mut relations = RelationNames::default();
    walk(statement, &mut relations)?;
    let RelationNames { names: relations, functions } = relations;
    let names = ColumnNames { functions, needed: Some(BTreeSet::new()), ..ColumnNames::default() };
    let mut pass = Pass { relations, names, merged: Vec::new(), queries: Vec::new() };
    if let Statement::Query(query) = statement
        && let SetExpr::Select(select) = &*query.body
    {
        pass.names.selects_star = select.projection.iter().any(is_star);
    }
    walk(statement, &mut pass)?;
    Ok(pass.names)
}

/// The names and aliases of all relations of the statement. Only these can be qualifiers.
#[derive(Default)]
struct RelationNames {
    names: BTreeSet<String>,
    functions: BTreeSet<String>,
}

impl AstPass for RelationNames {
    /// `networking.k8s.io.ingresses` is a table of the schema `networking.k8s.io`. DataFusion knows three parts.
    fn pre_relation(&mut self, name: &mut ObjectName) -> Result<(), SqlError> {
        if name.0.len() > QUALIFIERS {
            let (schema, table) = schema_and_table(name);
            let parts = schema.into_iter().chain([table]).map(|part| Ident::with_quote('"', part));
            *name = ObjectName::from(parts.collect::<Vec<_>>());
        }
        Ok(())
    }

    fn pre_table_factor(&mut self, factor: &mut TableFactor) -> Result<(), SqlError> {
        match factor {
            TableFactor::Table { name, args, .. } => {
                let name = words(name).pop();
                if args.is_some() {
                    self.functions.extend(name.clone());
                }
                self.names.extend(name);
            }
            TableFactor::Function { name, .. } => self.functions.extend(words(name).pop()),
            _ => {}
        }
        self.names.extend(table_alias(factor).map(|alias| normal(&alias.name)));
        Ok(())
    }
}

fn table_alias(factor: &TableFactor) -> Option<&TableAlias> {
    match factor {
        TableFactor::Table { alias, .. }
        | TableFactor::Derived { alias, .. }
        | TableFactor::TableFunction { alias, .. }
        | TableFactor::Function { alias, .. }
        | TableFactor::UNNEST { alias, .. }
        | TableFactor::NestedJoin { alias, .. } => alias.as_ref(),
        _ => None,
    }
}

struct Pass {
    relations: BTreeSet<String>,
    names: ColumnNames,
    /// For each enclosing query and SELECT, the columns that `USING` clauses merge.
    merged: Vec<Merged>,
    /// For each enclosing query, whether it is a single SELECT.
    queries: Vec<bool>,
}

impl AstPass for Pass {
    fn pre_query(&mut self, query: &mut Query) -> Result<(), SqlError> {
        let relations = &self.relations;
        self.names.outputs.name_columns(query, self.queries.len(), &|expr| reference(expr, relations));
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.record_column_aliases(&cte.alias);
        }
        self.queries.push(matches!(&*query.body, SetExpr::Select(_)));
        self.merged.push(Merged::new());
        Ok(())
    }

    fn pre_table_factor(&mut self, factor: &mut TableFactor) -> Result<(), SqlError> {
        if let Some(alias) = table_alias(factor) {
            self.record_column_aliases(alias);
            // They rename columns by position.
            if !alias.columns.is_empty() && matches!(factor, TableFactor::Table { .. }) {
                self.names.needed = None;
            }
        }
        Ok(())
    }

    fn post_query(&mut self, _: &mut Query) -> Result<(), SqlError> {
        self.queries.pop();
        self.merged.pop();
        Ok(())
    }

    fn pre_select(&mut self, select: &mut Select) -> Result<(), SqlError> {
        self.record_stars(select);
        if select.projection.iter().any(is_star) || select.from.iter_mut().any(needs_all_columns) {
            self.names.needed = None;
        }
        let mut merges = false;
        for name in select.from.iter_mut().flat_map(|from| &mut from.joins).filter_map(using::columns).flatten() {
            let joined = words(name).join(".");
            *name = ObjectName::from(vec![Ident::with_quote('"', &joined)]);
            self.names.record_needed(&[joined]);
            merges = true;
        }
        if merges {
            using::expand_stars(select);
        }
        self.merged.push(joined_keys::expand(select, may_be_hidden)?);
        Ok(())
    }

    fn post_select(&mut self, _: &mut Select) -> Result<(), SqlError> {
        let merged = self.merged.pop();
        // ORDER BY belongs to the query, and follows.
        if self.queries.last() == Some(&true)
            && let (Some(query), Some(merged)) = (self.merged.last_mut(), merged)
        {
            *query = merged;
        }
        Ok(())
    }

    fn pre_expr(&mut self, expr: &mut Expr) -> Result<(), SqlError> {
        if is_whole_row(expr) {
            self.names.needed = None;
        }
        fold_dots(expr);
        if let Some(words) = reference_words(expr) {
            self.names.record_needed(&words);
        }
        if let Some((words, key)) = subscript(expr) {
            for count in qualifier_counts(&words, &self.relations) {
                self.names.mentioned.insert(format!("{}.{key}", words[count..].join(".")));
            }
        }
        Ok(())
    }

    // A post hook, so that the replacement is not visited.
    fn post_expr(&mut self, expr: &mut Expr) -> Result<(), SqlError> {
        if let Some(left) = self.left_side(expr) {
            *expr = left;
        }
        match expr {
            Expr::Identifier(ident) => {
                let name = normal(ident);
                if self.merged.last().is_some_and(|merged| merged.contains_key(&name)) {
                    *expr = merged_column(expr.clone());
                } else if may_be_hidden(&name) {
                    *expr = self.candidates(std::slice::from_ref(ident));
                }
            }
            Expr::CompoundIdentifier(parts) => {
                let [qualifier, column] = parts.as_slice() else {
                    *expr = self.candidates(parts);
                    return Ok(());
                };
                let column = normal(column);
                if may_be_hidden(&column) || !self.relations.contains(&normal(qualifier)) {
                    *expr = self.candidates(parts);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl Pass {
    /// The column of the left side, for a reference to a merged key without a qualifier.
    fn left_side(&self, expr: &Expr) -> Option<Expr> {
        let merged = self.merged.last().filter(|merged| !merged.is_empty())?;
        let (name, _) = reference(expr, &BTreeSet::new())?;
        let left = merged.get(&name)?.as_ref()?;
        Some(joined_keys::column(left, &name))
    }

    fn record_column_aliases(&mut self, alias: &TableAlias) {
        alias.columns.iter().for_each(|column| self.names.outputs.record_name(normal(&column.name)));
    }

    /// Records the tables that the stars of a select list expand.
    fn record_stars(&mut self, select: &Select) {
        for item in &select.projection {
            let of = match item {
                SelectItem::Wildcard(_) => None,
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(of), _) => Some(words(of)),
                _ => continue,
            };
            select.from.iter().for_each(|from| self.record_starred(from, of.as_deref()));
        }
    }

    fn record_starred(&mut self, from: &TableWithJoins, of: Option<&[String]>) {
        for factor in std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation)) {
            match factor {
                TableFactor::Table { name, alias, args: None, .. } => {
                    let name_or_alias = alias.as_ref().map_or_else(|| words(name), |alias| vec![normal(&alias.name)]);
                    if of.is_none_or(|of| name_or_alias.ends_with(of) || of.ends_with(&name_or_alias)) {
                        self.names.starred.insert(schema_and_table(name));
                    }
                }
                TableFactor::NestedJoin { table_with_joins, .. } => self.record_starred(table_with_joins, of),
                _ => {}
            }
        }
    }

    /// Lists the candidates of a reference in order of precedence.
    fn candidates(&mut self, parts: &[Ident]) -> Expr {
        let words: Vec<String> = parts.iter().map(normal).collect();
        let mut readings = Vec::new();
        for count in qualifier_counts(&words, &self.relations) {
            let mut found = Vec::new();
            let column = |name: &str| {
                let last = Ident { span: parts[parts.len() - 1].span, ..Ident::with_quote('"', name) };
                match &parts[..count] {
                    [] => Expr::Identifier(last),
                    before => Expr::CompoundIdentifier(before.iter().cloned().chain([last]).collect()),
                }
            };
            let name = words[count..].join(".");
            let written = column(&name);
            if may_be_hidden(&name) {
                found.push(column(&hidden(&name)));
                for (dot, _) in name.rmatch_indices('.').filter(|(dot, _)| *dot > 0 && *dot + 1 < name.len()) {
                    found.push(map_subscript(column(&name[..dot]), &name[dot + 1..]));
                }
                self.names.mentioned.insert(name);
            }
            readings.push(first_candidate(written, found));
        }
        let first = readings.remove(0);
        first_reading(first, readings)
    }
}

/// Returns the possible numbers of qualifiers of a reference, in order of precedence.
fn qualifier_counts(words: &[String], relations: &BTreeSet<String>) -> impl Iterator<Item = usize> {
    let last = words.len().saturating_sub(1).min(QUALIFIERS);
    let counts: Vec<usize> = (1..=last).filter(|&count| relations.contains(&words[count - 1])).collect();
    counts.into_iter().chain([0])
}

/// Returns the name of the column that an expression refers to, and whether it may be a key.
fn reference(expr: &Expr, relations: &BTreeSet<String>) -> Option<(String, bool)> {
    let (words, key) = match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => (reference_words(expr)?, None),
        _ => {
            let (words, key) = subscript(expr)?;
            (words, Some(key))
        }
    };
    let count = qualifier_counts(&words, relations).next().unwrap_or(0);
    let name = words[count..].iter().cloned().chain(key).collect::<Vec<_>>().join(".");
    let may_be_key = may_be_hidden(&name);
    Some((name, may_be_key))
}

/// Returns the reference and the key of a subscript with a text: `p.labels['app']`, `p.labels ->> 'app'`.
fn subscript(expr: &Expr) -> Option<(Vec<String>, String)> {
    if let Expr::BinaryOp { left, op: BinaryOperator::LongArrow, right } = expr
        && let Expr::Value(key) = &**right
        && let Value::SingleQuotedString(key) = &key.value
    {
        let words = reference_words(left)?;
        return (words != [OBJECT]).then(|| (words, key.clone()));
    }
    let Expr::CompoundFieldAccess { root, access_chain } = expr else { return None };
    let (last, dots) = access_chain.split_last()?;
    let AccessExpr::Subscript(Subscript::Index { index: Expr::Value(value) }) = last else { return None };
    let Value::SingleQuotedString(key) = &value.value else { return None };
    let mut words = reference_words(root)?;
    for dot in dots {
        let AccessExpr::Dot(Expr::Identifier(ident)) = dot else { return None };
        words.push(normal(ident));
    }
    Some((words, key.clone()))
}

fn reference_words(expr: &Expr) -> Option<Vec<String>> {
    match expr {
        Expr::Identifier(ident) => Some(vec![normal(ident)]),
        Expr::CompoundIdentifier(parts) => Some(parts.iter().map(normal).collect()),
        Expr::Nested(inner) => reference_words(inner),
        _ => None,
    }
}

/// Rewrites `p.labels['app']`, which the parser reads as accesses of `p`, to a subscript of `p.labels`.
fn fold_dots(expr: &mut Expr) {
    let Expr::CompoundFieldAccess { root, access_chain } = expr else { return };
    let mut parts = match &**root {
        Expr::Identifier(ident) => vec![ident.clone()],
        Expr::CompoundIdentifier(parts) => parts.clone(),
        _ => return,
    };
    let is_dot = |access: &AccessExpr| matches!(access, AccessExpr::Dot(Expr::Identifier(_)));
    let dots = access_chain.iter().take_while(|access| is_dot(access)).count();
    if dots == 0 {
        return;
    }
    parts.extend(access_chain.drain(..dots).filter_map(|access| match access {
        AccessExpr::Dot(Expr::Identifier(ident)) => Some(ident),
        _ => None,
    }));
    **root = Expr::CompoundIdentifier(parts);
    if access_chain.is_empty() {
        *expr = std::mem::replace(&mut **root, Expr::Value(Value::Null.into()));
    }
}

fn is_star(item: &SelectItem) -> bool {
    matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..))
}
