//! Tests of commands as clients send them.

use super::*;

#[test]
fn parses_commands() {
    let cursor = |name: &str, query: &str, hold| {
        Command::Declare(Cursor { name: name.into(), query: query.into(), hold, binary: false })
    };
    let fetch = |name: &str, count, moves| Command::Fetch { name: name.into(), count, moves };
    for (sql, expect) in [
        ("select 1", Command::Statement),
        ("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY", Command::Begin),
        ("start transaction", Command::Begin),
        ("/* x */ commit work;", Command::Commit(false)),
        ("commit and chain", Command::Commit(true)),
        ("ABORT", Command::Rollback(false)),
        ("rollback to savepoint \"A b\"", Command::RollbackTo("A b".into())),
        ("ROLLBACK TO s", Command::RollbackTo("s".into())),
        ("savepoint S1", Command::Savepoint("s1".into())),
        ("release s1", Command::Release("s1".into())),
        ("declare c no scroll cursor without hold for select 'für; x' ;", cursor("c", "select 'für; x'", false)),
        ("DECLARE \"C\" INSENSITIVE CURSOR WITH HOLD FOR\n SELECT 1", cursor("C", "SELECT 1", true)),
        ("fetch c", fetch("c", Some(1), false)),
        ("FETCH FORWARD 100 FROM \"c\"", fetch("c", Some(100), false)),
        ("fetch all in c", fetch("c", None, false)),
        ("move forward all from c", fetch("c", None, true)),
        ("close all", Command::Close(None)),
        ("close c", Command::Close(Some("c".into()))),
        ("deallocate prepare all", Command::Deallocate(None)),
        ("DEALLOCATE _pg3_0", Command::Deallocate(Some("_pg3_0".into()))),
        ("discard all", Command::DiscardAll),
        ("discard plans", Command::Statement),
        (
            "prepare p (int, numeric(10, 2)) as select $1, $2",
            Command::Prepare {
                name: "p".into(),
                types: vec!["int".into(), "numeric(10, 2)".into()],
                query: "select $1, $2".into(),
            },
        ),
        (
            "execute p ('a, b', array[1, 2], f(3, 4))",
            Command::Execute {
                name: "p".into(),
                values: vec!["'a, b'".into(), "array[1, 2]".into(), "f(3, 4)".into()],
            },
        ),
        ("execute p", Command::Execute { name: "p".into(), values: Vec::new() }),
    ] {
        assert_eq!(parse_command(sql).expect(sql), expect, "{sql}");
    }
}

#[test]
fn parses_options_of_copy() {
    let copied = |sql: &str| match parse_command(sql) {
        Ok(Command::Copy(copy)) => copy,
        other => panic!("{sql}: {other:?}"),
    };
    assert_eq!(copied("COPY (select ')', (1)) TO STDOUT").query, "select ')', (1)");
    assert_eq!(copied("copy core.\"Pods\" (name, uid) to stdout").query, "SELECT name, uid FROM core.\"Pods\"");
    assert_eq!(copied("copy pods to stdout").query, "SELECT * FROM pods");
    let csv = copied("copy pods to stdout with (format csv, header, delimiter ';', null 'NULL', force_quote (name))");
    assert_eq!((csv.format, csv.header), (CopyFormat::Csv, true));
    assert_eq!((csv.delimiter.as_deref(), csv.null.as_deref()), (Some(";"), Some("NULL")));
    assert_eq!(csv.force_quote, ["name"]);
    let old = copied("copy pods to stdout with csv header quote as '''' force quote *");
    assert_eq!((old.format, old.header, old.quote.as_deref()), (CopyFormat::Csv, true, Some("'")));
    assert_eq!(old.force_quote, ["*"]);
    assert_eq!(copied("COPY (SELECT 1) TO STDOUT (FORMAT \"binary\");").format, CopyFormat::Binary);
}

#[test]
fn errors_have_codes_and_positions() {
    for (sql, code, position) in [
        ("copy pods from stdin", "25006", None),
        ("copy pods to '/tmp/x'", "42501", None),
        ("copy pods to program 'x'", "42501", None),
        ("copy pods to stdout (format parquet)", "22023", None),
        ("copy pods to stdout (format binary, delimiter ',')", "42601", None),
        ("copy pods to stdout (quote '\"')", "0A000", None),
        ("copy pods to stdout (format csv, delimiter '||')", "0A000", None),
        ("copy pods to stdout (encoding 'LATIN1')", "22023", None),
        ("fetch backward 2 from c", "55000", None),
        ("declare c scroll cursor for select 1", "0A000", None),
        ("declare c for select 1", "42601", Some(11)),
        ("declare c cursor for", "42601", Some(21)),
        ("commit and", "42601", Some(11)),
    ] {
        let error = parse_command(sql).expect_err(sql);
        assert_eq!((error.sqlstate(), error.position), (code, position), "{sql}: {error}");
    }
}
