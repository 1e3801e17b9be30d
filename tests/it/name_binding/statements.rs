//! Generated statements, each written twice: with every spelling of keys, and with plain columns.

use std::collections::BTreeSet;

use rand::Rng;
use rand::seq::IndexedRandom;

use super::generator::{Generator, Scope};
use super::objects::{TABLES, Type};
use super::relations::{Both, Column, Relation, Star, both, spell};

/// A statement, and what its answer must be.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) text: Both,
    /// The name of each column, where it is known.
    pub(super) names: Vec<Option<String>>,
    /// The columns that SQLite shows as well.
    pub(super) shown: Vec<usize>,
    /// Whether the order of the rows is settled.
    pub(super) ordered: bool,
    /// What is in it.
    pub(super) tags: BTreeSet<&'static str>,
}

/// A column of a select list.
struct Item {
    text: Both,
    name: Option<String>,
}

fn texts(items: &[Item]) -> Both {
    Both::join(&items.iter().map(|item| item.text.clone()).collect::<Vec<_>>(), ", ")
}

fn statement(text: Both, items: &[Item], ordered: bool) -> Statement {
    let names: Vec<_> = items.iter().map(|item| item.name.clone()).collect();
    let mut tags = BTreeSet::new();
    let is_respelled = |one: &Both, other: &Both| one.plain == other.plain && one.ours != other.ours;
    if items.iter().any(|one| items.iter().any(|other| is_respelled(&one.text, &other.text))) {
        tags.insert("one expression in several spellings");
    }
    Statement { text, shown: (0..names.len()).collect(), names, ordered, tags }
}

/// The columns of `r.*`.
fn star_of(relation: &Relation) -> Star {
    let plain = |plain: &Option<String>| plain.as_ref().map(|plain| format!("{}.{plain}", relation.alias));
    relation.star.iter().map(|(name, column)| (name.clone(), plain(column))).collect()
}

impl Generator {
    pub(super) fn statement(&mut self) -> Statement {
        self.begin();
        let mut statement = match self.rng.random_range(0..100) {
            0..45 => self.rows(),
            45..65 => self.groups(),
            65..82 => self.star(),
            82..92 => self.set_operation(),
            92..97 => self.ambiguous(),
            _ => self.unknown(),
        };
        if !self.with.is_empty() {
            let with: Vec<Both> = self.with.iter().map(|(text, _)| text.clone()).collect();
            statement.text = both!("with {} {}", Both::join(&with, ", "), statement.text);
        }
        statement.tags.append(&mut self.tags);
        statement
    }

    fn rows(&mut self) -> Statement {
        let (scope, from) = self.from(2);
        let items: Vec<Item> = (0..self.rng.random_range(1..=4)).map(|_| self.item(&scope)).collect();
        let condition = self.maybe_where(&scope);
        let distinct = self.chance(0.1);
        let select = Both::same(if distinct { "select distinct" } else { "select" });
        let mut text = both!("{} {} from {}{}", select, texts(&items), from, condition);
        let ordered = self.chance(0.4);
        if ordered {
            // All columns are in the order, so that rows which it leaves open are equal.
            let mut by: Vec<Both> = (1..=items.len()).map(|at| Both::same(format!("{at} nulls first"))).collect();
            if !distinct && self.chance(0.7) {
                self.tags.insert("order by");
                let (relation, column) = self.pick(&scope, |_| true);
                let name = column.name.text();
                // Without a qualifier, a name in ORDER BY is first looked for in the select list.
                let key = if items.iter().any(|item| item.name.as_ref() == Some(&name)) {
                    self.tags.insert("order by a column with a name of the select list");
                    let ours = spell(&mut self.rng, Some(&relation), &column.name, column.of == Type::Text);
                    Both::new(ours, format!("{}.{}", relation.alias, column.plain))
                } else {
                    self.spelled(&scope, &relation, &column)
                };
                by.insert(0, both!("{} {}", key, Both::same(self.one(&["nulls first", "desc nulls last"]))));
            }
            let limit = Both::same(self.one(&["", "", " limit 7"]));
            text = both!("{} order by {}{}", text, Both::join(&by, ", "), limit);
        }
        statement(text, &items, ordered)
    }

    fn item(&mut self, scope: &Scope) -> Item {
        let (relation, column) = self.pick(scope, |_| true);
        let (text, of) = (self.spelled(scope, &relation, &column), column.of);
        let own = Some(column.name.text());
        match self.rng.random_range(0..10) {
            0..5 => Item { text, name: own },
            5 => {
                let like = ["labels.app", "requests.cpu", "ready.status", "labels"];
                let alias = if self.chance(0.3) { self.one(&like).to_owned() } else { self.fresh("x") };
                Item { text: both!("{} as {}", text, Both::same(format!("\"{alias}\""))), name: Some(alias) }
            }
            6 => {
                let (other, found) = self.reference(scope, |other| other.of == of);
                let when = if found == of { both!("{} = {}", text, other) } else { both!("{} is null", other) };
                Item { text: both!("case when {} then 1 when {} is null then 2 else 3 end", when, text), name: None }
            }
            7 if of == Type::Text => Item { text: both!("upper(coalesce({}, 'none'))", text), name: None },
            7 => Item { text: both!("{} * 2", text), name: None },
            8 => {
                self.tags.insert("window");
                let (by, _) = self.reference(scope, |_| true);
                Item { text: both!("max({}) over (partition by {})", text, by), name: None }
            }
            _ => match self.scalar_subquery(scope) {
                Some((text, _)) => Item { text, name: None },
                None => Item { text, name: own },
            },
        }
    }

    fn groups(&mut self) -> Statement {
        let (scope, from) = self.from(2);
        self.tags.insert("group by");
        let keys: Vec<(Relation, Column)> =
            (0..self.rng.random_range(0..=2)).map(|_| self.pick(&scope, |_| true)).collect();
        // The list spells them in other ways.
        let by: Vec<Both> = keys.iter().map(|(relation, column)| self.spelled(&scope, relation, column)).collect();
        let mut items = Vec::new();
        for (relation, column) in &keys {
            items.push(Item { text: self.spelled(&scope, relation, column), name: Some(column.name.text()) });
        }
        items.extend([self.aggregate(&scope).0, self.aggregate(&scope).0].map(|text| Item { text, name: None }));
        let condition = self.maybe_where(&scope);
        let mut text = both!("select {} from {}{}", texts(&items), from, condition);
        if !by.is_empty() {
            text = both!("{} group by {}", text, Both::join(&by, ", "));
        }
        if self.chance(0.4) {
            self.tags.insert("having");
            let (value, of) = match keys.first() {
                Some((relation, column)) if self.chance(0.5) => (self.spelled(&scope, relation, column), column.of),
                _ => self.aggregate(&scope),
            };
            text = both!("{} having {}", text, self.compared(&value, of));
        }
        let ordered = self.chance(0.4);
        if ordered {
            let mut by: Vec<Both> = (1..=items.len()).map(|at| Both::same(format!("{at} nulls first"))).collect();
            if let Some((relation, column)) = keys.first() {
                by.insert(0, both!("{} desc nulls last", self.spelled(&scope, relation, column)));
            }
            text = both!("{} order by {}", text, Both::join(&by, ", "));
        }
        statement(text, &items, ordered)
    }

    pub(super) fn aggregate(&mut self, scope: &Scope) -> (Both, Type) {
        let (value, of) = self.reference(scope, |_| true);
        match self.rng.random_range(0..7) {
            0 => (both!("count({})", value), Type::Integer),
            1 => (both!("count(distinct {})", value), Type::Integer),
            2 => (both!("count(*) filter (where {})", self.condition(scope)), Type::Integer),
            3 => (both!("min({})", value), of),
            4 => (both!("max({})", value), of),
            _ => {
                let (value, of) = self.reference(scope, |column| column.of != Type::Text);
                (if of == Type::Text { both!("max({})", value) } else { both!("sum({})", value) }, of)
            }
        }
    }

    /// `*`, with conditions on columns that it does not show.
    fn star(&mut self) -> Statement {
        self.tags.insert("star");
        let (scope, from) = self.from(2);
        let condition = self.maybe_where(&scope);
        // Which columns of two relations become one is not the matter here.
        let is_bare = scope.merged.is_empty() && self.chance(0.5);
        let (mut ours, star) = if is_bare {
            ("*".to_owned(), scope.relations.iter().flat_map(star_of).collect())
        } else {
            let relation = scope.relations.choose(&mut self.rng).expect("a relation");
            (format!("{}.*", relation.alias), star_of(relation))
        };
        let (mut names, mut plain, mut shown) = (Vec::new(), Vec::new(), Vec::new());
        for (at, (name, column)) in Star::into_iter(star).enumerate() {
            names.push(Some(name));
            if let Some(column) = column {
                plain.push(column);
                shown.push(at);
            }
        }
        if self.chance(0.3) {
            self.tags.insert("star and more");
            let (relation, column) = self.pick(&scope, |_| true);
            let text = self.spelled(&scope, &relation, &column);
            ours = format!("{ours}, {}", text.ours);
            plain.push(text.plain);
            shown.push(names.len());
            names.push(Some(column.name.text()));
        }
        let list = Both::new(ours, plain.join(", "));
        let text = both!("select {} from {}{}", list, from, condition);
        Statement { text, names, shown, ordered: false, tags: BTreeSet::new() }
    }

    fn set_operation(&mut self) -> Statement {
        self.tags.insert("set operation");
        let operator = self.one(&["union all", "union", "except", "intersect"]);
        let types: Vec<Type> =
            (0..self.rng.random_range(1..=3)).map(|_| self.one(&[Type::Text, Type::Text, Type::Integer])).collect();
        let mut sides = Vec::new();
        for side in 0..2 {
            let (scope, from) = self.from(1);
            let mut items = Vec::new();
            for &of in &types {
                let (relation, column) = self.pick(&scope, |column| column.of == of);
                let spelled = self.spelled(&scope, &relation, &column);
                // A relation may have no column of the type.
                let name = (side == 0 && column.of == of).then(|| column.name.text());
                let text = match of {
                    _ if column.of == of => spelled,
                    Type::Text => Both::same("'none'"),
                    _ => Both::same("7"),
                };
                items.push(Item { text, name });
            }
            let condition = self.maybe_where(&scope);
            sides.push((both!("select {} from {}{}", texts(&items), from, condition), items));
        }
        let text = both!("{} {} {}", sides[0].0, Both::same(operator), sides[1].0);
        statement(text, &sides[0].1, false)
    }

    /// A name that two relations have: an error.
    fn ambiguous(&mut self) -> Statement {
        self.tags.insert("ambiguous");
        let pair = self.one(&[["pods", "services"], ["nodes", "pods"], ["pods", "pods"]]);
        let table = |name| TABLES.iter().find(|table| table.name == name).expect("a table");
        let [one, other] = pair.map(|name| Relation::of_table(table(name), Some(self.fresh("r")), Star::new()));
        let shared: Vec<Column> =
            one.values().into_iter().filter(|column| other.resolves(&column.name.text())).collect();
        let column = shared.choose(&mut self.rng).expect("a column that both have");
        let name = Both::new(spell(&mut self.rng, None, &column.name, column.of == Type::Text), &column.plain);
        let on = Both::same(format!("{}.uid = {}.uid", one.alias, other.alias));
        let from = both!("{} join {} on {}", one.from, other.from, on);
        let text = if self.chance(0.5) {
            both!("select {} from {}", name, from)
        } else {
            both!("select 1 from {} where {} is null", from, name)
        };
        statement(text, &[], false)
    }

    /// A key of a map that a subquery does not select: an error.
    fn unknown(&mut self) -> Statement {
        self.tags.insert("unknown");
        let alias = self.fresh("r");
        let from = Both::same(format!("(select pods.name from pods) {alias}"));
        let spelled = self.one(&["labels.app", "\"labels.app\"", "labels['app']", "ready.status", "labels"]);
        let qualifier = if self.chance(0.5) { format!("{alias}.") } else { String::new() };
        let name = Both::new(format!("{qualifier}{spelled}"), "no_such_column");
        statement(both!("select {} from {}", name, from), &[], false)
    }
}
