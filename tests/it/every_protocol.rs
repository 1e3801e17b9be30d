//! One list of statements over every protocol: the same rows, and the same kinds of errors.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::clients::python;
use super::support::{DEMO, binary, root};

/// A server with all protocols; it stops when this is dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

#[test]
#[cfg_attr(not(has_python_clients), ignore = "needs cargo xtask clients")]
fn all_protocols_give_the_same_answers() {
    const ANY: &str = "127.0.0.1:0";
    let mut client = python("python");
    let process = Command::new(binary())
        .current_dir(root())
        .args(["serve", "--file", DEMO, "--pg", ANY, "--http", ANY, "--flight", ANY, "--statement-timeout", "3"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut served = Server(process);
    let lines = BufReader::new(served.0.stdout.take().expect("standard output")).lines();
    let ports: Vec<String> = lines
        .take(3)
        .map(|line| {
            let line = line.expect("a line");
            let port = line.split_once(" clients on 127.0.0.1:").and_then(|(_, rest)| rest.split_once(';'));
            port.unwrap_or_else(|| panic!("{line}")).0.to_owned()
        })
        .collect();
    let ran = client.arg("tests/clients/every_protocol.py").args(&ports).output().expect("it starts");
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success() && out.starts_with("as expected: "), "{out}\n{err}");
}
