//! The generator: its state, references to columns, and conditions.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::objects::Type;
use super::relations::{Both, Column, Map, Name, Relation, both, spell};

/// What names can belong to.
#[derive(Debug)]
pub(super) struct Scope {
    pub(super) relations: Vec<Relation>,
    /// Columns that joins made one by USING.
    pub(super) merged: Vec<String>,
}

impl Scope {
    pub(super) fn of(relation: Relation) -> Self {
        Self { relations: vec![relation], merged: Vec::new() }
    }

    /// How many relations a name without a qualifier could belong to.
    pub(super) fn owners(&self, name: &str) -> usize {
        self.relations.iter().filter(|relation| relation.resolves(name)).count()
    }
}

pub(super) struct Generator {
    pub(super) rng: StdRng,
    /// The columns of `select *` from each table.
    pub(super) stars: BTreeMap<&'static str, Vec<String>>,
    /// For names that are not taken.
    number: usize,
    /// What is in the statement.
    pub(super) tags: BTreeSet<&'static str>,
    /// The common table expressions of the statement.
    pub(super) with: Vec<(Both, Relation)>,
    /// Whether a condition of WHERE is being made.
    in_where: bool,
}

impl Generator {
    pub(super) fn new(seed: u64, stars: BTreeMap<&'static str, Vec<String>>) -> Self {
        Self {
            rng: StdRng::seed_from_u64(seed),
            stars,
            number: 0,
            tags: BTreeSet::new(),
            with: Vec::new(),
            in_where: false,
        }
    }

    /// Forgets the statement before.
    pub(super) fn begin(&mut self) {
        (self.number, self.tags, self.with) = (0, BTreeSet::new(), Vec::new());
    }

    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.rng.random_bool(probability)
    }

    /// One of these.
    pub(super) fn one<T: Copy>(&mut self, of: &[T]) -> T {
        *of.choose(&mut self.rng).expect("something to choose from")
    }

    /// A name that is not in the statement yet.
    pub(super) fn fresh(&mut self, prefix: &str) -> String {
        self.number += 1;
        format!("{prefix}{}", self.number)
    }

    /// A column of the scope, of the wanted sort where there is one.
    pub(super) fn pick(&mut self, scope: &Scope, wanted: impl Fn(&Column) -> bool) -> (Relation, Column) {
        let mut all: Vec<(&Relation, Column)> = Vec::new();
        for relation in &scope.relations {
            all.extend(relation.values().into_iter().map(|column| (relation, column)));
        }
        let mut fit: Vec<_> = all.iter().filter(|(_, column)| wanted(column)).collect();
        // Keys are what this is about.
        if self.chance(0.75) && fit.iter().any(|(_, column)| column.name.text().contains('.')) {
            fit.retain(|(_, column)| column.name.text().contains('.'));
        }
        let found = fit.choose(&mut self.rng).copied().or_else(|| all.choose(&mut self.rng));
        let (relation, column) = found.expect("a relation with a column");
        ((*relation).clone(), column.clone())
    }

    /// A column in one of its spellings, and its type.
    pub(super) fn reference(&mut self, scope: &Scope, wanted: impl Fn(&Column) -> bool) -> (Both, Type) {
        let (relation, column) = self.pick(scope, wanted);
        (self.spelled(scope, &relation, &column), column.of)
    }

    /// A column in one of its spellings, with a qualifier where it takes one.
    pub(super) fn spelled(&mut self, scope: &Scope, relation: &Relation, column: &Column) -> Both {
        let text = column.name.text();
        // Joined by USING, a name without a qualifier is the column of the left side.
        let merged = scope.merged.contains(&text) && scope.relations[0].alias == relation.alias;
        let is_bare = (merged || scope.owners(&text) == 1) && self.chance(0.5);
        let ours = spell(&mut self.rng, (!is_bare).then_some(relation), &column.name, column.of == Type::Text);
        if is_bare && merged && self.in_where && text.contains('.') {
            self.tags.insert("joined key without a qualifier in WHERE");
        }
        let qualifier = if is_bare && merged { String::new() } else { format!("{}.", relation.alias) };
        Both::new(ours, format!("{qualifier}{}", column.plain))
    }

    /// A column of the outer query, in a subquery.
    fn spelled_outer(&mut self, inner: &Scope, outer: &Scope, relation: &Relation, column: &Column) -> Both {
        self.tags.insert("outer reference");
        let text = column.name.text();
        // Without a qualifier, a name is first looked for in the inner query.
        let is_bare = inner.owners(&text) == 0 && outer.owners(&text) == 1 && self.chance(0.5);
        if is_bare {
            self.tags.insert("outer reference without qualifier");
        }
        let ours = spell(&mut self.rng, (!is_bare).then_some(relation), &column.name, column.of == Type::Text);
        Both::new(ours, format!("{}.{}", relation.alias, column.plain))
    }

    /// A whole map.
    pub(super) fn spelled_map(&mut self, scope: &Scope, relation: &Relation, map: &Map) -> String {
        let is_bare = scope.owners(&map.name) == 1 && self.chance(0.5);
        if is_bare && map.keys.iter().any(|(key, ..)| scope.owners(&format!("{}.{key}", map.name)) > 1) {
            self.tags.insert("map without a qualifier beside a column like its key");
        }
        spell(&mut self.rng, (!is_bare).then_some(relation), &Name::Own(map.name.clone()), false)
    }

    /// ` where ...`, or nothing.
    pub(super) fn maybe_where(&mut self, scope: &Scope) -> Both {
        if !self.chance(0.6) {
            return Both::default();
        }
        let outside = std::mem::replace(&mut self.in_where, true);
        let condition = match self.rng.random_range(0..10) {
            0..2 => self.subquery_condition(scope),
            2 => {
                let (left, right) = (self.condition(scope), self.condition(scope));
                both!("({} or {})", left, right)
            }
            3 => {
                let (left, right) = (self.condition(scope), self.condition(scope));
                both!("{} and not ({})", left, right)
            }
            _ => self.condition(scope),
        };
        self.in_where = outside;
        both!(" where {}", condition)
    }

    pub(super) fn condition(&mut self, scope: &Scope) -> Both {
        let joined = if self.chance(0.4) { scope.merged.first() } else { None };
        let (value, of) = match joined {
            Some(joined) => self.reference(scope, |column| column.name.text() == *joined),
            None => self.reference(scope, |_| true),
        };
        self.compared(&value, of)
    }

    pub(super) fn compared(&mut self, value: &Both, of: Type) -> Both {
        let condition = if self.chance(0.4) {
            self.one(&["is null", "is not null"])
        } else if of == Type::Text {
            self.one(&["= 'web'", "<> 'True'", "in ('web', 'db', 'shop')", "> 'db'", "between 'a' and 'd'"])
        } else {
            self.one(&["= 1", "<> 2", "in (1, 2)", "> 0.3", "< 1000", "between 0 and 1"])
        };
        both!("{} {}", value, Both::same(condition))
    }

    /// `exists (...)` or `x in (...)`.
    fn subquery_condition(&mut self, outer: &Scope) -> Both {
        let inner = self.inner(outer);
        let from = inner.relations[0].from.clone();
        if self.chance(0.3) {
            let (value, of) = self.reference(&inner, |_| true);
            let (left, found) = self.reference(outer, |column| column.of == of);
            if found == of {
                self.tags.insert("in subquery");
                return both!("{} in (select {} from {})", left, value, from);
            }
        }
        let Some(condition) = self.correlated(&inner, outer) else { return self.condition(outer) };
        self.tags.insert("exists");
        let also = if self.chance(0.5) { both!(" and {}", self.condition(&inner)) } else { Both::default() };
        let not = Both::same(self.one(&["", "", "not "]));
        both!("{}exists (select 1 from {} where {}{})", not, from, condition, also)
    }

    /// `(select max(labels.app) from pods p where p.name = r.name)`.
    pub(super) fn scalar_subquery(&mut self, outer: &Scope) -> Option<(Both, Type)> {
        let inner = self.inner(outer);
        let (value, of) = self.reference(&inner, |_| true);
        let condition = self.correlated(&inner, outer)?;
        self.tags.insert("correlated scalar");
        let function = self.one(&["max", "min", "count"]);
        let from = inner.relations[0].from.clone();
        let of = if function == "count" { Type::Integer } else { of };
        Some((both!("(select {}({}) from {} where {})", Both::same(function), value, from, condition), of))
    }

    /// What a subquery reads from, under a name that the outer query does not have.
    fn inner(&mut self, outer: &Scope) -> Scope {
        if self.chance(0.25) {
            return Scope::of(self.derived(0));
        }
        Scope::of(self.table(&outer.relations))
    }

    /// An equation of a column of the inner and one of the outer query.
    fn correlated(&mut self, inner: &Scope, outer: &Scope) -> Option<Both> {
        let (left, of) = self.reference(inner, |_| true);
        let (relation, column) = self.pick(outer, |column| column.of == of);
        if column.of != of {
            return None;
        }
        let right = self.spelled_outer(inner, outer, &relation, &column);
        Some(both!("{} = {}", left, right))
    }
}
