//! Random statements over pods and containers: expressions of all types in all clauses.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

/// Types of expressions. A decimal fraction comes from arithmetic with numeric literals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Integer,
    Float,
    Text,
    Boolean,
    Time,
    Interval,
}

const ALL: &[Type] = &[Type::Integer, Type::Float, Type::Text, Type::Boolean, Type::Time, Type::Interval];

/// A table, and its columns by type.
struct Table {
    name: &'static str,
    key: &'static str,
    integers: &'static [&'static str],
    floats: &'static [&'static str],
    texts: &'static [&'static str],
    booleans: &'static [&'static str],
    times: &'static [&'static str],
}

const TABLES: &[Table] = &[
    Table {
        name: "pods",
        key: "name",
        integers: &["priority", "generation", "activedeadlineseconds"],
        floats: &[],
        texts: &["name", "namespace", "phase", "nodename"],
        booleans: &["hostnetwork"],
        times: &["creationtimestamp", "starttime"],
    },
    Table {
        name: "containers",
        key: "uid, name",
        integers: &["restartcount", "\"requests.memory\""],
        floats: &["\"requests.cpu\""],
        texts: &["name", "namespace", "pod", "image"],
        booleans: &["ready", "privileged"],
        times: &[],
    },
];

const TEXTS: &[&str] = &["''", "'Running'", "'a'", "'pod-07'", "'nginx:1.2'", "'kube-system'"];
const PATTERNS: &[&str] = &["'%'", "'R%'", "'%1%'", "'_o%'", "'pod-__'", "'%ing'", "'a\\%'"];
const REGEXES: &[&str] = &["'^pod'", "'[0-9]$'", "'ing'", "'(a|e)'"];
const TIMES: &[&str] =
    &["timestamptz '2026-06-15 12:00:00+00'", "timestamptz '2026-03-01'", "timestamptz '2026-12-31 23:59:59Z'"];
const INTERVALS: &[&str] = &["interval '1 day'", "interval '36 hours'", "interval '2 months'", "interval '90 minutes'"];
const UNITS: &[&str] = &["'hour'", "'day'", "'week'", "'month'", "'quarter'", "'year'"];

pub(super) struct Generator {
    rng: StdRng,
    table: &'static Table,
}

impl Generator {
    pub(super) fn new(seed: u64) -> Self {
        Self { rng: StdRng::seed_from_u64(seed), table: &TABLES[0] }
    }

    /// A statement of one of several forms.
    pub(super) fn statement(&mut self) -> String {
        self.table = TABLES.choose(&mut self.rng).expect("a table");
        let Table { name, key, .. } = self.table;
        match self.rng.random_range(0..12) {
            0..=2 => format!("select {} from {name} where {} order by {key}", self.list(), self.boolean(3)),
            3 => format!("select {key}, {} from {name} order by {} desc, {key}", self.list(), self.text(2)),
            4 => format!("select distinct {} from {name}", self.list()),
            5 => format!("select {} from {name} where {}", self.aggregates(), self.boolean(2)),
            6 | 7 => {
                let group = self.any(2);
                let having = if self.rng.random_bool(0.5) {
                    format!(" having {}", self.condition_of_groups())
                } else {
                    String::new()
                };
                format!(
                    "select {group} as g, {} from {name} group by 1{having} order by 1 nulls first",
                    self.aggregates()
                )
            }
            8 => format!("select {key}, {} from {name} order by {key}", self.window()),
            9 => {
                let of = *[Type::Text, Type::Boolean].choose(&mut self.rng).expect("a type");
                let all = ["union", "union all", "intersect", "except"];
                let operator = all.choose(&mut self.rng).expect("one");
                format!("select {} from {name} {operator} select {} from {name}", self.of(of, 2), self.of(of, 2))
            }
            10 => {
                let (limit, offset) = (self.rng.random_range(0..8), self.rng.random_range(0..5));
                format!("select {key}, {} from {name} order by {key} desc limit {limit} offset {offset}", self.list())
            }
            _ => format!(
                "select {} from (select {} as x, {} as y from {name}) t where x",
                "count(*), max(y)",
                self.boolean(2),
                self.text(2)
            ),
        }
    }

    fn list(&mut self) -> String {
        let count = self.rng.random_range(1..4);
        (0..count).map(|_| self.any(3)).collect::<Vec<_>>().join(", ")
    }

    fn some_type(&mut self) -> Type {
        loop {
            let of = *ALL.choose(&mut self.rng).expect("a type");
            if self.has(of) {
                return of;
            }
        }
    }

    /// Whether the table has columns for expressions of this type.
    fn has(&self, of: Type) -> bool {
        match of {
            Type::Float => !self.table.floats.is_empty(),
            Type::Time | Type::Interval => !self.table.times.is_empty(),
            _ => true,
        }
    }

    fn any(&mut self, depth: u32) -> String {
        let of = self.some_type();
        self.of(of, depth)
    }

    fn of(&mut self, of: Type, depth: u32) -> String {
        match of {
            Type::Integer => self.integer(depth),
            Type::Float => self.float(depth),
            Type::Text => self.text(depth),
            Type::Boolean => self.boolean(depth),
            Type::Time => self.time(depth),
            Type::Interval => self.interval(depth),
        }
    }

    fn pick(&mut self, of: &[&str]) -> String {
        (*of.choose(&mut self.rng).expect("one")).to_owned()
    }

    /// `CASE`, `coalesce` and `nullif`, which all types have.
    fn common(&mut self, of: Type, depth: u32) -> String {
        match self.rng.random_range(0..4) {
            0 => {
                format!("case when {} then {} else {} end", self.boolean(depth), self.of(of, depth), self.of(of, depth))
            }
            1 => format!("case when {} then {} end", self.boolean(depth), self.of(of, depth)),
            2 => format!("coalesce({}, {})", self.of(of, depth), self.of(of, depth)),
            _ => format!("nullif({}, {})", self.of(of, depth), self.of(of, depth)),
        }
    }

    fn integer(&mut self, depth: u32) -> String {
        let Some(depth) = depth.checked_sub(1) else {
            return if self.rng.random_bool(0.7) {
                self.pick(self.table.integers)
            } else {
                self.rng.random_range(0..10).to_string()
            };
        };
        match self.rng.random_range(0..9) {
            0 => self.common(Type::Integer, depth),
            1 => format!("({} + {})::bigint", self.integer(depth), self.integer(depth)),
            2 => format!("({} - {})::bigint", self.integer(depth), self.integer(depth)),
            3 => format!("({} / {})::bigint", self.integer(depth), self.rng.random_range(1..9)),
            4 => format!("({} % {})::bigint", self.integer(depth), self.rng.random_range(1..9)),
            5 => format!("length({})", self.text(depth)),
            6 => format!("abs({})", self.integer(depth)),
            7 => format!("strpos({}, {})", self.text(depth), self.pick(TEXTS)),
            _ => self.integer(0),
        }
    }

    fn float(&mut self, depth: u32) -> String {
        let Some(depth) = depth.checked_sub(1) else { return self.pick(self.table.floats) };
        match self.rng.random_range(0..7) {
            0 => self.common(Type::Float, depth),
            1 => format!("({} * {})", self.float(depth), self.rng.random_range(1..5)),
            2 => format!("({} + {}::float8)", self.float(depth), self.integer(depth)),
            3 => format!("({} / 2)", self.float(depth)),
            4 => format!("round({})", self.float(depth)),
            5 => format!("abs(- {})", self.float(depth)),
            _ => self.float(0),
        }
    }

    fn text(&mut self, depth: u32) -> String {
        let Some(depth) = depth.checked_sub(1) else {
            return if self.rng.random_bool(0.8) {
                self.pick(self.table.texts)
            } else {
                format!("{}::text", self.pick(TEXTS))
            };
        };
        match self.rng.random_range(0..13) {
            0 => self.common(Type::Text, depth),
            1 => format!("upper({})", self.text(depth)),
            2 => format!("left({}, {})", self.text(depth), self.rng.random_range(-3..6)),
            3 => format!("({} || {})", self.text(depth), self.text(depth)),
            4 => format!("concat({}, '-', {})", self.text(depth), self.integer(depth)),
            5 => format!("replace({}, {}, 'x')", self.text(depth), self.pick(TEXTS)),
            6 => format!("split_part({}, '-', {})", self.text(depth), self.rng.random_range(1..4)),
            7 => format!(
                "substring({} from {} for {})",
                self.text(depth),
                self.rng.random_range(-2..5),
                self.rng.random_range(0..5)
            ),
            8 => format!("{}::text", self.integer(depth)),
            9 => format!("lpad({}, {}, '*')", self.text(depth), self.rng.random_range(0..12)),
            10 => format!("regexp_replace({}, {}, '+', 'g')", self.text(depth), self.pick(REGEXES)),
            11 => format!("reverse(trim({}))", self.text(depth)),
            _ => self.text(0),
        }
    }

    /// A condition in parentheses: PostgreSQL and sqlparser differ in the precedence of `IS`, `LIKE` and `~`.
    fn boolean(&mut self, depth: u32) -> String {
        format!("({})", self.condition(depth))
    }

    fn condition(&mut self, depth: u32) -> String {
        let Some(depth) = depth.checked_sub(1) else { return self.pick(self.table.booleans) };
        match self.rng.random_range(0..17) {
            0 => self.common(Type::Boolean, depth),
            1 => format!("({} and {})", self.boolean(depth), self.boolean(depth)),
            2 => format!("({} or {})", self.boolean(depth), self.boolean(depth)),
            3 => format!("not ({})", self.boolean(depth)),
            4..=6 => {
                let of = self.some_type();
                let operator =
                    self.pick(&["=", "<>", "<", "<=", ">", ">=", "is distinct from", "is not distinct from"]);
                format!("({} {operator} {})", self.of(of, depth), self.of(of, depth))
            }
            7 => format!("({}) is {}null", self.any(depth), self.pick(&["", "not "])),
            8 => format!(
                "({}) is {}",
                self.boolean(depth),
                self.pick(&["true", "false", "unknown", "not true", "not false"])
            ),
            9 => format!("{} {}in ({}, 7, 0)", self.integer(depth), self.pick(&["", "not "]), self.integer(0)),
            10 => {
                format!("{} {}in ('Running', {}, null)", self.text(depth), self.pick(&["", "not "]), self.pick(TEXTS))
            }
            11 => format!("{} {}like {}", self.text(depth), self.pick(&["", "not "]), self.pick(PATTERNS)),
            12 => format!(
                "{} {}between {} and {}",
                self.integer(depth),
                self.pick(&["", "not "]),
                self.integer(0),
                self.integer(0)
            ),
            13 => format!("{} {} {}", self.text(depth), self.pick(&["~", "!~", "~*", "!~*"]), self.pick(REGEXES)),
            14 => {
                let column = self.pick(&["phase", "namespace"]);
                let column = if self.table.name == "pods" { column } else { "name".to_owned() };
                let operator = self.pick(&["and", "or"]);
                let (some, others) = (self.pick(&["", "not "]), self.pick(&["", "not "]));
                format!("not ({column} {some}in ('Running', 'c1') {operator} {column} {others}in ('Pending', 'shop'))")
            }
            15 => format!(
                "{} {}similar to {}",
                self.text(depth),
                self.pick(&["", "not "]),
                self.pick(&["'%o%'", "'(R|P)%'", "'pod-[0-9]{2}'", "'_+'"])
            ),
            _ => self.boolean(0),
        }
    }

    fn time(&mut self, depth: u32) -> String {
        let Some(depth) = depth.checked_sub(1) else {
            return if self.rng.random_bool(0.7) { self.pick(self.table.times) } else { self.pick(TIMES) };
        };
        match self.rng.random_range(0..5) {
            0 => self.common(Type::Time, depth),
            1 => format!("({} + {})", self.time(depth), self.pick(INTERVALS)),
            2 => format!("({} - {})", self.time(depth), self.pick(INTERVALS)),
            3 => format!("date_trunc({}, {})", self.pick(UNITS), self.time(depth)),
            _ => self.time(0),
        }
    }

    fn interval(&mut self, depth: u32) -> String {
        let Some(depth) = depth.checked_sub(1) else { return format!("({} - {})", self.time(0), self.time(0)) };
        match self.rng.random_range(0..3) {
            0 => format!("({} - {})", self.time(depth), self.time(depth)),
            1 => format!("age({}, {})", self.time(depth), self.time(depth)),
            _ => self.pick(INTERVALS),
        }
    }

    fn aggregates(&mut self) -> String {
        let count = self.rng.random_range(1..4);
        (0..count).map(|_| self.aggregate()).collect::<Vec<_>>().join(", ")
    }

    fn aggregate(&mut self) -> String {
        let key = self.table.key;
        match self.rng.random_range(0..9) {
            0 => "count(*)".to_owned(),
            1 => format!("count({})", self.any(2)),
            2 => format!("count(distinct {})", self.any(1)),
            3 => format!("sum({})", self.integer(2)),
            4 => format!("{}({})", self.pick(&["min", "max"]), self.text(2)),
            5 => format!("{}({})", self.pick(&["min", "max"]), self.integer(2)),
            6 => format!("string_agg({}, ',' order by {key})", self.text(1)),
            7 => format!("{}({})", self.pick(&["bool_and", "bool_or"]), self.boolean(2)),
            _ => format!("count(*) filter (where {})", self.boolean(2)),
        }
    }

    fn condition_of_groups(&mut self) -> String {
        match self.rng.random_range(0..3) {
            0 => format!("count(*) > {}", self.rng.random_range(0..5)),
            1 => format!("max({}) is not null", self.text(1)),
            _ => format!("bool_or({})", self.boolean(1)),
        }
    }

    fn window(&mut self) -> String {
        let key = self.table.key;
        let partition =
            if self.rng.random_bool(0.5) { format!("partition by {} ", self.any(1)) } else { String::new() };
        let over = format!("over ({partition}order by {key})");
        match self.rng.random_range(0..7) {
            0 => format!("row_number() {over}"),
            1 => format!("rank() over (order by {})", self.text(1)),
            2 => format!("lag({}) {over}", self.any(2)),
            3 => format!("sum({}) {over}", self.integer(2)),
            4 => format!("count({}) {over}", self.any(1)),
            5 => format!("first_value({}) {over}", self.text(2)),
            _ => format!(
                "max({}) over ({partition}order by {key} rows between {} preceding and {} following)",
                self.integer(2),
                self.rng.random_range(0..3),
                self.rng.random_range(0..3)
            ),
        }
    }
}
