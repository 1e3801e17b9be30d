//! `kubesql shell`: statements from a prompt, a pipe or files.

use super::runtime;
use crate::args::ShellArgs;
use crate::failure::Failure;

/// Runs the shell until it ends; returns the exit code of a script.
pub(crate) fn run(args: &ShellArgs) -> Result<u8, Failure> {
    let runtime = runtime()?;
    let result = crate::shell::run(args, &runtime);
    // Does not wait for a cancelled statement.
    runtime.shutdown_background();
    result
}
