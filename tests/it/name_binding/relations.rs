//! What a generated statement reads from, the columns that it can name of it, and how it can spell their names.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::objects::{self, Table, Type};

/// A part of a statement, as kubesql and as SQLite get it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Both {
    pub(super) ours: String,
    pub(super) plain: String,
}

impl Both {
    pub(super) fn new(ours: impl Into<String>, plain: impl Into<String>) -> Self {
        Self { ours: ours.into(), plain: plain.into() }
    }

    /// The same text on both sides.
    pub(super) fn same(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { ours: text.clone(), plain: text }
    }

    /// Replaces each `{}` by the next of the parts.
    pub(super) fn fill<const N: usize>(format: &str, parts: [Self; N]) -> Self {
        let pieces: Vec<&str> = format.split("{}").collect();
        assert_eq!(pieces.len(), parts.len() + 1, "{format}");
        let side = |of: fn(&Self) -> &str| {
            let parts = parts.iter().map(of).chain([""]);
            pieces.iter().zip(parts).flat_map(|(piece, part)| [*piece, part]).collect()
        };
        Self { ours: side(|part| &part.ours), plain: side(|part| &part.plain) }
    }

    pub(super) fn join(parts: &[Self], separator: &str) -> Self {
        let side = |of: fn(&Self) -> &str| parts.iter().map(of).collect::<Vec<_>>().join(separator);
        Self { ours: side(|part| &part.ours), plain: side(|part| &part.plain) }
    }
}

/// A format string with `{}` for each of the parts, which are [`Both`].
macro_rules! both {
    ($format:literal $(, $part:expr)* $(,)?) => {
        $crate::name_binding::relations::Both::fill($format, [$($part.clone()),*])
    };
}
pub(super) use both;

/// The name of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Name {
    /// A name of its own: `phase`, or an alias, which may look like a key: `requests.cpu`.
    Own(String),
    /// A map, and one of its keys.
    Key(String, String),
    /// The type of a condition, and one of its fields.
    Condition(String, String),
}

impl Name {
    /// The name as one word.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Own(name) => name.clone(),
            Self::Key(first, second) | Self::Condition(first, second) => format!("{first}.{second}"),
        }
    }
}

/// A column that can be named.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: Name,
    /// What it is called in SQLite.
    pub(super) plain: String,
    pub(super) of: Type,
}

/// A map, the keys of which are columns.
#[derive(Debug, Clone)]
pub(super) struct Map {
    pub(super) name: String,
    /// The column of its text in SQLite.
    pub(super) plain: String,
    pub(super) quantities: bool,
    /// Keys, with their columns in SQLite.
    pub(super) keys: Vec<(String, String, Type)>,
}

/// A column of `*`, with its name in SQLite where the test knows it.
pub(super) type Star = Vec<(String, Option<String>)>;

/// A table, a subquery or a common table expression in FROM.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    /// As it stands in FROM.
    pub(super) from: Both,
    /// What qualifies its columns.
    pub(super) alias: String,
    /// Whether that is the name of a table, which can be written with a schema.
    pub(super) bare_table: bool,
    /// Whether it is a table, without a subquery.
    pub(super) table: Option<&'static Table>,
    pub(super) columns: Vec<Column>,
    pub(super) maps: Vec<Map>,
    /// Whether any condition can be named of it.
    pub(super) conditions: bool,
    pub(super) star: Star,
}

impl Relation {
    pub(super) fn of_table(table: &'static Table, alias: Option<String>, star: Star) -> Self {
        let own = |(name, of): &(&str, Type)| Column {
            name: Name::Own((*name).to_owned()),
            plain: (*name).to_owned(),
            of: *of,
        };
        let mut columns: Vec<Column> = table.columns.iter().map(own).collect();
        if table.conditions {
            columns.extend(objects::conditions().map(|(of, field)| Column {
                plain: objects::condition_column(&of, field),
                name: Name::Condition(of, field.to_owned()),
                of: Type::Text,
            }));
        }
        let key =
            |map: &'static str| move |(key, of): (&str, Type)| (key.to_owned(), objects::key_column(map, key), of);
        let map = |map: &&'static str| Map {
            name: (*map).to_owned(),
            plain: (*map).to_owned(),
            quantities: objects::is_quantities(map),
            keys: objects::keys(map).map(key(map)).collect(),
        };
        Self {
            from: match &alias {
                Some(alias) => Both::same(format!("{} {alias}", table.name)),
                None => Both::same(table.name),
            },
            bare_table: alias.is_none(),
            alias: alias.unwrap_or_else(|| table.name.to_owned()),
            table: Some(table),
            columns,
            maps: table.maps.iter().map(map).collect(),
            conditions: table.conditions,
            star,
        }
    }

    /// Everything that can be named of it, but for maps.
    pub(super) fn values(&self) -> Vec<Column> {
        let key = |map: &Map, (key, plain, of): &(String, String, Type)| Column {
            name: Name::Key(map.name.clone(), key.clone()),
            plain: plain.clone(),
            of: *of,
        };
        let keys = self.maps.iter().flat_map(|map| map.keys.iter().map(move |of| key(map, of)));
        self.columns.iter().cloned().chain(keys).collect()
    }

    /// Whether a name without a qualifier could be a column of this relation.
    pub(super) fn resolves(&self, name: &str) -> bool {
        let own = self.columns.iter().any(|column| column.name.text() == name);
        let map = |map: &Map| name.strip_prefix(&map.name).is_some_and(|key| key.is_empty() || key.starts_with('.'));
        let condition = || name.rsplit_once('.').is_some_and(|(_, field)| objects::FIELDS.contains(&field));
        own || self.maps.iter().any(map) || self.conditions && condition()
    }
}

/// A name, spelled in one of the ways that mean the same, behind a qualifier or not.
pub(super) fn spell(rng: &mut StdRng, relation: Option<&Relation>, name: &Name, of_text: bool) -> String {
    let qualifier = relation.map_or_else(String::new, |relation| {
        let alias = &relation.alias;
        match rng.random_range(0..8) {
            0 => format!("\"{alias}\"."),
            1 => format!("{}.", alias.to_uppercase()),
            2 if relation.bare_table => format!("kubesql.{alias}."),
            _ => format!("{alias}."),
        }
    });
    let spellings = match name {
        Name::Own(name) => spellings_of_name(name),
        Name::Key(map, key) => {
            let map = name_of_word(rng, map);
            let mut spellings = spellings_of_name(&name.text());
            spellings.push(format!("{map}.{}", quoted(key)));
            spellings.push(format!("{map}['{key}']"));
            spellings.push(format!("{map}['{key}']"));
            if of_text {
                spellings.push(format!("{map} ->> '{key}'"));
            }
            spellings
        }
        Name::Condition(of, field) => {
            let mut spellings = spellings_of_name(&name.text());
            spellings.push(format!("{}.{}", name_of_word(rng, of), quoted(field)));
            spellings
        }
    };
    let spelling = spellings.choose(rng).expect("a spelling");
    // The operator binds less tightly than what may stand around it.
    if spelling.contains("->>") { format!("({qualifier}{spelling})") } else { format!("{qualifier}{spelling}") }
}

fn quoted(word: &str) -> String {
    format!("\"{word}\"")
}

/// Whether a word means itself without quotes.
fn is_word(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase())
        && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn name_of_word(rng: &mut StdRng, word: &str) -> String {
    match rng.random_range(0..6) {
        0 => quoted(word),
        1 => word.to_uppercase(),
        _ => word.to_owned(),
    }
}

/// The spellings of a name that may have dots in it: in quotes as a whole, as words, as a word and the rest in quotes.
fn spellings_of_name(name: &str) -> Vec<String> {
    let mut spellings = vec![quoted(name)];
    if name.split('.').all(is_word) {
        spellings.extend([name.to_owned(), name.to_uppercase()]);
    }
    if let Some((first, rest)) = name.split_once('.')
        && is_word(first)
    {
        spellings.push(format!("{first}.{}", quoted(rest)));
    }
    spellings
}
