//! Which relations are in sight at a place in a statement, and what their names mean.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{
    Ident, Join, JoinConstraint, JoinOperator, ObjectName, ObjectNamePart, Query, Select, SetExpr, TableAlias,
    TableFactor, TableWithJoins, visit_relations,
};

use super::error::SqlError;
use super::names::{normal, schema_and_table, words};
use super::offer::{Columns, Id, Offer, Part, id};
use super::postgres;
use super::registry::{CATALOG, DEFAULT_SCHEMA, Registry};
use super::system::{self, Kind};
use crate::schema::Table;

/// Something that columns can be taken from.
#[derive(Debug)]
pub(super) struct Relation {
    /// What its columns can be qualified with: its alias, or its name with the schema and catalog in front.
    names: Vec<String>,
    pub(super) origin: Origin,
}

impl Relation {
    /// Whether the words are a name of it, with as many qualifiers as there are.
    pub(super) fn is_called(&self, words: &[String]) -> bool {
        self.names.ends_with(words)
    }

    /// What its columns can be qualified with, where it is one word.
    pub(super) fn name(&self) -> Option<&str> {
        self.names.last().map(String::as_str)
    }
}

/// What a relation is.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// A table of objects.
    Table {
        /// Where it was found.
        schema: String,
        /// Its name there.
        name: String,
        table: Arc<Table>,
    },
    /// A subquery or common table expression.
    Query(Rc<Offer>),
    /// A table about kubesql itself, by its columns.
    System(&'static [(&'static str, Kind)]),
    /// A function's rows.
    Other,
}

impl Origin {
    /// Schema and name of a table of objects.
    pub(super) fn key(&self) -> Option<(String, String)> {
        match self {
            Self::Table { schema, name, .. } => Some((schema.clone(), name.clone())),
            Self::Query(_) | Self::System(_) | Self::Other => None,
        }
    }
}

/// What one query has in sight.
#[derive(Debug, Default)]
pub(super) struct Frame {
    pub(super) relations: Vec<Relation>,
    /// The query.
    pub(super) id: Id,
    /// Its common table expressions.
    expressions: Vec<(String, Rc<Offer>)>,
    /// How many of them were left already. Only these can be named, for the others are yet to come.
    seen: usize,
    recursive: bool,
}

impl Frame {
    fn expression(&self, name: &str) -> Option<&Rc<Offer>> {
        let known = if self.recursive { self.expressions.len() } else { self.seen };
        self.expressions[..known].iter().find(|(expression, _)| expression == name).map(|(_, offer)| offer)
    }
}

/// The queries around a place, the outermost first.
pub(super) struct Scope<'a> {
    registry: &'a Registry,
    /// The current schema.
    schema: &'a str,
    frames: Vec<Frame>,
    /// Columns that were added to queries.
    added: &'a Columns,
}

impl<'a> Scope<'a> {
    pub(super) fn new(registry: &'a Registry, schema: &'a str, added: &'a Columns) -> Self {
        Self { registry, schema, frames: Vec::new(), added }
    }

    pub(super) fn enter(&mut self, query: &Query) {
        let recursive = query.with.as_ref().is_some_and(|with| with.recursive);
        self.frames.push(Frame { id: id(query), recursive, ..Frame::default() });
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            let itself = recursive && reads(&cte.query, &normal(&cte.alias.name));
            let offer = if itself { Offer::nothing(id(&cte.query)) } else { self.offer(&cte.query) };
            let offer = renamed(offer, &cte.alias);
            if let Some(frame) = self.frames.last_mut() {
                frame.expressions.push((normal(&cte.alias.name), offer));
                frame.seen += 1;
            }
        }
        if let Some(frame) = self.frames.last_mut() {
            frame.seen = 0;
        }
    }

    /// What a query gives that stands at this place.
    pub(super) fn offer(&mut self, query: &Query) -> Rc<Offer> {
        self.enter(query);
        if let Some(frame) = self.frames.last_mut() {
            frame.seen = frame.expressions.len();
        }
        let mut branches = Vec::new();
        self.branches(&query.body, &mut branches);
        self.frames.pop();
        let none = BTreeSet::new();
        Offer::new(id(query), branches, self.added.get(&id(query)).unwrap_or(&none))
    }

    /// The parts of a query's body, each with the relations it reads from or what it gives.
    fn branches<'q>(&mut self, body: &'q SetExpr, branches: &mut Vec<Part<'q>>) {
        match body {
            // What is wrong is told when the place is come to.
            SetExpr::Select(select) => {
                let relations = self.relations(select).unwrap_or_default();
                branches.push(Part::Select(select, relations));
            }
            SetExpr::SetOperation { left, right, .. } => {
                self.branches(left, branches);
                self.branches(right, branches);
            }
            SetExpr::Query(query) => branches.push(Part::Query(self.offer(query))),
            _ => branches.push(Part::Other),
        }
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
    pub(super) fn relations(&mut self, select: &Select) -> Result<Vec<Relation>, SqlError> {
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

    fn expression(&self, name: &str) -> Option<&Rc<Offer>> {
        self.frames().find_map(|frame| frame.expression(name))
    }

    fn collect(&mut self, from: &TableWithJoins, found: &mut Vec<Relation>) -> Result<(), SqlError> {
        for factor in std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation)) {
            match factor {
                TableFactor::Table { name, alias, args: None, .. } => {
                    let alias = alias.as_ref().map(|alias| normal(&alias.name));
                    found.push(self.table(name, alias)?);
                }
                TableFactor::NestedJoin { table_with_joins, alias: None } => self.collect(table_with_joins, found)?,
                TableFactor::Derived { subquery, alias, .. } => {
                    let names = alias.iter().map(|alias| normal(&alias.name)).collect();
                    let offer = self.offer(subquery);
                    let offer = alias.iter().fold(offer, renamed);
                    found.push(Relation { names, origin: Origin::Query(offer) });
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
        if let (None, Some(offer)) = (&schema, self.expression(&table)) {
            let origin = Origin::Query(Rc::clone(offer));
            return Ok(Relation { names: vec![alias.unwrap_or(table)], origin });
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
        if let Some(found) = system::find(&schema, &table) {
            return Ok(Relation { names, origin: Origin::System(found.columns()) });
        }
        if let Some(columns) = postgres::columns(&schema, &table) {
            return Ok(Relation { names, origin: Origin::System(columns) });
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

/// Whether a query names a table of this name.
fn reads(query: &Query, name: &str) -> bool {
    let named = |of: &ObjectName| match words(of).as_slice() {
        [word] if word == name => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    visit_relations(query, named).is_break()
}

/// What a query gives under an alias, which may have names for its columns.
fn renamed(offer: Rc<Offer>, alias: &TableAlias) -> Rc<Offer> {
    if alias.columns.is_empty() {
        return offer;
    }
    offer.renamed(&alias.columns.iter().map(|column| normal(&column.name)).collect::<Vec<_>>())
}

/// What a join is by.
pub(super) fn constraint(join: &Join) -> Option<&JoinConstraint> {
    match &join.join_operator {
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
        | JoinOperator::RightAnti(constraint) => Some(constraint),
        _ => None,
    }
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
