//! The examples of docs/*.md: each is taken from the document, run with a real client, and compared with the output
//! that the document shows.
//!
//! `<!-- test: sh -->` before a fenced block makes it an example. The `text` block after it is its output. A word after
//! the language names what the example needs: a program of the Python environment, or a Java archive.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use super::clients::{java, python};
use super::document_files::{compare, updating};
use super::support::{DEMO, binary, root};

/// The ports that the documents use; the server of a test takes others.
const PORTS: [&str; 3] = ["5432", "8080", "32010"];

/// A server over the files of the documents.
struct Server {
    process: Child,
    /// The actual ports, in the order of [`PORTS`].
    ports: [String; 3],
}

impl Server {
    fn start() -> Self {
        let any = "127.0.0.1:0";
        let mut process = Command::new(binary())
            .current_dir(root())
            .args(["serve", "--file", DEMO, "--pg", any, "--http", any, "--flight", any])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the command starts");
        let lines = BufReader::new(process.stdout.take().expect("standard output")).lines();
        let ports: Vec<String> = lines.take(3).map(|line| port(&line.expect("a line"))).collect();
        Self { process, ports: ports.try_into().expect("one line per protocol") }
    }

    /// The text with the actual ports.
    fn with_ports(&self, text: &str) -> String {
        // In two steps, since an actual port may contain the digits of another.
        let marked = PORTS.iter().zip(["\u{1}", "\u{2}", "\u{3}"]);
        let text = marked.clone().fold(text.to_owned(), |text, (shown, mark)| text.replace(shown, mark));
        marked.zip(&self.ports).fold(text, |text, ((_, mark), actual)| text.replace(mark, actual))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

/// The port of the first address in a line.
fn port(line: &str) -> String {
    let after = line.split_once("127.0.0.1:").unwrap_or_else(|| panic!("no address in {line:?}")).1;
    after.chars().take_while(char::is_ascii_digit).collect()
}

/// An example of a document.
struct Example {
    /// `sh`, `python`, `java`, `trino-server`.
    language: String,
    /// What it needs besides the language.
    needs: String,
    code: String,
    /// The line of the document, for messages.
    line: usize,
}

/// The next line of a document, which is also copied to the output.
fn copied<'a>(lines: &mut std::iter::Peekable<impl Iterator<Item = (usize, &'a str)>>, to: &mut String) -> &'a str {
    let (_, line) = lines.next().expect("a complete example");
    _ = writeln!(to, "{line}");
    line
}

/// Runs the examples of a document in these languages, and compares or rewrites their outputs.
fn check(document: &str, languages: &[&str]) {
    let _guard = updating();
    let path = root().join(document);
    let text = std::fs::read_to_string(&path).expect("a document");
    let server = Server::start();
    let (mut is, mut count) = (String::new(), 0);
    let mut lines = text.lines().enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        _ = writeln!(is, "{line}");
        let Some(words) = line.strip_prefix("<!-- test: ").and_then(|rest| rest.strip_suffix(" -->")) else { continue };
        let (language, needs) = words.split_once(' ').unwrap_or((words, ""));
        let fence = copied(&mut lines, &mut is);
        assert!(fence.starts_with("```"), "{document}:{}: no code after {line}", number + 1);
        let mut code = String::new();
        loop {
            match copied(&mut lines, &mut is) {
                "```" => break,
                line => _ = writeln!(code, "{line}"),
            }
        }
        let example = Example { language: language.to_owned(), needs: needs.to_owned(), code, line: number + 1 };
        if !languages.contains(&language) {
            continue;
        }
        count += 1;
        let printed = example.run(&server, document);
        // The old output, if there is any.
        if lines.peek().is_some_and(|(_, line)| line.is_empty()) {
            _ = writeln!(is, "{}", lines.next().expect("as seen").1);
        }
        if lines.next_if(|(_, line)| *line == "```text").is_some() {
            while lines.next().is_some_and(|(_, line)| line != "```") {}
            _ = write!(is, "```text\n{printed}```\n");
        } else {
            _ = write!(is, "```text\n{printed}```\n\n");
        }
    }
    assert!(count > 0, "{document} has no examples in {languages:?}");
    compare(document, &is, &text);
}

impl Example {
    /// What it prints.
    fn run(&self, server: &Server, document: &str) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let code = server.with_ports(&self.code);
        let mut command = match self.language.as_str() {
            "sh" => self.shell(&code, folder.path(), server),
            "python" => self.python(&code, folder.path()),
            "java" => self.java(&code, folder.path()),
            other => panic!("{document}:{}: unknown language {other}", self.line),
        };
        let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output().expect("the client starts");
        let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert!(status.success(), "{document}:{}: {status}\n{out}\n{err}", self.line);
        assert!(!out.trim().is_empty(), "{document}:{}: nothing was printed\n{err}", self.line);
        out.trim_end().lines().map(|line| format!("{}\n", line.trim_end())).collect()
    }

    /// A shell that finds the program that the example needs.
    fn shell(&self, code: &str, folder: &Path, server: &Server) -> Command {
        let mut path = vec![folder.to_owned()];
        match self.needs.as_str() {
            "" => {}
            "presto" => self.java_program(folder, "presto-cli", "com.facebook.presto.cli.Presto"),
            "trino" => self.java_program(folder, "trino-cli", "io.trino.cli.Trino"),
            program => path.push(Path::new(python(program).get_program()).parent().expect("a folder").to_owned()),
        }
        path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        let mut command = Command::new("sh");
        command.current_dir(root()).args(["-c", code]).env("PATH", std::env::join_paths(path).expect("a search path"));
        // psql's defaults are those of the document: the port, and any user.
        command.env("PGPORT", &server.ports[0]).env("PGUSER", "me").env("PGDATABASE", "kubesql");
        // Nothing of the person who runs the tests.
        command.env("HOME", folder).env("PSQLRC", "/dev/null").env("TZ", "Etc/UTC");
        command
    }

    /// A script that starts a program of a Java archive.
    fn java_program(&self, folder: &Path, jar: &str, class: &str) {
        let java = java(&[jar]);
        let path = java.get_args().nth(1).expect("the class path").to_string_lossy();
        let script = folder.join(&self.needs);
        std::fs::write(&script, format!("#!/bin/sh\nexec java -cp '{path}' {class} \"$@\"\n")).expect("a script");
        #[cfg(unix)]
        std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a program");
    }

    fn python(&self, code: &str, folder: &Path) -> Command {
        let mut command = python("python");
        let file = folder.join("example.py");
        std::fs::write(&file, code).expect("a file");
        if self.needs == "duckdb" {
            let installed = python("python").args(["-c", INSTALL_EXTENSION]).arg(folder).output().expect("Python runs");
            assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
            command.env("HOME", folder);
        }
        command.arg(file);
        command
    }

    fn java(&self, code: &str, folder: &Path) -> Command {
        let mut command = java(&[&self.needs]);
        let name = code.split_once("public class ").expect("a class").1.split_whitespace().next().expect("its name");
        let file = folder.join(format!("{name}.java"));
        std::fs::write(&file, code).expect("a file");
        command.arg("--add-opens=java.base/java.nio=ALL-UNNAMED").arg(file);
        command
    }
}

/// Installs DuckDB's extension in a home directory, from a Python package instead of from the network.
const INSTALL_EXTENSION: &str = "
import duckdb, duckdb_extension_postgres_scanner as package, pathlib, shutil, sys
[extension] = pathlib.Path(package.__file__).parent.rglob('*.duckdb_extension')
[platform] = duckdb.sql('pragma platform').fetchone()
folder = pathlib.Path(sys.argv[1], '.duckdb/extensions', extension.parent.name, platform)
folder.mkdir(parents=True)
shutil.copy(extension, folder)
";

#[test]
#[cfg_attr(
    not(all(has_psql, has_curl, has_python_clients, has_java_clients)),
    ignore = "needs psql, curl, Java, and cargo xtask clients"
)]
fn shell_examples_print_what_the_documents_show() {
    check("docs/clients.md", &["sh"]);
    check("docs/http-api.md", &["sh"]);
}

#[test]
#[cfg_attr(not(has_python_clients), ignore = "needs cargo xtask clients")]
fn python_examples_print_what_the_documents_show() {
    check("docs/clients.md", &["python"]);
}

#[test]
#[cfg_attr(not(has_java_clients), ignore = "needs Java, and cargo xtask clients")]
fn java_examples_print_what_the_documents_show() {
    check("docs/clients.md", &["java"]);
}

#[test]
fn trino_server_is_tested_with_the_documented_properties() {
    let document = std::fs::read_to_string(root().join("docs/clients.md")).expect("a document");
    let (_, block) = document.split_once("<!-- test: trino-server -->\n```properties\n").expect("the properties");
    let (block, _) = block.split_once("```").expect("the end of the properties");
    let test = std::fs::read_to_string(root().join("tests/clients/TrinoServer.java")).expect("the test");
    for line in block.lines() {
        // The test has a port of its own.
        let line = line.split_once(":5432").map_or(line, |(before, _)| before);
        assert!(test.contains(line), "tests/clients/TrinoServer.java does not set {line}");
    }
}
