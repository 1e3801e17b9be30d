//! What a statement asks for: which statements only Presto has, and what is said in them.

use super::words::Words;

/// A statement by how it is answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// By the engine, as it is.
    Query(String),
    /// `USE schema`, `USE catalog.schema`
    Use(Vec<String>),
    SetSession(String, String),
    ResetSession(String),
    /// `SET TIME ZONE`: times are told in UTC, whatever a client's zone is.
    SetTimeZone,
    Prepare(String, String),
    Execute(String, Vec<String>),
    /// The statement itself and its values.
    ExecuteImmediate(String, Vec<String>),
    Deallocate(String),
    DescribeInput(String),
    DescribeOutput(String),
    Begin,
    /// `COMMIT` or `ROLLBACK`
    End(&'static str),
    ShowCatalogs(Like),
    /// Of a catalog.
    ShowSchemas(Option<String>, Like),
    /// Of a schema.
    ShowTables(Option<Vec<String>>, Like),
    /// The columns of a table.
    Describe(Vec<String>, Like),
    ShowFunctions(Like),
    ShowSession(Like),
}

/// A pattern and its escape character.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Like(Option<(Vec<char>, Option<char>)>);

impl Like {
    /// `%` is any text, `_` any character.
    pub(super) fn matches(&self, name: &str) -> bool {
        fn like(pattern: &[char], escape: Option<char>, name: &[char]) -> bool {
            match pattern {
                [] => name.is_empty(),
                [first, literal, rest @ ..] if Some(*first) == escape => {
                    name.first() == Some(literal) && like(rest, escape, &name[1..])
                }
                ['%', rest @ ..] => (0..=name.len()).any(|from| like(rest, escape, &name[from..])),
                ['_', rest @ ..] => !name.is_empty() && like(rest, escape, &name[1..]),
                [c, rest @ ..] => name.first() == Some(c) && like(rest, escape, &name[1..]),
            }
        }
        let name: Vec<char> = name.chars().collect();
        self.0.as_ref().is_none_or(|(pattern, escape)| like(pattern, *escape, &name))
    }
}

/// The command that a statement is. What is not understood is the engine's, which says what is wrong with it.
pub(super) fn parse(sql: &str) -> Command {
    let words = Words::of(sql);
    known(&words).unwrap_or_else(|| Command::Query(explained(&words).unwrap_or_else(|| words.from(0).to_owned())))
}

fn known(words: &Words) -> Option<Command> {
    let end = words.tokens.len();
    let only = |at: usize, command: Command| (at == end).then_some(command);
    let name = |at: usize| {
        let (name, after) = words.name(at)?;
        Some((name.join("."), after))
    };
    if words.is(0, "use") {
        let (name, after) = words.name(1)?;
        return only(after, Command::Use(name));
    }
    if words.are(0, &["set", "session"]) && !words.is(2, "authorization") {
        let (name, after) = name(2)?;
        let value = words.string(after + 1).unwrap_or_else(|| words.from(after + 1).to_owned());
        return (words.text(after) == "=").then_some(Command::SetSession(name, value));
    }
    if words.are(0, &["reset", "session"]) {
        let (name, after) = name(2)?;
        return only(after, Command::ResetSession(name));
    }
    if words.are(0, &["set", "time", "zone"]) {
        return Some(Command::SetTimeZone);
    }
    if words.is(0, "prepare") {
        let (name, after) = name(1)?;
        return words.is(after, "from").then(|| Command::Prepare(name, words.from(after + 1).to_owned()));
    }
    if words.are(0, &["execute", "immediate"])
        && let Some(sql) = words.string(2)
    {
        return Some(Command::ExecuteImmediate(sql, values(words, 3)?));
    }
    if words.is(0, "execute") {
        let (name, after) = name(1)?;
        return Some(Command::Execute(name, values(words, after)?));
    }
    if words.are(0, &["deallocate", "prepare"]) {
        let (name, after) = name(2)?;
        return only(after, Command::Deallocate(name));
    }
    if words.are(0, &["describe", "input"])
        && let Some((name, after)) = name(2)
    {
        return only(after, Command::DescribeInput(name));
    }
    if words.are(0, &["describe", "output"])
        && let Some((name, after)) = name(2)
    {
        return only(after, Command::DescribeOutput(name));
    }
    if words.are(0, &["start", "transaction"]) || words.is(0, "begin") {
        return Some(Command::Begin);
    }
    for (word, command) in [("commit", "COMMIT"), ("rollback", "ROLLBACK")] {
        if words.is(0, word) {
            return Some(Command::End(command));
        }
    }
    if words.is(0, "describe") || words.is(0, "desc") {
        let (table, after) = words.name(1)?;
        return only(after, Command::Describe(table, Like::default()));
    }
    if words.is(0, "show") { shown(words) } else { None }
}

fn shown(words: &Words) -> Option<Command> {
    // `FROM name`, `IN name`
    let of = |at: usize| match words.is(at, "from") || words.is(at, "in") {
        true => words.name(at + 1).map(|(name, after)| (Some(name), after)),
        false => Some((None, at)),
    };
    if words.is(1, "catalogs") {
        return Some(Command::ShowCatalogs(like(words, 2)?));
    }
    if words.is(1, "schemas") {
        let (catalog, after) = of(2)?;
        return Some(Command::ShowSchemas(catalog.map(|name| name.join(".")), like(words, after)?));
    }
    if words.is(1, "tables") {
        let (schema, after) = of(2)?;
        return Some(Command::ShowTables(schema, like(words, after)?));
    }
    if words.is(1, "columns") {
        let (table, after) = of(2)?;
        return Some(Command::Describe(table?, like(words, after)?));
    }
    if words.is(1, "functions") {
        let (_, after) = of(2)?;
        return Some(Command::ShowFunctions(like(words, after)?));
    }
    if words.is(1, "session") {
        return Some(Command::ShowSession(like(words, 2)?));
    }
    None
}

/// `LIKE 'x%' ESCAPE '\'`, or nothing more.
fn like(words: &Words, at: usize) -> Option<Like> {
    if at == words.tokens.len() {
        return Some(Like::default());
    }
    let pattern = words.string(at + 1).filter(|_| words.is(at, "like"))?.chars().collect();
    let escape = words.string(at + 3).filter(|_| words.is(at + 2, "escape"));
    let end = if escape.is_some() { at + 4 } else { at + 2 };
    (end == words.tokens.len()).then_some(Like(Some((pattern, escape.and_then(|text| text.chars().next())))))
}

/// `USING 1, 'x'`, or nothing more.
fn values(words: &Words, at: usize) -> Option<Vec<String>> {
    if at == words.tokens.len() {
        return Some(Vec::new());
    }
    words.is(at, "using").then(|| words.expressions(at + 1).into_iter().map(str::to_owned).collect())
}

/// `EXPLAIN (TYPE LOGICAL, FORMAT TEXT) query` as an EXPLAIN that the engine knows.
fn explained(words: &Words) -> Option<String> {
    if !words.is(0, "explain") || words.text(1) != "(" || words.is(2, "select") || words.is(2, "with") {
        return None;
    }
    let close = (2..words.tokens.len()).find(|at| words.text(*at) == ")")?;
    Some(format!("EXPLAIN {}", words.from(close + 1)))
}

/// A prepared statement with values in the place of its parameters; the number of these where that is another.
pub(super) fn bound(sql: &str, values: &[String]) -> Result<String, usize> {
    let words = Words::of(sql);
    let wanted = words.parameters().len();
    if wanted != values.len() {
        return Err(wanted);
    }
    Ok(words.with(|number| {
        let value = &values[number];
        let of = Words::of(value);
        // What is of several parts and no call or typed text would fall apart among operators.
        let whole = of.tokens.len() == 1 || of.text(0).starts_with(char::is_alphabetic);
        if whole { value.clone() } else { format!("({value})") }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names<const N: usize>(names: [&str; N]) -> Vec<String> {
        names.map(str::to_owned).to_vec()
    }

    #[test]
    fn statements_of_presto() {
        let all = || Like::default();
        for (sql, expect) in [
            ("select 1;", Command::Query("select 1".into())),
            ("use core", Command::Use(names(["core"]))),
            ("USE kubesql.\"networking.k8s.io\" ;", Command::Use(names(["kubesql", "networking.k8s.io"]))),
            ("set session kubesql.partial = 'on'", Command::SetSession("kubesql.partial".into(), "on".into())),
            ("SET SESSION a = true", Command::SetSession("a".into(), "true".into())),
            ("reset session a", Command::ResetSession("a".into())),
            ("set time zone 'Europe/Berlin'", Command::SetTimeZone),
            ("prepare s from select ? from pods", Command::Prepare("s".into(), "select ? from pods".into())),
            ("execute s", Command::Execute("s".into(), vec![])),
            ("execute s using 1, 'a'", Command::Execute("s".into(), names(["1", "'a'"]))),
            (
                "EXECUTE IMMEDIATE 'select ''a'', ?' USING DATE '2020-01-01'",
                Command::ExecuteImmediate("select 'a', ?".into(), names(["DATE '2020-01-01'"])),
            ),
            ("deallocate prepare s", Command::Deallocate("s".into())),
            ("describe input s", Command::DescribeInput("s".into())),
            ("describe output", Command::Describe(names(["output"]), all())),
            ("describe pods;", Command::Describe(names(["pods"]), all())),
            ("desc core.pods", Command::Describe(names(["core", "pods"]), all())),
            ("start transaction isolation level read committed", Command::Begin),
            ("COMMIT", Command::End("COMMIT")),
            ("show catalogs", Command::ShowCatalogs(all())),
            ("show schemas from kubesql", Command::ShowSchemas(Some("kubesql".into()), all())),
            ("show tables", Command::ShowTables(None, all())),
            ("show tables from kubesql.core", Command::ShowTables(Some(names(["kubesql", "core"])), all())),
            ("show columns in pods", Command::Describe(names(["pods"]), all())),
            ("show functions", Command::ShowFunctions(all())),
            ("show session", Command::ShowSession(all())),
            ("explain (type logical, format text) select 1", Command::Query("EXPLAIN select 1".into())),
            ("explain (select 1)", Command::Query("explain (select 1)".into())),
            ("show create table pods", Command::Query("show create table pods".into())),
            ("show tables where x", Command::Query("show tables where x".into())),
            ("use", Command::Query("use".into())),
            ("", Command::Query(String::new())),
        ] {
            assert_eq!(parse(sql), expect, "{sql}");
        }
    }

    #[test]
    fn patterns() {
        for (sql, name, expect) in [
            ("show tables", "pods", true),
            ("show tables like 'p%s'", "pods", true),
            ("show tables like 'pod_'", "pods", true),
            ("show tables like 'pod_'", "pod", false),
            ("show tables from core like 'pod\\_tolerations' escape '\\'", "pod_tolerations", true),
            ("show tables from core like 'pod\\_tolerations' escape '\\'", "podxtolerations", false),
        ] {
            let Command::ShowTables(_, like) = parse(sql) else { panic!("{sql}") };
            assert_eq!(like.matches(name), expect, "{sql} {name}");
        }
    }

    #[test]
    fn values_take_the_place_of_parameters() {
        let sql = "select '?', ? from pods where x > ? limit ?";
        let values = ["DOUBLE '1.5'".to_owned(), "-5".to_owned(), "3".to_owned()];
        let expect = "select '?', DOUBLE '1.5' from pods where x > (-5) limit 3";
        assert_eq!(bound(sql, &values).as_deref(), Ok(expect));
        assert_eq!(bound(sql, &values[..1]), Err(3));
    }
}
