//! Which relations are in sight at a place in a statement, and what their names mean.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{
    Ident, Join, JoinConstraint, JoinOperator, ObjectName, ObjectNamePart, Query, Select, SelectItem, SetExpr,
    TableFactor, TableWithJoins,
};

use super::error::SqlError;
use super::names::{normal, schema_and_table, words};
use super::registry::{CATALOG, DEFAULT_SCHEMA, Registry};
use super::system;
use crate::schema::Table;

/// Something that columns can be taken from.
#[derive(Debug)]
pub(super) struct Relation {
    /// What its columns can be qualified with: its alias, or its name with the schema and catalog in front.
    names: Vec<String>,
    pub(super) origin: Origin,
}

/// What a relation is.
#[derive(Debug)]
pub(super) enum Origin {
    /// A table of objects.
    Table {
        /// Where it was found.
        schema: String,
        /// Its name there.
        name: String,
        table: Arc<Table>,
    },
    /// A subquery.
    Query {
        /// Whether it gives all columns of what it reads.
        starred: bool,
    },
    /// A function's rows, or a table that has no objects.
    Other,
}

impl Origin {
    /// Schema and name of a table of objects.
    pub(super) fn key(&self) -> Option<(String, String)> {
        match self {
            Self::Table { schema, name, .. } => Some((schema.clone(), name.clone())),
            Self::Query { .. } | Self::Other => None,
        }
    }
}

/// What one query has in sight.
#[derive(Debug, Default)]
pub(super) struct Frame {
    pub(super) relations: Vec<Relation>,
    /// Its common table expressions, and whether each gives all columns of what it reads.
    expressions: Vec<(String, bool)>,
    /// How many of them were left already. Only these can be named, for the others are yet to come.
    seen: usize,
    recursive: bool,
}

impl Frame {
    fn expression(&self, name: &str) -> Option<bool> {
        let known = if self.recursive { self.expressions.len() } else { self.seen };
        self.expressions[..known].iter().find(|(expression, _)| expression == name).map(|(_, starred)| *starred)
    }
}

/// The queries around a place, the outermost first.
pub(super) struct Scope<'a> {
    registry: &'a Registry,
    /// The current schema.
    schema: &'a str,
    frames: Vec<Frame>,
}

impl<'a> Scope<'a> {
    pub(super) fn new(registry: &'a Registry, schema: &'a str) -> Self {
        Self { registry, schema, frames: Vec::new() }
    }

    pub(super) fn enter(&mut self, query: &Query) {
        let expressions = query.with.iter().flat_map(|with| &with.cte_tables);
        let expressions = expressions.map(|cte| (normal(&cte.alias.name), is_starred(&cte.query)));
        self.frames.push(Frame {
            expressions: expressions.collect(),
            recursive: query.with.as_ref().is_some_and(|with| with.recursive),
            ..Frame::default()
        });
    }

    pub(super) fn leave(&mut self) {
        self.frames.pop();
        // A query's common table expressions come before anything else in it.
        if let Some(frame) = self.frames.last_mut()
            && frame.seen < frame.expressions.len()
        {
            frame.seen += 1;
        }
    }

    /// The relations that a SELECT reads from.
    pub(super) fn relations(&self, select: &Select) -> Result<Vec<Relation>, SqlError> {
        let mut found = Vec::new();
        for from in &select.from {
            self.collect(from, &mut found)?;
        }
        Ok(found)
    }

    /// Makes them those of the innermost query.
    pub(super) fn set(&mut self, relations: Vec<Relation>) {
        if let Some(frame) = self.frames.last_mut() {
            frame.relations = relations;
        }
    }

    pub(super) fn innermost(&self) -> impl Iterator<Item = &Relation> {
        self.frames.last().into_iter().flat_map(|frame| &frame.relations)
    }

    /// The queries around, the innermost first.
    pub(super) fn frames(&self) -> impl Iterator<Item = &Frame> {
        self.frames.iter().rev()
    }

    /// The relation that the words start with, and how many of them are its name.
    pub(super) fn qualified(&self, words: &[String]) -> Option<(usize, &Relation)> {
        // An alias goes before a table's name with its schema.
        (1..=words.len().min(3)).find_map(|count| {
            let named = |relation: &&Relation| {
                relation.names.len() >= count && relation.names[relation.names.len() - count..] == words[..count]
            };
            let relations = self.frames().flat_map(|frame| &frame.relations);
            relations.into_iter().find(named).map(|relation| (count, relation))
        })
    }

    /// Puts the default schema in front of a bare name that the current schema does not have.
    pub(super) fn complete(&self, name: &mut ObjectName) {
        let (schema, table) = schema_and_table(name);
        let bare = schema.is_none() && self.schema != DEFAULT_SCHEMA && self.expression(&table).is_none();
        if bare && !self.has(self.schema, &table) && self.has(DEFAULT_SCHEMA, &table) {
            name.0.insert(0, ObjectNamePart::Identifier(Ident::with_quote('"', DEFAULT_SCHEMA)));
        }
    }

    fn has(&self, schema: &str, table: &str) -> bool {
        system::find(schema, table).is_some() || !matches!(self.registry.find(schema, table), Ok(None))
    }

    fn expression(&self, name: &str) -> Option<bool> {
        self.frames().find_map(|frame| frame.expression(name))
    }

    fn collect(&self, from: &TableWithJoins, found: &mut Vec<Relation>) -> Result<(), SqlError> {
        for factor in std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation)) {
            match factor {
                TableFactor::Table { name, alias, args: None, .. } => {
                    let alias = alias.as_ref().map(|alias| normal(&alias.name));
                    found.push(self.table(name, alias)?);
                }
                TableFactor::NestedJoin { table_with_joins, alias: None } => self.collect(table_with_joins, found)?,
                TableFactor::Derived { subquery, alias, .. } => {
                    let names = alias.iter().map(|alias| normal(&alias.name)).collect();
                    found.push(Relation { names, origin: Origin::Query { starred: is_starred(subquery) } });
                }
                TableFactor::Table { alias, .. }
                | TableFactor::NestedJoin { alias, .. }
                | TableFactor::Function { alias, .. }
                | TableFactor::TableFunction { alias, .. }
                | TableFactor::UNNEST { alias, .. } => {
                    let names = alias.iter().map(|alias| normal(&alias.name)).collect();
                    found.push(Relation { names, origin: Origin::Other });
                }
                _ => found.push(Relation { names: Vec::new(), origin: Origin::Other }),
            }
        }
        Ok(())
    }

    fn table(&self, name: &ObjectName, alias: Option<String>) -> Result<Relation, SqlError> {
        let (schema, table) = schema_and_table(name);
        if let (None, Some(starred)) = (&schema, self.expression(&table)) {
            let names = vec![alias.unwrap_or(table)];
            return Ok(Relation { names, origin: Origin::Query { starred } });
        }
        let schema = match schema {
            Some(schema) => schema,
            None if self.has(self.schema, &table) => self.schema.to_owned(),
            None => DEFAULT_SCHEMA.to_owned(),
        };
        let names = match alias {
            Some(alias) => vec![alias],
            None => vec![CATALOG.to_owned(), schema.clone(), table.clone()],
        };
        if system::find(&schema, &table).is_some() {
            return Ok(Relation { names, origin: Origin::Other });
        }
        let found = self.registry.find(&schema, &table)?;
        // In a catalog of another name there is nothing.
        let foreign = words(name).len() > 2 && words(name)[0] != CATALOG && !self.registry.has_schema(&schema);
        match found {
            Some(found) if !foreign => {
                Ok(Relation { names, origin: Origin::Table { schema, name: table, table: found } })
            }
            _ => Err(self.registry.unknown_table(&schema, &table)),
        }
    }
}

/// Whether a query gives all columns of what it reads.
fn is_starred(query: &Query) -> bool {
    fn of(body: &SetExpr) -> bool {
        match body {
            SetExpr::Select(select) => select
                .projection
                .iter()
                .any(|item| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..))),
            SetExpr::Query(query) => is_starred(query),
            SetExpr::SetOperation { left, .. } => of(left),
            _ => false,
        }
    }
    of(&query.body)
}

/// The columns that a join is by.
pub(super) fn using(join: &mut Join) -> Option<&mut Vec<ObjectName>> {
    let constraint = match &mut join.join_operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint)
        | JoinOperator::Semi(constraint)
        | JoinOperator::LeftSemi(constraint)
        | JoinOperator::RightSemi(constraint)
        | JoinOperator::Anti(constraint)
        | JoinOperator::LeftAnti(constraint)
        | JoinOperator::RightAnti(constraint) => constraint,
        _ => return None,
    };
    match constraint {
        JoinConstraint::Using(names) => Some(names),
        _ => None,
    }
}
