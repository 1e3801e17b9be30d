//! Bearer tokens: a file with a line for each, which has the token's hash and when it ends, but not the token.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

use super::same;
use super::users::{check_name, lines};
use super::verifier::{Hash, hash};

/// Who may come in with a token.
#[derive(Debug)]
pub(crate) struct Tokens(Vec<Token>);

#[derive(Debug)]
struct Token {
    name: String,
    hash: Hash,
    expires: Option<Timestamp>,
}

impl Tokens {
    /// All of a file; one that is wrong is an error, and not left out.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        let token = |(number, line): (usize, &str)| {
            parse(line).map_err(|error| format!("{}:{number}: {error}", path.display()))
        };
        Ok(Self(lines(&text).map(token).collect::<Result<_, _>>()?))
    }

    /// Whose token this is; none where it is nobody's, or has ended.
    pub(super) fn whose(&self, token: &str, now: Timestamp) -> Option<&str> {
        let of = hash(token.as_bytes());
        // All are looked at, so that it takes as long whichever it is.
        let found = self.0.iter().fold(None, |found, token| if same(&token.hash, &of) { Some(token) } else { found });
        let token = found.filter(|token| token.expires.is_none_or(|expires| now < expires))?;
        Some(&token.name)
    }

    /// Whether there is one of this name that has not ended.
    pub(super) fn has(&self, name: &str, now: Timestamp) -> bool {
        self.0.iter().any(|token| token.name == name && token.expires.is_none_or(|expires| now < expires))
    }
}

fn parse(line: &str) -> Result<Token, String> {
    let mut parts = line.splitn(3, ':');
    let (Some(name), Some(digits)) = (parts.next(), parts.next()) else {
        return Err("this is no `name:sha256` or `name:sha256:expiry`".to_owned());
    };
    check_name(name)?;
    let hash = of_digits(digits).ok_or_else(|| {
        format!(
            "what stands behind {name} is no SHA-256 in 64 hexadecimal digits; `kubesql token create {name}` makes one"
        )
    })?;
    let expires = parts
        .next()
        .map(|expiry| expiry.parse().map_err(|_| format!("{expiry} is no time such as 2027-01-31T00:00:00Z")));
    Ok(Token { name: name.to_owned(), hash, expires: expires.transpose()? })
}

fn of_digits(digits: &str) -> Option<Hash> {
    let mut hash = Hash::default();
    if digits.len() != 2 * hash.len() || !digits.is_ascii() {
        return None;
    }
    for (at, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(hash)
}

/// A new token that nobody can guess, and its line in the file.
pub(crate) fn create(name: &str, expires: Option<Timestamp>) -> (String, String) {
    let token = format!("kubesql_{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()));
    let mut line = format!("{name}:");
    for byte in hash(token.as_bytes()) {
        // Writing to a text cannot fail.
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
    fn tokens_are_known_by_their_hash_until_they_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tokens");
        let soon: Timestamp = "2026-12-01T00:00:00Z".parse().expect("a time");
        let ((ci, ci_line), (bot, bot_line)) = (create("ci", None), create("bot", Some(soon)));
        assert_ne!(ci, create("ci", None).0);
        fs::write(&path, format!("# tokens\n{ci_line}\n{bot_line}\n")).expect("a file");
        assert!(!fs::read_to_string(&path).expect("text").contains(&ci));
        let tokens = Tokens::read(&path).expect("tokens");
        let at = |time: &str| time.parse::<Timestamp>().expect("a time");
        assert_eq!(tokens.whose(&ci, at("2030-01-01T00:00:00Z")), Some("ci"));
        assert_eq!(tokens.whose(&bot, at("2026-11-30T23:59:59Z")), Some("bot"));
        assert_eq!(tokens.whose(&bot, soon), None, "it has ended");
        assert_eq!(tokens.whose("", soon), None);
        assert_eq!(tokens.whose("kubesql_x", soon), None);
        assert!(tokens.has("ci", soon) && !tokens.has("bot", soon));
    }

    #[test]
    fn what_is_no_line_is_refused() {
        let good = create("ci", None).1;
        for (line, expect) in [
            ("ci", "this is no"),
            ("ci:plain-token", "what stands behind ci is no SHA-256"),
            (&format!("{good}:tomorrow"), "tomorrow is no time"),
            (&format!(" x{good}"), "the name"),
            (&good.replace("ci:", ":"), "a name has"),
        ] {
            let error = parse(line).expect_err(line);
            assert!(error.starts_with(expect), "{line}: {error}");
        }
    }
}
