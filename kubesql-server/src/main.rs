//! The `kubesql` command.

mod args;
mod audit;
mod auth;
mod caret;
mod commands;
mod failure;
mod flight;
mod glob;
#[allow(clippy::result_large_err)] // what is refused is refused by whole answers
mod http;
mod listen;
mod output;
mod pg;
mod placeholders;
mod query;
mod reload;
mod secure_file;
mod shell;
mod sources;
mod table_order;
mod tls;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use args::{Cli, Command};
use failure::Failure;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let args = with_command(std::env::args_os().collect());
    let Some(command) = Cli::parse_from(args).command.or_else(default_command) else { return usage() };
    let result = match command {
        Command::Query(args) => commands::query::run(&args),
        Command::Tables(args) => commands::tables::run(&args),
        Command::Describe(args) => commands::describe::run(&args),
        Command::Explain(args) => commands::explain::run(&args),
        Command::Serve(args) => commands::serve::run(&args),
        Command::User(command) => commands::user::user(&command),
        Command::Token(command) => commands::user::token(&command),
        Command::Shell(args) => return finish(commands::shell::run(&args)),
        Command::Demo(args) => commands::demo::run(&args),
        Command::Version => version(),
        Command::Completions { shell } => completions(shell),
    };
    finish(result.map(|()| 0))
}

/// The arguments with the command `query` in front if they have a statement but no command: `kubesql "select 1"`.
fn with_command(mut args: Vec<OsString>) -> Vec<OsString> {
    let is_command = |arg: &OsString| {
        let named = arg.to_str().and_then(|name| Cli::command().find_subcommand(name).map(|_| ()));
        named.is_some() || ["help", "-h", "--help", "-V", "--version"].iter().any(|name| arg == name)
    };
    let is_statement = |arg: &OsString| {
        const FIRST: [&str; 6] = ["select", "with", "show", "describe", "explain", "values"];
        let words =
            arg.to_str().map(|text| text.trim_start_matches(|letter: char| letter == '(' || letter.is_whitespace()));
        let first = words.and_then(|text| text.split_once(char::is_whitespace)).map(|(first, _)| first);
        first.is_some_and(|first| FIRST.iter().any(|word| first.eq_ignore_ascii_case(word)))
    };
    let has_command = args.get(1).is_none_or(is_command);
    if !has_command && args.iter().skip(1).any(|arg| is_statement(arg) || arg == "-f") {
        args.insert(1, "query".into());
    }
    args
}

/// Prints the version.
fn version() -> Result<(), Failure> {
    writeln!(io::stdout().lock(), "{}", Cli::command().render_version().trim_end())?;
    Ok(())
}

/// The default command: the shell, if this is a terminal.
fn default_command() -> Option<Command> {
    let at_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    if at_terminal { Cli::parse_from(["kubesql", "shell"]).command } else { None }
}

/// Prints the usage when called without arguments and not at a terminal.
fn usage() -> ExitCode {
    _ = write!(io::stderr().lock(), "{}", Cli::command().render_help());
    ExitCode::from(2)
}

/// Reports an error and returns the exit code.
fn finish(result: Result<u8, Failure>) -> ExitCode {
    match result {
        Ok(code) => ExitCode::from(code),
        Err(failure) if failure.is_broken_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            // If stderr is closed, there is only the exit code.
            _ = writeln!(io::stderr().lock(), "{failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Prints a completion script. It is generated in memory first, since the generator panics on write errors.
fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "kubesql", &mut script);
    io::stdout().lock().write_all(&script)?;
    Ok(())
}
