//! `kubesql shell`: statements at a prompt, or from a pipe.

use super::runtime;
use crate::args::ShellArgs;
use crate::failure::Failure;

/// Runs the shell until it is left; the exit code of a script.
pub(crate) fn run(args: &ShellArgs) -> Result<u8, Failure> {
    let runtime = runtime()?;
    let result = crate::shell::run(args, &runtime);
    // A statement that was stopped must not hold up the end.
    runtime.shutdown_background();
    result
}
