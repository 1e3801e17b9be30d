//! `kubesql user` and `kubesql token`: who may come in.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::query::say;
use crate::args::{TokenCommand, UserCommand};
use crate::auth::users::check_name;
use crate::auth::verifier::Verifier;
use crate::auth::{TOKEN, edit, tokens};
use crate::failure::Failure;

/// Adds or removes a user.
pub(crate) fn user(command: &UserCommand) -> Result<(), Failure> {
    match command {
        UserCommand::Add { name, users } => {
            checked(name)?;
            if name == TOKEN {
                return Err(Failure::usage(
                    format!("no user can be called {TOKEN}"),
                    "that is the name that tokens are sent with; choose another",
                ));
            }
            let verifier = Verifier::new(&password(name)?).to_string();
            match users {
                Some(path) => {
                    let there = edit::put(path, name, &verifier).map_err(|error| unwritable(path, &error))?;
                    say(&format!("{name} {}", if there { "has another password now" } else { "was added" }));
                    Ok(())
                }
                None => Ok(writeln!(io::stdout().lock(), "{name}:{verifier}")?),
            }
        }
        UserCommand::Remove { name, users } => removed(users, name),
    }
}

/// Makes or ends a token.
pub(crate) fn token(command: &TokenCommand) -> Result<(), Failure> {
    match command {
        TokenCommand::Create { name, tokens, expires } => {
            checked(name)?;
            let expires = expires.as_deref().map(expiry).transpose()?;
            let (token, line) = tokens::create(name, expires);
            let value = line.split_once(':').map_or("", |(_, value)| value);
            if let Some(path) = tokens {
                edit::put(path, name, value).map_err(|error| unwritable(path, &error))?;
            }
            let mut out = io::stdout().lock();
            writeln!(out, "{token}")?;
            if tokens.is_none() {
                writeln!(out, "{line}")?;
            }
            Ok(())
        }
        TokenCommand::Revoke { name, tokens } => removed(tokens, name),
    }
}

fn removed(path: &Path, name: &str) -> Result<(), Failure> {
    checked(name)?;
    if edit::remove(path, name).map_err(|error| unwritable(path, &error))? {
        say(&format!("{name} was removed"));
        return Ok(());
    }
    Err(Failure::usage(
        format!("there is no {name} in {}", path.display()),
        "names are told apart by their letters' case",
    ))
}

fn checked(name: &str) -> Result<(), Failure> {
    check_name(name).map_err(|error| Failure::usage(error, "choose another name"))
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    let hint = "the file is written anew beside the old one: its folder has to be writable";
    Failure::usage(format!("{} cannot be changed: {error}", path.display()), hint)
}

/// Asked for twice where somebody sits there, and otherwise the first line of standard input.
fn password(name: &str) -> Result<String, Failure> {
    let password = if io::stdin().is_terminal() {
        let asked = rpassword::prompt_password(format!("Password of {name}: "))?;
        if rpassword::prompt_password("Again: ")? != asked {
            return Err(Failure::usage("the two passwords are not the same", "try again"));
        }
        asked
    } else {
        let mut line = String::new();
        io::stdin().read_line(&mut line)?;
        let line = line.strip_suffix('\n').unwrap_or(&line);
        line.strip_suffix('\r').unwrap_or(line).to_owned()
    };
    if password.is_empty() {
        return Err(Failure::usage("the password is empty", "type one, or give it on standard input"));
    }
    Ok(password)
}

/// A time, or how long from now.
fn expiry(text: &str) -> Result<Timestamp, Failure> {
    let wrong = || {
        let hint = "it takes days, hours or minutes (30d, 12h, 10m), or a time such as 2027-01-31T00:00:00Z";
        Failure::usage(format!("--expires cannot be {text}"), hint)
    };
    let now = Timestamp::now();
    let hours = text.strip_suffix('d').map(|days| (days, 24 * 60));
    let hours = hours.or_else(|| text.strip_suffix('h').map(|hours| (hours, 60)));
    let expires = match hours.or_else(|| text.strip_suffix('m').map(|minutes| (minutes, 1))) {
        Some((number, minutes)) => {
            let number: u32 = number.parse().map_err(|_| wrong())?;
            let after = SignedDuration::from_mins(i64::from(number) * minutes);
            now.checked_add(after).map_err(|_| wrong())?
        }
        None => text.parse().map_err(|_| wrong())?,
    };
    if expires <= now {
        return Err(Failure::usage(format!("{text} is over already"), "give a time to come"));
    }
    // To the second: nobody needs more, and the file is read by people.
    Timestamp::from_second(expires.as_second()).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiries_are_to_come() {
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
