//! The shell: scripts from pipes and files, and interactive sessions in a tmux terminal.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::http::HttpServer;
use super::support::{DEMO, Ran, binary, root, run, run_with};

/// A statement that runs longer than any test.
const ENDLESS: &str = "select count(*) from generate_series(1, 1000000) a(value), generate_series(1, 1000000) b(value), \
    generate_series(1, 1000000) c(value) where a.value + b.value < c.value;";

fn piped(args: &[&str], input: &str) -> Ran {
    run_with(&[&["shell", "--file", DEMO], args].concat(), input)
}

#[test]
fn reads_statements_and_commands_from_a_pipe() {
    let input = "select name\nfrom nodes -- of ;\norder by name limit 1;\n\\x on\nselect 1 as a, ';' as b;\n\\x off\n\\t\n\
                 select 2 as two \\g\n\\echo done\nselect 3 as three";
    let ran = piped(&[], input);
    let expect = "   name\n-----------\n control-1\n(1 row)\n\n-[ RECORD 1 ]\na | 1\nb | ;\n\n   2\ndone\n\n     3\n";
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (Some(0), expect, ""));
    // No prompt, no banner, and no output for commands that have none.
    assert_eq!((piped(&[], "").out.as_str(), piped(&[], "set kubesql.partial = on;").out.as_str()), ("", ""));
}

#[test]
fn scripts_go_on_after_a_failure() {
    let input = "select nam from nodes;\n\\nosuch\nselect 7 as n;\n";
    let ran = piped(&["-o", "csv"], input);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), "n\n7\n"), "{}", ran.err);
    for text in
        ["error: column \"nam\" does not exist\nLINE 1: select nam from nodes\n               ^\nhint: ", "\\nosuch"]
    {
        assert!(ran.err.contains(text), "{text}\n{}", ran.err);
    }
    let stopped = piped(&["-o", "csv"], &format!("\\set ON_ERROR_STOP on\n{input}"));
    assert_eq!((stopped.code, stopped.out.as_str()), (Some(1), ""), "{}", stopped.err);
    let source = run(&["shell", "--file", "no-such-file.yaml", "-c", "select * from pods", "-c", "select 1 as n"]);
    assert_eq!(source.code, Some(3), "{}", source.err);
    let usage = piped(&[], "\\i no-such-file.sql\n");
    assert!(usage.code == Some(2) && usage.err.contains("no-such-file.sql"), "{}", usage.err);
}

#[test]
fn commands_list_tables_columns_and_functions() {
    let tables = piped(&["-o", "csv", "-c", "\\dt *container*", "-c", "\\d nodes"], "");
    for text in ["containers,Pod,core,", "allocatable.nvidia.com/gpu", "labels.topology.kubernetes.io/zone"] {
        assert!(tables.out.contains(text), "{text}\n{}{}", tables.out, tables.err);
    }
    let functions = piped(&["-c", "\\df *selector*", "-c", "\\dn rbac*", "-c", "\\l", "-c", "\\conninfo"], "");
    for text in ["selector_matches", "rbac.authorization.k8s.io", "local"] {
        assert!(functions.out.contains(text), "{text}\n{}{}", functions.out, functions.err);
    }
    let missing = piped(&["-c", "\\d podz"], "");
    assert!(missing.code == Some(1) && missing.err.contains("pods"), "{}", missing.err);
    for (help, text) in [("\\?", "\\watch"), ("\\h labels", "selector_matches"), ("help", "\\watch")] {
        let ran = piped(&["-c", help], "");
        assert!(ran.code == Some(0) && ran.out.contains(text), "{help}\n{}{}", ran.out, ran.err);
    }
}

#[test]
fn writes_answers_to_files_and_programs() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let (csv, parquet, all) = (path("nodes.csv"), path("nodes.parquet"), path("all.txt"));
    let input = format!(
        "select name from nodes order by 1 limit 2 \\g {csv}\n\\g {parquet}\n\\o {all}\nselect 1 as a;\nselect 2 as b;\n\\o\n\
         select 'b' as x union all select 'a' order by x desc \\g |sort\nselect 3 as c;\n"
    );
    let ran = piped(&["-o", "csv"], &input);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "a\nb\nx\nc\n3\n"), "{}", ran.err);
    let read = |path: &str| std::fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert_eq!(read(&csv), b"name\ncontrol-1\nworker-a\n");
    assert_eq!(&read(&parquet)[..4], b"PAR1");
    assert_eq!(read(&all), b"a\n1\n\nb\n2\n");
    let refused = piped(&[], "select 1 \\g /nowhere/x\n");
    assert!(refused.code == Some(2) && refused.err.contains("/nowhere/x"), "{}", refused.err);
}

#[test]
fn scripts_use_variables_files_and_watch() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("part.sql");
    std::fs::write(
        &file,
        "\\set zone zone-b\nselect count(*) as n from nodes where \"labels.topology.kubernetes.io/zone\" = :'zone'",
    )
    .expect("a file");
    let input = format!(
        "\\i {}\n\\pset null (none)\nselect null as x, :zone as y from (values (1)) t(z) \\p\n",
        file.display()
    );
    let ran = piped(&["-o", "csv"], &input);
    assert!(ran.out.starts_with("n\n1\n"), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("select null as x, zone-b as y"), "{}", ran.out);
    let null = piped(&["-c", "\\pset null (none)", "-c", "select null::text as x"], "");
    assert_eq!(null.out, "   x\n--------\n (none)\n(1 row)\n");
    let watched = piped(&["-o", "csv", "-c", "select 1 as n \\watch 0.01 c=3"], "");
    assert_eq!((watched.code, watched.out.matches("n\n1\n").count()), (Some(0), 3), "{}{}", watched.out, watched.err);
}

#[test]
fn reports_an_unreachable_server() {
    let ran = run(&["shell", "--server", "http://127.0.0.1:1", "-c", "select 1"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(3), ""), "{}", ran.err);
    assert!(ran.err.contains("http://127.0.0.1:1") && ran.err.contains("hint: "), "{}", ran.err);
    let wrong = run(&["shell", "--server", "ftp://x", "-c", "select 1"]);
    assert!(wrong.code == Some(2) && wrong.err.contains("ftp"), "{}", wrong.err);
    let both = run(&["shell", "--server", "http://127.0.0.1:1", "--demo"]);
    assert_eq!(both.code, Some(2), "{}", both.err);
}

/// A terminal that runs the shell.
struct Terminal {
    socket: String,
}

impl Terminal {
    fn start(home: &Path, args: &str) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let socket = format!("kubesql-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let terminal = Self { socket };
        let shell = format!(
            "env -u KUBECONFIG -u XDG_STATE_HOME -u XDG_CONFIG_HOME -u NO_COLOR -u LESS PAGER= EDITOR=\"sed -i s/1/2/\" \
             VISUAL= HOME='{}' '{}' shell {args}; echo left with $?; read x",
            home.display(),
            binary().display()
        );
        let root = root().to_str().expect("UTF-8");
        let started =
            terminal.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "30", "-c", root, &shell]);
        started.expect("tmux runs");
        terminal
    }

    /// What tmux prints; none where it fails.
    fn tmux(&self, args: &[&str]) -> Option<String> {
        let ran = Command::new("tmux").args(["-L", &self.socket]).args(args).output().ok()?;
        ran.status.success().then(|| String::from_utf8_lossy(&ran.stdout).into_owned())
    }

    /// Types a text.
    fn text(&self, text: &str) {
        // tmux would take a semicolon at the end for its own separator.
        let text = text.strip_suffix(';').map_or_else(|| text.to_owned(), |text| format!("{text}\\;"));
        self.tmux(&["send-keys", "-l", &text]).expect("keys");
    }

    /// Presses keys by tmux's names.
    fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat()).expect("keys");
    }

    fn line(&self, text: &str) {
        self.text(text);
        self.keys(&["Enter"]);
    }

    /// Waits until the screen fulfils a condition, and returns it.
    fn until(&self, what: &str, is: impl Fn(&str) -> bool) -> String {
        let began = Instant::now();
        loop {
            let screen = self.tmux(&["capture-pane", "-p"]).expect("the screen");
            if is(&screen) {
                return screen;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "{what} does not come:\n{screen}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn sees(&self, text: &str) -> String {
        self.until(text, |screen| screen.contains(text))
    }

    /// Waits for an empty prompt as the last line.
    fn prompt(&self) -> String {
        self.until("a prompt", |screen| screen.trim_end().lines().last() == Some("kubesql=>"))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

#[test]
#[cfg_attr(not(has_tmux), ignore = "needs tmux")]
fn edits_completes_and_searches_at_a_terminal() {
    let home = tempfile::tempdir().expect("a folder");
    let config = home.path().join(".config/kubesql");
    std::fs::create_dir_all(&config).expect("a folder");
    std::fs::write(config.join("shellrc"), "\\pset null (null)\n").expect("a start file");
    let terminal = Terminal::start(home.path(), &format!("--file {DEMO}"));
    terminal.sees("Type \"help\" for help.");
    terminal.prompt();
    // A statement over several lines, and the settings of the start file.
    terminal.line("select null::text as x,");
    terminal.sees("kubesql->");
    terminal.line("  'one");
    terminal.sees("kubesql'>");
    terminal.line("' as y;");
    terminal.sees("(null) | one\\n");
    // Tab completes keywords, tables, and keys of the data.
    terminal.prompt();
    terminal.keys(&["C-l"]);
    terminal.until("an empty screen", |screen| screen.trim() == "kubesql=>");
    terminal.text("sel");
    terminal.sees("kubesql=> sel");
    terminal.keys(&["Tab"]);
    terminal.sees("kubesql=> select ");
    terminal.text("name, topo from nodes;");
    terminal.keys(&["Left"; 12]);
    terminal.keys(&["Tab"]);
    terminal.sees("select name, \"labels.topology.kubernetes.io/zone\" from nodes;");
    terminal.keys(&["Enter"]);
    terminal.sees("(4 rows)");
    // Ctrl-C cancels the statement, not the shell, and clears a line.
    terminal.keys(&["C-l"]);
    terminal.line(ENDLESS);
    terminal.sees("running, ");
    terminal.keys(&["C-c"]);
    terminal.sees("error: statement cancelled");
    terminal.prompt();
    terminal.text("select 'never'");
    terminal.sees("'never'");
    terminal.keys(&["C-c"]);
    terminal.sees("^C");
    terminal.line("select 40 + 2 as answer;");
    terminal.until("the answer", |screen| screen.contains("     42\n") && screen.contains("answer"));
    // The editor changes the statement, which is run.
    terminal.line("select 1 as edited;");
    terminal.sees("edited");
    terminal.line("\\e");
    terminal.until("what was edited", |screen| screen.contains("select 2 as edited;") && screen.contains("      2\n"));
    terminal.prompt();
    terminal.keys(&["C-d"]);
    terminal.sees("left with 0");
    // The next shell has the history; each statement is one entry.
    let again = Terminal::start(home.path(), &format!("--file {DEMO}"));
    again.prompt();
    again.keys(&["C-r"]);
    again.text("null::");
    again.sees("(search 'null::')");
    again.keys(&["Enter"]);
    again.sees("> ' as y;");
    again.keys(&["C-c"]);
    again.sees("^C");
    again.line("exit");
    again.sees("left with 0");
}

#[test]
#[cfg_attr(not(all(has_tmux, has_less)), ignore = "needs tmux and less")]
fn pages_and_expands_large_answers() {
    let home = tempfile::tempdir().expect("a folder");
    let terminal = Terminal::start(home.path(), &format!("--file {DEMO}"));
    terminal.prompt();
    terminal.line("select value as n from generate_series(1, 1000);");
    let first = terminal.until("the pager", |screen| screen.trim_end().ends_with(':'));
    assert!(first.contains("    1\n"), "{first}");
    terminal.keys(&["G"]);
    terminal.sees("(1000 rows)");
    terminal.keys(&["q"]);
    terminal.prompt();
    terminal.line("\\pset pager off");
    terminal.line("select value as n from generate_series(1, 1000);");
    terminal.sees("(1000 rows)");
    terminal.prompt();
    // Rows that are too wide for the terminal are expanded; in a wider terminal they are a table again.
    terminal.keys(&["C-l"]);
    terminal.line("select repeat('wide ', 16) as a, repeat('wide ', 16) as b;");
    terminal.sees("-[ RECORD 1 ]");
    terminal.tmux(&["resize-window", "-x", "200", "-y", "30"]).expect("a wider terminal");
    terminal.keys(&["Up", "Enter"]);
    terminal.sees("(1 row)");
    terminal.line("\\q");
    terminal.sees("left with 0");
}

#[test]
fn remote_server_answers_as_this_process() {
    let server = HttpServer::start(&["--file", DEMO]);
    let url = format!("http://{}", server.address);
    let input = "select name, labels, creationtimestamp, \"allocatable.cpu\" from nodes order by name;\n\
        set search_path = apps;\nshow search_path;\nselect count(*) as n from deployments;\nreset search_path;\n\
        show search_path;\n\\d nodes\n\\dt pod*\n\\df *selector*\nselect nam from nodes;\nselect * from pods where false;\n";
    let there = run_with(&["shell", "--server", &url], input);
    let here = piped(&[], input);
    assert_eq!((there.code, there.out, there.err), (here.code, here.out, here.err));
    // More than fits into one response chunk.
    let many =
        run(&["shell", "--server", &url, "-o", "csv", "-c", "select value as n from generate_series(1, 100000)"]);
    assert_eq!((many.code, many.out.lines().count()), (Some(0), 100_001), "{}", many.err);
    let failed =
        run(&["shell", "--server", &url, "-o", "csv", "-c", "select 1 / (3 - value) as n from generate_series(1, 5)"]);
    assert_eq!(failed.code, Some(1), "{}{}", failed.out, failed.err);
    let no_api = run(&["shell", "--server", &format!("{url}/nothing"), "-c", "select 1"]);
    assert!(no_api.code.is_some_and(|code| code > 0) && no_api.err.contains("hint: "), "{}{}", no_api.out, no_api.err);
}
