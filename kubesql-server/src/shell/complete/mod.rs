//! Completion of names, keywords and commands.

pub(super) mod catalog;
mod context;
mod files;
mod scope;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::RwLock;
use reedline::{Completer, CompletionOrigin, CompletionResult, CompletionStatus, Partial, Span, Suggestion};

use self::catalog::{Catalog, LoadState};
use self::context::{CompletionKind, Context, context, name_length};
use self::scope::TableRef;
use super::meta;
use super::settings;
use super::sqlhelp;
use super::words::{KEYWORDS, TYPES, is_keyword, quoted};
use crate::table_order;

/// Maximum number of suggestions.
const MOST: usize = 400;

/// Up to this number of suggestions are shown one per line, with descriptions.
const DESCRIBED: usize = 10;

/// Longer names are shortened in the menu.
const WIDEST: usize = 37;

/// The beginnings of statements.
const STATEMENTS: &[&str] = &[
    "select",
    "with",
    "explain",
    "explain analyze",
    "show",
    "show tables",
    "describe",
    "set",
    "reset",
    "use",
    "values",
];

/// Keywords after a table.
const AFTER_TABLE: &[&str] = &[
    "where",
    "join",
    "left join",
    "on",
    "group by",
    "order by",
    "limit",
    "as",
    "cross join",
    "full join",
    "right join",
    "using",
    "having",
    "union",
    "union all",
    "except",
    "intersect",
    "offset",
];

/// Arguments of SHOW, besides settings.
const SHOW: &[&str] = &["all", "catalogs", "columns from", "functions", "schemas", "tables", "tables from"];

/// Commands with a path as their argument.
const WITH_FILES: &[&str] = &["i", "o", "g", "gx", "e", "cd", "s", "include", "out", "edit"];

/// The data for completion. `\c` replaces it.
pub(super) struct Knowledge {
    pub(super) catalog: Arc<Catalog>,
    /// Names of contexts.
    pub(super) contexts: Vec<String>,
    /// Names of variables.
    pub(super) variables: Vec<String>,
}

/// Completes names.
pub(super) struct NameCompleter(pub(super) Arc<RwLock<Knowledge>>);

/// A suggestion.
#[derive(Debug, Clone, Default)]
struct Candidate {
    /// Compared with the typed text.
    name: String,
    /// Inserted into the line.
    value: String,
    what: String,
    /// Whether a space follows.
    space: bool,
}

impl Candidate {
    fn word(word: &str) -> Self {
        Self { name: word.to_owned(), value: word.to_owned(), what: String::new(), space: true }
    }

    fn name(name: &str, what: &str, space: bool) -> Self {
        Self { name: name.to_owned(), value: quoted(name), what: what.to_owned(), space }
    }
}

impl Completer for NameCompleter {
    fn complete(&mut self, line: &str, pos: usize) -> CompletionResult {
        let context = context(line, pos);
        let mut candidates = self.candidates(&context);
        if line[context.start..].starts_with('"') {
            candidates.retain(|candidate| !candidate.value.ends_with('(') && !is_keyword(&candidate.value));
        }
        let found = fitting(candidates, &context);
        let prefix = common(&found, &context);
        let span = Span::new(context.start, end_of_name(line, pos, &context));
        let followed = line[span.end..].starts_with(char::is_whitespace);
        let described = found.len() <= DESCRIBED;
        let partial = prefix.map(|insert| Partial { span, insert });
        let suggestions: Vec<Suggestion> = found
            .into_iter()
            .map(|candidate| Suggestion {
                description: (described && !candidate.what.is_empty()).then_some(candidate.what),
                span,
                append_whitespace: candidate.space && !followed,
                display_override: shortened(&candidate.value),
                value: candidate.value,
                ..Suggestion::default()
            })
            .collect();
        // Without an explicit prefix, the editor would compute one that ignores case.
        let typed = line.get(span.start..span.end).unwrap_or_default().to_owned();
        let result = if self.0.read().catalog.is_asking() {
            // If more names may arrive, the menu is refreshed then.
            CompletionResult::stale_or_pending(suggestions.into(), CompletionOrigin::new(line, pos))
        } else {
            CompletionResult::fresh(suggestions)
        };
        result.with_partial(partial.or(Some(Partial { span, insert: typed })))
    }

    fn poll_completion(&mut self) -> CompletionStatus {
        match self.0.read().catalog.load_state() {
            LoadState::Idle => CompletionStatus::Idle,
            LoadState::Busy => CompletionStatus::Pending,
            LoadState::NewNames => CompletionStatus::Ready,
        }
    }
}

impl NameCompleter {
    fn candidates(&self, context: &Context) -> Vec<Candidate> {
        let knowledge = self.0.read();
        let catalog = &knowledge.catalog;
        let words = |words: &[&str]| words.iter().map(|word| cased(word, &context.typed)).collect::<Vec<_>>();
        match &context.kind {
            CompletionKind::Nothing => Vec::new(),
            CompletionKind::Statement => words(STATEMENTS),
            CompletionKind::Words(of) => words(of),
            CompletionKind::Type => words(TYPES),
            CompletionKind::Table(schema) => {
                let mut found = tables(catalog, schema.as_deref(), &context.typed);
                found.extend(context.ctes.iter().map(|name| Candidate::name(name, "", true)));
                found
            }
            CompletionKind::AfterTable => words(AFTER_TABLE),
            CompletionKind::ColumnOf(alias) => {
                let of = context.tables.iter().find(|table| table.alias.eq_ignore_ascii_case(alias));
                of.map(|table| columns(catalog, table)).unwrap_or_default()
            }
            CompletionKind::Key(map) => {
                let prefix = format!("{map}.");
                let all = context.tables.iter().flat_map(|table| columns(catalog, table));
                let keys = all.filter_map(|column| {
                    let key = column.name.strip_prefix(&prefix)?.to_owned();
                    Some(Candidate { value: key.replace('\'', "''"), name: key, ..column })
                });
                keys.collect()
            }
            CompletionKind::Expression => {
                let mut found: Vec<_> = context.tables.iter().flat_map(|table| columns(catalog, table)).collect();
                if context.tables.len() > 1 {
                    let alias = |table: &TableRef| Candidate {
                        value: format!("{}.", quoted(&table.alias)),
                        name: table.alias.clone(),
                        what: table.table.clone(),
                        space: false,
                    };
                    found.extend(context.tables.iter().map(alias));
                }
                if !context.typed.is_empty() {
                    let functions = &catalog.names().functions;
                    found.extend(functions.iter().map(|function| Candidate {
                        name: function.name.clone(),
                        value: format!("{}(", function.name),
                        what: function.syntax.clone(),
                        space: false,
                    }));
                    found.extend(words(KEYWORDS));
                } else if context.tables.is_empty() {
                    found.extend(words(&["from", "*", "distinct"]));
                }
                found
            }
            CompletionKind::Setting => catalog
                .names()
                .settings
                .iter()
                .map(|name| Candidate { value: name.clone(), ..Candidate::word(name) })
                .collect(),
            CompletionKind::Value(setting) => match setting.as_str() {
                "search_path" => catalog.names().schemas.iter().map(|name| Candidate::name(name, "", false)).collect(),
                "kubesql.partial" => words(&["on", "off"]),
                _ => words(&["default"]),
            },
            CompletionKind::Show => {
                let mut found = words(SHOW);
                found.extend(catalog.names().settings.iter().map(|name| Candidate::word(name)));
                found
            }
            CompletionKind::Meta(line) => of_command(&knowledge, line, &context.typed),
        }
    }
}

/// Suggestions for a backslash command or its argument.
fn of_command(knowledge: &Knowledge, line: &str, typed: &str) -> Vec<Candidate> {
    let catalog = &knowledge.catalog;
    let plain = |words: &mut dyn Iterator<Item = &str>| words.map(Candidate::word).collect::<Vec<_>>();
    let Some((command, arguments)) = line.split_once(char::is_whitespace) else {
        let usage = |name: &str| {
            let entries = meta::GROUPS.iter().flat_map(|(_, group)| *group);
            let entries = entries.filter(|entry| entry.usage.split([' ', '[']).next() == Some(&format!("\\{name}")));
            entries.map(|entry| entry.description).next().unwrap_or_default().to_owned()
        };
        let command = |name: &&str| Candidate { what: usage(name), ..Candidate::word(&format!("\\{name}")) };
        return meta::NAMES.iter().map(command).collect();
    };
    let setting = |name: &str| settings::NAMES.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, of)| of);
    match command.trim_start_matches('\\') {
        "d" | "d+" | "dt" | "dt+" => match typed.trim_matches('"').rsplit_once('.') {
            // This position takes a whole name.
            Some((schema, _)) => {
                let schema = schema.trim_matches('"');
                let within = |table: Candidate| {
                    let name = format!("{schema}.{}", table.name);
                    Candidate { value: name.clone(), name, space: false, ..table }
                };
                tables(catalog, Some(schema), typed).into_iter().map(within).collect()
            }
            None => tables(catalog, None, typed)
                .into_iter()
                .map(|table| Candidate { space: false, value: table.value.replace('"', ""), ..table })
                .collect(),
        },
        "x" => plain(&mut setting("expanded").iter().copied()),
        "t" | "timing" => plain(&mut setting("timing").iter().copied()),
        "f" => plain(&mut setting("format").iter().copied()),
        "pset" => match arguments.split_whitespace().next() {
            Some(name) if arguments.contains(char::is_whitespace) => plain(&mut setting(name).iter().copied()),
            _ => plain(&mut settings::NAMES.iter().map(|(name, _)| *name)),
        },
        "df" => catalog.names().functions.iter().map(|function| Candidate::word(&function.name)).collect(),
        "dn" => catalog.names().schemas.iter().map(|schema| Candidate::word(schema)).collect(),
        "c" | "connect" => plain(&mut knowledge.contexts.iter().map(String::as_str)),
        "unset" | "set" => plain(&mut knowledge.variables.iter().map(String::as_str)),
        "h" => plain(&mut sqlhelp::SUBJECTS.iter().map(|(name, _)| *name)),
        command if WITH_FILES.contains(&command) => files::matching(typed),
        _ => Vec::new(),
    }
}

/// Tables and schemas; only common tables if nothing is typed.
fn tables(catalog: &Catalog, schema: Option<&str>, typed: &str) -> Vec<Candidate> {
    let names = catalog.names();
    let schema = schema.map(|schema| schema.strip_prefix("kubesql.").unwrap_or(schema).to_lowercase());
    let in_schema = |table: &&catalog::Table| match schema.as_deref() {
        None => !matches!(table.schema.as_str(), "system" | "information_schema" | "pg_catalog"),
        Some("kubesql") => true,
        Some(schema) => table.schema == schema,
    };
    let all = names.tables.iter().filter(in_schema);
    // Rare tables are suggested only if no common table matches.
    let begins = |table: &catalog::Table| table.name.starts_with(&typed.to_lowercase());
    let listed =
        schema.is_none() && (typed.is_empty() || names.tables.iter().any(|table| table.listed && begins(table)));
    let mut shown: Vec<&catalog::Table> = all.filter(|table| table.listed || !listed).collect();
    shown.sort_by_key(|table| (table_order::rank(&table.schema), &table.name));
    let mut seen = BTreeSet::new();
    shown.retain(|table| seen.insert(&table.name));
    let mut found: Vec<Candidate> =
        shown.into_iter().map(|table| Candidate::name(&table.name, &table.kind, true)).collect();
    if schema.is_none() {
        found.extend(names.schemas.iter().filter(|name| *name != "kubesql").map(|name| Candidate {
            name: name.clone(),
            value: format!("{}.", quoted(name)),
            what: "schema".to_owned(),
            space: false,
        }));
    }
    found
}

/// The columns of a table or subquery; those without dots first.
fn columns(catalog: &Catalog, table: &TableRef) -> Vec<Candidate> {
    let of_query = table.columns.iter().map(|name| Candidate::name(name, "", false));
    if table.table.is_empty() || !table.columns.is_empty() {
        return of_query.collect();
    }
    let columns = catalog.columns(&table.table);
    let mut found: Vec<Candidate> =
        columns.iter().map(|column| Candidate::name(&column.name, &column.sql_type, false)).collect();
    found.sort_by(|a, b| (a.name.contains('.'), &a.name).cmp(&(b.name.contains('.'), &b.name)));
    found
}

/// A long name shortened for the menu; `None` if it is short.
fn shortened(name: &str) -> Option<String> {
    let length = name.chars().count();
    (length > WIDEST).then(|| {
        let half = (WIDEST - 1) / 2;
        let begin: String = name.chars().take(half).collect();
        let end: String = name.chars().skip(length - half).collect();
        format!("{begin}…{end}")
    })
}

/// A keyword in capitals if the typed text is in capitals.
fn cased(word: &str, typed: &str) -> Candidate {
    let upper = typed.chars().any(char::is_uppercase) && !typed.chars().any(char::is_lowercase);
    let value = if upper { word.to_uppercase() } else { word.to_owned() };
    Candidate { value, ..Candidate::word(word) }
}

/// Suggestions that begin with the typed text or, if there are none, those with a part that does.
fn fitting(candidates: Vec<Candidate>, context: &Context) -> Vec<Candidate> {
    let typed = context.typed.to_lowercase();
    let (mut begin, mut within) = (Vec::new(), Vec::new());
    let mut seen = std::collections::HashSet::new();
    for candidate in candidates {
        let name = candidate.name.to_lowercase();
        if name.starts_with(&typed) {
            if seen.insert(candidate.value.clone()) {
                begin.push(candidate);
            }
        } else if begin.is_empty() && has_part(&name, &typed) && seen.insert(candidate.value.clone()) {
            within.push(candidate);
        }
    }
    let mut found = if begin.is_empty() { within } else { begin };
    found.truncate(MOST);
    // A complete word needs no suggestion.
    if found.len() == 1 && found[0].value == context.typed && !found[0].space {
        found.clear();
    }
    found
}

/// Whether a part of the name, after a dot or another separator, begins with the text.
fn has_part(name: &str, typed: &str) -> bool {
    let parts = name.match_indices(['.', '_', '/', '-']);
    parts.map(|(at, _)| &name[at + 1..]).any(|part| part.starts_with(typed))
}

/// The longest common prefix, if it is longer than the typed text.
fn common(found: &[Candidate], context: &Context) -> Option<String> {
    let first = &found.first()?.value;
    let shared = found.iter().fold(first.as_str(), |shared, candidate| {
        let same = shared.chars().zip(candidate.value.chars()).take_while(|(a, b)| a == b);
        &shared[..same.map(|(a, _)| a.len_utf8()).sum()]
    });
    let name = shared.trim_start_matches('"').to_lowercase();
    let typed = context.typed.to_lowercase();
    (found.len() > 1 && name.len() > typed.len() && name.starts_with(&typed)).then(|| shared.to_owned())
}

/// Where the name at the cursor ends, including its closing quote.
fn end_of_name(line: &str, pos: usize, context: &Context) -> usize {
    let rest = &line[pos..];
    if matches!(context.kind, CompletionKind::Key(_) | CompletionKind::Meta(_)) {
        return pos;
    }
    if line[context.start..].starts_with('"') {
        // An open quote extends to the next quote; only a near one closes this name.
        let name = name_length(rest);
        return if rest[name..].starts_with('"') { pos + name + 1 } else { pos };
    }
    pos + rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len())
}
