//! `kubesql user` and `kubesql token`: manage the files of credentials.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::query::say;
use crate::args::{TokenCommand, UserCommand};
use crate::auth::users::validate_name;
use crate::auth::verifier::Verifier;
use crate::auth::{TOKEN_USER, credential_file, tokens};
use crate::failure::Failure;

/// Adds or removes a user.
pub(crate) fn user(command: &UserCommand) -> Result<(), Failure> {
    match command {
        UserCommand::Add { name, users } => {
            validate(name)?;
            if name == TOKEN_USER {
                return Err(Failure::usage(
                    format!("user name \"{TOKEN_USER}\" is reserved"),
                    "clients send it together with tokens; choose another name",
                ));
            }
            let verifier = Verifier::new(&password(name)?).to_string();
            match users {
                Some(path) => {
                    let existed = credential_file::upsert(path, name, &verifier);
                    let existed = existed.map_err(|error| write_failed(path, &error))?;
                    let change = if existed { "changed the password of" } else { "added" };
                    say(&format!("{change} user \"{name}\""));
                    Ok(())
                }
                None => Ok(writeln!(io::stdout().lock(), "{name}:{verifier}")?),
            }
        }
        UserCommand::Remove { name, users } => remove("user", users, name),
    }
}

/// Creates or revokes a token.
pub(crate) fn token(command: &TokenCommand) -> Result<(), Failure> {
    match command {
        TokenCommand::Create { name, tokens, expires } => {
            validate(name)?;
            let expires = expires.as_deref().map(expiry).transpose()?;
            let (token, line) = tokens::create(name, expires);
            let value = line.split_once(':').map_or("", |(_, value)| value);
            if let Some(path) = tokens {
                credential_file::upsert(path, name, value).map_err(|error| write_failed(path, &error))?;
            }
            let mut out = io::stdout().lock();
            writeln!(out, "{token}")?;
            if tokens.is_none() {
                writeln!(out, "{line}")?;
            }
            Ok(())
        }
        TokenCommand::Revoke { name, tokens } => remove("token", tokens, name),
    }
}

fn remove(what: &str, path: &Path, name: &str) -> Result<(), Failure> {
    validate(name)?;
    if credential_file::remove(path, name).map_err(|error| write_failed(path, &error))? {
        say(&format!("removed {what} \"{name}\""));
        return Ok(());
    }
    Err(Failure::usage(format!("{what} \"{name}\" does not exist in {}", path.display()), "names are case-sensitive"))
}

fn validate(name: &str) -> Result<(), Failure> {
    validate_name(name).map_err(|error| Failure::usage(error, "choose another name"))
}

fn write_failed(path: &Path, error: &io::Error) -> Failure {
    let hint = "the file is replaced, so that its folder must be writable";
    Failure::usage(format!("could not write {}: {error}", path.display()), hint)
}

/// Asks for a password twice at a terminal; otherwise reads the first line of standard input.
fn password(name: &str) -> Result<String, Failure> {
    let password = if io::stdin().is_terminal() {
        let typed = rpassword::prompt_password(format!("Password of {name}: "))?;
        if rpassword::prompt_password("Repeat: ")? != typed {
            return Err(Failure::usage("the passwords do not match", "try again"));
        }
        typed
    } else {
        let mut line = String::new();
        io::stdin().read_line(&mut line)?;
        let line = line.strip_suffix('\n').unwrap_or(&line);
        line.strip_suffix('\r').unwrap_or(line).to_owned()
    };
    if password.is_empty() {
        return Err(Failure::usage("the password is empty", "type one, or send it to standard input"));
    }
    Ok(password)
}

/// Parses a time or a duration from now.
fn expiry(text: &str) -> Result<Timestamp, Failure> {
    let invalid = || {
        let hint = "use days, hours or minutes (30d, 12h, 10m), or a time such as 2027-01-31T00:00:00Z";
        Failure::usage(format!("invalid --expires \"{text}\""), hint)
    };
    let now = Timestamp::now();
    let hours = text.strip_suffix('d').map(|days| (days, 24 * 60));
    let hours = hours.or_else(|| text.strip_suffix('h').map(|hours| (hours, 60)));
    let expires = match hours.or_else(|| text.strip_suffix('m').map(|minutes| (minutes, 1))) {
        Some((number, minutes)) => {
            let number: u32 = number.parse().map_err(|_| invalid())?;
            let after = SignedDuration::from_mins(i64::from(number) * minutes);
            now.checked_add(after).map_err(|_| invalid())?
        }
        None => text.parse().map_err(|_| invalid())?,
    };
    if expires <= now {
        return Err(Failure::usage(format!("--expires \"{text}\" is in the past"), "use a time in the future"));
    }
    // Whole seconds are precise enough, and easier to read in the file.
    Timestamp::from_second(expires.as_second()).map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiries_are_in_the_future() {
        let in_seconds = |text: &str| expiry(text).expect(text).as_second() - Timestamp::now().as_second();
        for (text, seconds) in [("30d", 30 * 86_400), ("12h", 12 * 3600), ("10m", 600)] {
            assert!((in_seconds(text) - seconds).abs() <= 1, "{text}");
        }
        assert_eq!(expiry("2999-01-31T00:00:00Z").expect("a time").to_string(), "2999-01-31T00:00:00Z");
        for wrong in ["", "d", "0d", "-1d", "soon", "2020-01-01T00:00:00Z", "99999999999d", "4294967295d"] {
            assert!(expiry(wrong).is_err(), "{wrong}");
        }
    }
}
