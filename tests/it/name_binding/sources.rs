//! What statements read from: tables, joins, subqueries and common table expressions.

use rand::Rng;
use rand::seq::IndexedRandom;

use super::generator::{Generator, Scope};
use super::objects::{TABLES, Type};
use super::relations::{Both, Column, Map, Name, Relation, Star, both};

/// Names of keys that aliases have.
const LIKE_KEYS: &[&str] = &["labels.app", "requests.cpu", "ready.status", "annotations.example.com/owner"];

/// The select list of a subquery, and what it gives to the query around it.
#[derive(Default)]
struct List {
    items: Vec<Both>,
    columns: Vec<Column>,
    maps: Vec<Map>,
    star: Star,
}

impl List {
    fn has(&self, name: &str) -> bool {
        self.star.iter().any(|(taken, _)| taken == name)
    }

    fn is_text_only(&self) -> bool {
        self.maps.iter().all(|map| !map.quantities)
    }

    /// A column goes before a key of a map that would have the same name. Whether there is one.
    fn settle(&mut self) -> bool {
        let columns = &self.columns;
        let is_taken = |name: &str| columns.iter().any(|column| column.name.text() == name);
        let mut found = false;
        for map in &mut self.maps {
            let count = map.keys.len();
            map.keys.retain(|(key, ..)| !is_taken(&format!("{}.{key}", map.name)));
            found |= map.keys.len() < count;
        }
        found
    }

    fn into_relation(self) -> Relation {
        let List { columns, maps, star, .. } = self;
        let from = Both::default();
        Relation { from, alias: String::new(), bare_table: false, table: None, columns, maps, conditions: false, star }
    }
}

impl Generator {
    /// What a select reads from, with subqueries that deep.
    pub(super) fn from(&mut self, depth: usize) -> (Scope, Both) {
        let first = self.relation(depth, &[]);
        let mut from = first.from.clone();
        let mut scope = Scope::of(first);
        if self.chance(0.4) {
            let second = self.relation(depth, &scope.relations);
            let join = self.one(&["join", "inner join", "left join", "left outer join"]);
            let joined = both!("{} {} {}", from, Both::same(join), second.from);
            scope.relations.push(second);
            from = match self.using(&scope) {
                Some((name, using)) => {
                    scope.merged.push(name);
                    both!("{} using ({})", joined, using)
                }
                None => both!("{} on {}", joined, self.equation(&scope)),
            };
            self.tags.insert(if join.starts_with("left") { "left join" } else { "join" });
        }
        (scope, from)
    }

    /// A name of a column that both tables have, to join by.
    fn using(&mut self, scope: &Scope) -> Option<(String, Both)> {
        if !self.chance(0.3) {
            return None;
        }
        let right = scope.relations[1].values();
        let same = |column: &Column| {
            right.iter().find(|other| other.name == column.name).is_some_and(|other| other.plain == column.plain)
        };
        let shared: Vec<Column> = scope.relations[0].values().into_iter().filter(same).collect();
        let column = shared.choose(&mut self.rng)?;
        let name = column.name.text();
        let words = name.split('.').all(|word| word.chars().all(|c| c.is_ascii_lowercase()));
        let ours = if words && self.chance(0.5) { name.clone() } else { format!("\"{name}\"") };
        self.tags.insert("using");
        Some((name, Both::new(ours, &column.plain)))
    }

    /// `p.labels.app = s."selector.app"`.
    fn equation(&mut self, scope: &Scope) -> Both {
        let (left, right) = (scope.relations[0].clone(), scope.relations[1].clone());
        let (left, right) = (Scope::of(left), Scope::of(right));
        let (relation, column) = self.pick(&left, |_| true);
        let (other, with) = self.pick(&right, |with| with.of == column.of);
        let one = self.spelled(scope, &relation, &column);
        if with.of != column.of {
            return both!("{} is not null", one);
        }
        both!("{} = {}", one, self.spelled(scope, &other, &with))
    }

    fn relation(&mut self, depth: usize, beside: &[Relation]) -> Relation {
        if self.chance(0.1)
            && let Some((_, known)) = self.with.choose(&mut self.rng)
        {
            let mut again = known.clone();
            again.alias = self.fresh("r");
            again.from = both!("{} as {}", again.from, Both::same(&again.alias));
            return again;
        }
        if depth > 0 && self.chance(0.6) { self.derived(depth - 1) } else { self.table(beside) }
    }

    /// A table, with an alias where its name is taken.
    pub(super) fn table(&mut self, beside: &[Relation]) -> Relation {
        let table = TABLES.choose(&mut self.rng).expect("a table");
        let taken = beside.iter().any(|relation| relation.alias == table.name);
        let alias = (taken || self.chance(0.6)).then(|| self.fresh("r"));
        let known = Relation::of_table(table, None, Star::new());
        let plain = |name: &String| {
            let map = known.maps.iter().find(|map| map.name == *name).map(|map| map.plain.clone());
            map.or_else(|| known.values().into_iter().find(|column| column.name.text() == *name).map(|of| of.plain))
        };
        let star = self.stars[table.name].iter().map(|name| (name.clone(), plain(name))).collect();
        Relation::of_table(table, alias, star)
    }

    /// A subquery or a common table expression.
    pub(super) fn derived(&mut self, depth: usize) -> Relation {
        let (text, mut relation) = match self.rng.random_range(0..10) {
            0..3 => self.derived_star(depth),
            3..7 => self.derived_list(depth),
            7 => self.derived_groups(depth),
            _ => self.derived_union(),
        };
        (relation.bare_table, relation.table) = (false, None);
        let columns = self.column_list(&mut relation);
        if self.chance(0.35) {
            self.tags.insert("cte");
            let name = self.fresh("c");
            relation.from = Both::same(&name);
            relation.alias.clone_from(&name);
            self.with.push((both!("{}{} as ({})", Both::same(&name), columns, text), relation.clone()));
            if self.chance(0.5) {
                relation.alias = self.fresh("r");
                relation.from = Both::same(format!("{name} as {}", relation.alias));
            }
        } else {
            self.tags.insert("derived table");
            relation.alias = self.fresh("r");
            let alias = both!("{}{}", Both::same(&relation.alias), columns);
            relation.from = if self.chance(0.1) {
                // SQLite allows no query in parentheses there.
                Both::new(format!("(({})) {}", text.ours, alias.ours), format!("({}) {}", text.plain, alias.plain))
            } else {
                both!("({}) as {}", text, alias)
            };
        }
        relation
    }

    /// ` (a1, a2)`, which names the columns of a subquery anew, or nothing.
    fn column_list(&mut self, relation: &mut Relation) -> Both {
        // All columns have to be known.
        if relation.star.iter().any(|(_, plain)| plain.is_none()) || !self.chance(0.12) {
            return Both::default();
        }
        self.tags.insert(if relation.maps.is_empty() { "column list" } else { "column list with maps" });
        let mut names = Vec::new();
        for (name, plain) in &mut relation.star {
            *name = self.fresh("a");
            names.push(name.clone());
            for column in relation.columns.iter_mut().filter(|column| Some(&column.plain) == plain.as_ref()) {
                column.name = Name::Own(name.clone());
            }
            for map in relation.maps.iter_mut().filter(|map| Some(&map.plain) == plain.as_ref()) {
                map.name.clone_from(name);
            }
        }
        Both::new(format!(" ({})", names.join(", ")), "")
    }

    /// `select * from ...`.
    fn derived_star(&mut self, depth: usize) -> (Both, Relation) {
        self.tags.insert("derived star");
        let relation = self.relation(depth, &[]);
        let scope = Scope::of(relation.clone());
        let condition = self.maybe_where(&scope);
        let star = Both::same(if self.chance(0.3) { format!("{}.*", relation.alias) } else { "*".to_owned() });
        (both!("select {} from {}{}", star, relation.from, condition), relation)
    }

    /// `select labels, name, ... from ...`.
    fn derived_list(&mut self, depth: usize) -> (Both, Relation) {
        let (scope, from) = self.from(depth);
        let mut list = self.list(&scope);
        if list.settle() {
            self.tags.insert("key beside its map");
        }
        let condition = self.maybe_where(&scope);
        let distinct = self.chance(0.1) && list.is_text_only();
        if distinct {
            self.tags.insert("derived distinct");
        }
        let select = Both::same(if distinct { "select distinct" } else { "select" });
        let text = both!("{} {} from {}{}", select, Both::join(&list.items, ", "), from, condition);
        (text, list.into_relation())
    }

    fn list(&mut self, scope: &Scope) -> List {
        let mut list = List::default();
        for relation in &scope.relations {
            for map in &relation.maps {
                if self.chance(0.5) {
                    let spelled = self.spelled_map(scope, relation, map);
                    self.add_map(&mut list, relation, map, spelled);
                }
            }
        }
        for _ in 0..self.rng.random_range(0..4) {
            let (relation, column) = self.pick(scope, |_| true);
            let text = self.spelled(scope, &relation, &column);
            self.add(&mut list, &column.name.text(), text, column.of);
        }
        if self.chance(0.3) {
            self.tags.insert("key-like alias");
            let (text, of) = self.reference(scope, |column| column.of == Type::Text);
            let text = if of == Type::Text { both!("lower({})", text) } else { both!("{} + 1", text) };
            let alias = self.one(LIKE_KEYS);
            self.add_aliased(&mut list, alias, &text, of);
        }
        if list.items.is_empty() {
            let (text, of) = self.reference(scope, |_| true);
            let alias = self.fresh("x");
            self.add_aliased(&mut list, &alias, &text, of);
        }
        list
    }

    /// A map, under its own name where that is free.
    fn add_map(&mut self, list: &mut List, relation: &Relation, map: &Map, spelled: String) {
        let own = !list.has(&map.name) && self.chance(0.8);
        let name = if own { map.name.clone() } else { self.fresh("m") };
        self.tags.insert(if own { "selected map" } else { "renamed map" });
        let ours = if own { spelled } else { format!("{spelled} as {name}") };
        let plain = self.fresh("v");
        let key = |at: usize, (key, _, of): &(String, String, Type)| (key.clone(), format!("{plain}_{at}"), *of);
        let keys: Vec<_> = map.keys.iter().enumerate().map(|(at, of)| key(at, of)).collect();
        let mut columns = vec![format!("{}.{} as {plain}", relation.alias, map.plain)];
        columns
            .extend(map.keys.iter().zip(&keys).map(|(from, to)| format!("{}.{} as {}", relation.alias, from.1, to.1)));
        list.items.push(Both::new(ours, columns.join(", ")));
        list.star.push((name.clone(), Some(plain.clone())));
        list.maps.push(Map { name, plain, quantities: map.quantities, keys });
    }

    /// A column, under its own name where that is free.
    fn add(&mut self, list: &mut List, name: &str, text: Both, of: Type) {
        if list.has(name) || self.chance(0.3) {
            let alias = self.fresh("x");
            return self.add_aliased(list, &alias, &text, of);
        }
        if name.contains('.') {
            self.tags.insert("selected key");
        }
        let plain = self.fresh("v");
        list.items.push(Both::new(text.ours, format!("{} as {plain}", text.plain)));
        list.star.push((name.to_owned(), Some(plain.clone())));
        list.columns.push(Column { name: Name::Own(name.to_owned()), plain, of });
    }

    fn add_aliased(&mut self, list: &mut List, alias: &str, text: &Both, of: Type) {
        if list.has(alias) {
            return;
        }
        let plain = self.fresh("v");
        list.items.push(both!("{} as {}", text, Both::new(format!("\"{alias}\""), &plain)));
        list.star.push((alias.to_owned(), Some(plain.clone())));
        list.columns.push(Column { name: Name::Own(alias.to_owned()), plain, of });
    }

    /// `select labels.app, sum(...) as "requests.cpu" from ... group by labels['app']`.
    fn derived_groups(&mut self, depth: usize) -> (Both, Relation) {
        let (scope, from) = self.from(depth);
        self.tags.insert("derived group by");
        let mut list = List::default();
        let mut by = Vec::new();
        for _ in 0..=self.rng.random_range(0..2) {
            let (relation, column) = self.pick(&scope, |_| true);
            if !list.has(&column.name.text()) {
                let text = self.spelled(&scope, &relation, &column);
                self.add(&mut list, &column.name.text(), text, column.of);
                by.push(self.spelled(&scope, &relation, &column));
            }
        }
        let alias = if self.chance(0.5) { self.one(LIKE_KEYS).to_owned() } else { self.fresh("x") };
        if alias.contains('.') {
            self.tags.insert("key-like alias");
        }
        let (text, of) = self.aggregate(&scope);
        self.add_aliased(&mut list, &alias, &text, of);
        let condition = self.maybe_where(&scope);
        let (items, by) = (Both::join(&list.items, ", "), Both::join(&by, ", "));
        (both!("select {} from {}{} group by {}", items, from, condition, by), list.into_relation())
    }

    /// Maps and columns of two tables, one under the other.
    fn derived_union(&mut self) -> (Both, Relation) {
        self.tags.insert("derived union");
        let with_labels = |name: &str| TABLES.iter().find(|table| table.name == name).expect("a table");
        let [first, second] = self.one(&[["pods", "services"], ["services", "nodes"], ["nodes", "pods"]]);
        let (maps, key) = (self.rng.random_range(1..=2), self.chance(0.5));
        let mut lists = Vec::new();
        for (at, table) in [first, second].into_iter().enumerate() {
            let relation = Relation::of_table(with_labels(table), Some(self.fresh("r")), Star::new());
            let scope = Scope::of(relation.clone());
            let mut list = List::default();
            for number in 0..maps {
                let map = &relation.maps[if at == 1 && maps == 1 { 1 } else { number }];
                let spelled = self.spelled_map(&scope, &relation, map);
                self.add_map(&mut list, &relation, map, spelled);
            }
            let name = relation.columns.iter().find(|column| column.name.text() == "name").expect("a name").clone();
            let text = self.spelled(&scope, &relation, &name);
            self.add(&mut list, "name", text, Type::Text);
            if key {
                let (text, _) = self.reference(&scope, |column| column.of == Type::Text);
                let alias = self.fresh("x");
                self.add_aliased(&mut list, &alias, &text, Type::Text);
            }
            let condition = self.maybe_where(&scope);
            let items = Both::join(&list.items, ", ");
            lists.push((both!("select {} from {}{}", items, relation.from, condition), list));
        }
        let second = lists.remove(1).0;
        let (first, list) = lists.remove(0);
        (both!("{} union all {}", first, second), list.into_relation())
    }
}
