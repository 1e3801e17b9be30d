//! Parses the statements that only Presto has.

use kubesql_runtime::sql::{LikePattern, SqlError};

use super::statement_tokens::StatementTokens;
use crate::placeholders;

/// A statement, as far as Presto's differ from the engine's.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// A statement for the engine.
    Query(String),
    /// `USE schema`, `USE catalog.schema`
    Use(Vec<String>),
    SetSession(String, String),
    ResetSession(String),
    /// `SET TIME ZONE`, which has no effect: times are always in UTC.
    SetTimeZone,
    Prepare(String, String),
    Execute(String, Vec<String>),
    /// A statement and the values of its parameters.
    ExecuteImmediate(String, Vec<String>),
    Deallocate(String),
    DescribeInput(String),
    DescribeOutput(String),
    Begin,
    /// `COMMIT` or `ROLLBACK`
    End(&'static str),
    ShowCatalogs(Like),
    /// The schemas of a catalog.
    ShowSchemas(Option<String>, Like),
    /// The tables of a schema.
    ShowTables(Option<Vec<String>>, Like),
    /// The columns of a table.
    Describe(Vec<String>, Like),
    ShowFunctions(Like),
    ShowSession(Like),
}

/// `LIKE pattern ESCAPE character`, or nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Like(Option<(String, Option<char>)>);

impl Like {
    /// Removes the elements whose names do not match.
    pub(super) fn retain<T>(&self, elements: &mut Vec<T>, name: impl Fn(&T) -> &str) -> Result<(), SqlError> {
        if let Some((pattern, escape)) = &self.0 {
            let pattern = LikePattern::new(pattern, *escape)?;
            elements.retain(|element| pattern.matches(name(element)));
        }
        Ok(())
    }
}

/// Parses a statement. One that is not recognized is left to the engine, which reports what is wrong with it.
pub(super) fn parse(sql: &str) -> Command {
    let tokens = StatementTokens::new(sql);
    let engine_sql = || explain(&tokens).unwrap_or_else(|| tokens.text_from(0).to_owned());
    parse_command(&tokens).unwrap_or_else(|| Command::Query(engine_sql()))
}

fn parse_command(tokens: &StatementTokens) -> Option<Command> {
    let end = tokens.len();
    let at_end = |at: usize, command: Command| (at == end).then_some(command);
    let name = |at: usize| {
        let (name, after) = tokens.name(at)?;
        Some((name.join("."), after))
    };
    if tokens.is_keyword(0, "use") {
        let (name, after) = tokens.name(1)?;
        return at_end(after, Command::Use(name));
    }
    if tokens.are_keywords(0, &["set", "session"]) && !tokens.is_keyword(2, "authorization") {
        let (name, after) = name(2)?;
        let value = tokens.string(after + 1).unwrap_or_else(|| tokens.text_from(after + 1).to_owned());
        return tokens.is_symbol(after, '=').then_some(Command::SetSession(name, value));
    }
    if tokens.are_keywords(0, &["reset", "session"]) {
        let (name, after) = name(2)?;
        return at_end(after, Command::ResetSession(name));
    }
    if tokens.are_keywords(0, &["set", "time", "zone"]) {
        return Some(Command::SetTimeZone);
    }
    if tokens.is_keyword(0, "prepare") {
        let (name, after) = name(1)?;
        let sql = tokens.text_from(after + 1).to_owned();
        return tokens.is_keyword(after, "from").then_some(Command::Prepare(name, sql));
    }
    if tokens.are_keywords(0, &["execute", "immediate"])
        && let Some(sql) = tokens.string(2)
    {
        return Some(Command::ExecuteImmediate(sql, parse_using(tokens, 3)?));
    }
    if tokens.is_keyword(0, "execute") {
        let (name, after) = name(1)?;
        return Some(Command::Execute(name, parse_using(tokens, after)?));
    }
    if tokens.are_keywords(0, &["deallocate", "prepare"]) {
        let (name, after) = name(2)?;
        return at_end(after, Command::Deallocate(name));
    }
    if tokens.are_keywords(0, &["describe", "input"])
        && let Some((name, after)) = name(2)
    {
        return at_end(after, Command::DescribeInput(name));
    }
    if tokens.are_keywords(0, &["describe", "output"])
        && let Some((name, after)) = name(2)
    {
        return at_end(after, Command::DescribeOutput(name));
    }
    if tokens.are_keywords(0, &["start", "transaction"]) || tokens.is_keyword(0, "begin") {
        return Some(Command::Begin);
    }
    for (keyword, command) in [("commit", "COMMIT"), ("rollback", "ROLLBACK")] {
        if tokens.is_keyword(0, keyword) {
            return Some(Command::End(command));
        }
    }
    if tokens.is_keyword(0, "describe") || tokens.is_keyword(0, "desc") {
        let (table, after) = tokens.name(1)?;
        return at_end(after, Command::Describe(table, Like::default()));
    }
    if tokens.is_keyword(0, "show") { parse_show(tokens) } else { None }
}

fn parse_show(tokens: &StatementTokens) -> Option<Command> {
    // `FROM name` or `IN name`
    let from = |at: usize| match tokens.is_keyword(at, "from") || tokens.is_keyword(at, "in") {
        true => tokens.name(at + 1).map(|(name, after)| (Some(name), after)),
        false => Some((None, at)),
    };
    if tokens.is_keyword(1, "catalogs") {
        return Some(Command::ShowCatalogs(parse_like(tokens, 2)?));
    }
    if tokens.is_keyword(1, "schemas") {
        let (catalog, after) = from(2)?;
        return Some(Command::ShowSchemas(catalog.map(|name| name.join(".")), parse_like(tokens, after)?));
    }
    if tokens.is_keyword(1, "tables") {
        let (schema, after) = from(2)?;
        return Some(Command::ShowTables(schema, parse_like(tokens, after)?));
    }
    if tokens.is_keyword(1, "columns") {
        let (table, after) = from(2)?;
        return Some(Command::Describe(table?, parse_like(tokens, after)?));
    }
    if tokens.is_keyword(1, "functions") {
        let (_, after) = from(2)?;
        return Some(Command::ShowFunctions(parse_like(tokens, after)?));
    }
    if tokens.is_keyword(1, "session") {
        return Some(Command::ShowSession(parse_like(tokens, 2)?));
    }
    None
}

/// Parses `LIKE 'x%' ESCAPE '\'`, or the end of the statement.
fn parse_like(tokens: &StatementTokens, at: usize) -> Option<Like> {
    if at == tokens.len() {
        return Some(Like::default());
    }
    let pattern = tokens.string(at + 1).filter(|_| tokens.is_keyword(at, "like"))?;
    let escape = tokens.string(at + 3).filter(|_| tokens.is_keyword(at + 2, "escape"));
    let end = if escape.is_some() { at + 4 } else { at + 2 };
    (end == tokens.len()).then_some(Like(Some((pattern, escape.and_then(|text| text.chars().next())))))
}

/// Parses `USING 1, 'x'`, or the end of the statement.
fn parse_using(tokens: &StatementTokens, at: usize) -> Option<Vec<String>> {
    if at == tokens.len() {
        return Some(Vec::new());
    }
    let values = tokens.expressions(at + 1).into_iter().map(str::to_owned);
    tokens.is_keyword(at, "using").then(|| values.collect())
}

/// Removes the options from `EXPLAIN (TYPE LOGICAL, FORMAT TEXT) query`, which the engine does not have.
fn explain(tokens: &StatementTokens) -> Option<String> {
    let has_options = tokens.is_keyword(0, "explain") && tokens.is_symbol(1, '(');
    if !has_options || tokens.is_keyword(2, "select") || tokens.is_keyword(2, "with") {
        return None;
    }
    let close = (2..tokens.len()).find(|at| tokens.is_symbol(*at, ')'))?;
    Some(format!("EXPLAIN {}", tokens.text_from(close + 1)))
}

/// Replaces the parameters of a prepared statement by values. If their number is different, the error is the number of
/// parameters.
pub(super) fn bind(sql: &str, values: &[String]) -> Result<String, usize> {
    let parameters = placeholders::question_marks(sql);
    if parameters.len() != values.len() {
        return Err(parameters.len());
    }
    let value = |value: &String| {
        // Parentheses keep an expression of several tokens together. Function calls and typed literals do not need them.
        if StatementTokens::new(value).is_self_contained() { value.clone() } else { format!("({value})") }
    };
    Ok(placeholders::replace(sql, parameters.into_iter().zip(values.iter().map(value))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names<const N: usize>(names: [&str; N]) -> Vec<String> {
        names.map(str::to_owned).to_vec()
    }

    #[test]
    fn parses_the_statements_of_presto() {
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
    fn like_filters_names() {
        for (sql, name, expect) in [
            ("show tables", "pods", true),
            ("show tables like 'p%s'", "pods", true),
            ("show tables like 'pod_'", "pods", true),
            ("show tables like 'pod_'", "pod", false),
            ("show tables from core like 'pod\\_tolerations' escape '\\'", "pod_tolerations", true),
            ("show tables from core like 'pod\\_tolerations' escape '\\'", "podxtolerations", false),
        ] {
            let Command::ShowTables(_, like) = parse(sql) else { panic!("{sql}") };
            let mut names = vec![name];
            like.retain(&mut names, |name| name).expect("a pattern");
            assert_eq!(!names.is_empty(), expect, "{sql} {name}");
        }
    }

    #[test]
    fn binds_values_of_parameters() {
        let sql = "select '?', ? from pods where x > ? limit ?";
        let values = ["DOUBLE '1.5'".to_owned(), "-5".to_owned(), "3".to_owned()];
        let expect = "select '?', DOUBLE '1.5' from pods where x > (-5) limit 3";
        assert_eq!(bind(sql, &values).as_deref(), Ok(expect));
        assert_eq!(bind(sql, &values[..1]), Err(3));
    }
}
