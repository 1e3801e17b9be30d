//! Bearer tokens: a file of lines `name:sha256` or `name:sha256:expiry`. It contains hashes, from which the tokens
//! cannot be recovered.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

use super::crypto::{Hash, constant_time_eq, sha256};
use super::users::{content_lines, validate_name};

/// All tokens of a file.
#[derive(Debug)]
pub(crate) struct Tokens(Vec<Token>);

#[derive(Debug)]
struct Token {
    name: String,
    hash: Hash,
    expires: Option<Timestamp>,
}

impl Tokens {
    /// Reads a file. An invalid line is an error.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path).map_err(|error| format!("could not read {}: {error}", path.display()))?;
        let token = |(number, line): (usize, &str)| {
            parse(line).map_err(|error| format!("{}:{number}: {error}", path.display()))
        };
        Ok(Self(content_lines(&text).map(token).collect::<Result<_, _>>()?))
    }

    /// The name of a token's owner; `None` if the token is unknown or has expired.
    pub(super) fn owner(&self, token: &str, now: Timestamp) -> Option<&str> {
        let hash = sha256(token.as_bytes());
        // All tokens are compared, so that the time does not depend on which one matches.
        let matches = |token: &Token| constant_time_eq(&token.hash, &hash);
        let found = self.0.iter().fold(None, |found, token| if matches(token) { Some(token) } else { found });
        let token = found.filter(|token| token.expires.is_none_or(|expires| now < expires))?;
        Some(&token.name)
    }

    /// Whether a token of this name exists and has not expired.
    pub(super) fn has_valid(&self, name: &str, now: Timestamp) -> bool {
        self.0.iter().any(|token| token.name == name && token.expires.is_none_or(|expires| now < expires))
    }
}

fn parse(line: &str) -> Result<Token, String> {
    let mut parts = line.splitn(3, ':');
    let (Some(name), Some(digits)) = (parts.next(), parts.next()) else {
        return Err("expected `name:sha256` or `name:sha256:expiry`".to_owned());
    };
    validate_name(name)?;
    let hash = parse_hex(digits).ok_or_else(|| {
        format!("invalid SHA-256 for token \"{name}\"; create a line with `kubesql token create {name}`")
    })?;
    let expires = parts.next().map(|expiry| {
        expiry.parse().map_err(|_| format!("invalid expiry \"{expiry}\"; expected a time such as 2027-01-31T00:00:00Z"))
    });
    Ok(Token { name: name.to_owned(), hash, expires: expires.transpose()? })
}

fn parse_hex(digits: &str) -> Option<Hash> {
    let mut hash = Hash::default();
    if digits.len() != 2 * hash.len() || !digits.is_ascii() {
        return None;
    }
    for (at, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(hash)
}

/// A new random token, and its line in the file.
pub(crate) fn create(name: &str, expires: Option<Timestamp>) -> (String, String) {
    let token = format!("kubesql_{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()));
    let mut line = format!("{name}:");
    for byte in sha256(token.as_bytes()) {
        // Writing to a String cannot fail.
        _ = write!(line, "{byte:02x}");
    }
    if let Some(expires) = expires {
        _ = write!(line, ":{expires}");
    }
    (token, line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_found_by_their_hash_until_they_expire() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tokens");
        let soon: Timestamp = "2026-12-01T00:00:00Z".parse().expect("a time");
        let ((ci, ci_line), (bot, bot_line)) = (create("ci", None), create("bot", Some(soon)));
        assert_ne!(ci, create("ci", None).0);
        fs::write(&path, format!("# tokens\n{ci_line}\n{bot_line}\n")).expect("a file");
        assert!(!fs::read_to_string(&path).expect("text").contains(&ci));
        let tokens = Tokens::read(&path).expect("tokens");
        let at = |time: &str| time.parse::<Timestamp>().expect("a time");
        assert_eq!(tokens.owner(&ci, at("2030-01-01T00:00:00Z")), Some("ci"));
        assert_eq!(tokens.owner(&bot, at("2026-11-30T23:59:59Z")), Some("bot"));
        assert_eq!(tokens.owner(&bot, soon), None, "it has expired");
        assert_eq!(tokens.owner("", soon), None);
        assert_eq!(tokens.owner("kubesql_x", soon), None);
        assert!(tokens.has_valid("ci", soon) && !tokens.has_valid("bot", soon));
    }

    #[test]
    fn rejects_invalid_lines() {
        let good = create("ci", None).1;
        for (line, expect) in [
            ("ci", "expected `name:sha256`"),
            ("ci:plain-token", "invalid SHA-256 for token \"ci\""),
            (&format!("{good}:tomorrow"), "invalid expiry \"tomorrow\""),
            (&format!(" x{good}"), "invalid name"),
            (&good.replace("ci:", ":"), "a name must have"),
        ] {
            let error = parse(line).expect_err(line);
            assert!(error.starts_with(expect), "{line}: {error}");
        }
    }
}
