//! Label selectors with the syntax of kubectl.

/// A selector, which matches labels that meet all requirements.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Selector(Vec<Requirement>);

#[derive(Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Debug, PartialEq, Eq)]
enum Test {
    /// `key`: the key exists.
    Exists,
    /// `!key`: the key does not exist.
    Absent,
    /// `key in (a, b)`, `key=a`: the value is one of these.
    In(Vec<String>),
    /// `key notin (a, b)`, `key!=a`: the value is none of these, or the key does not exist.
    NotIn(Vec<String>),
    /// `key>5`: the value is a larger number.
    Greater(i64),
    /// `key<5`: the value is a smaller number.
    Less(i64),
}

impl Selector {
    /// Parses a selector. An empty one matches everything.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        Parser { tokens: tokenize(text)?, next: 0, text }.parse_selector()
    }

    /// Returns whether the selector matches; `label` returns the value of a label.
    pub(super) fn matches<'l>(&self, label: impl Fn(&str) -> Option<&'l str>) -> bool {
        self.0.iter().all(|requirement| {
            let value = label(&requirement.key);
            let number = || value.and_then(|value| value.parse::<i64>().ok());
            match &requirement.test {
                Test::Exists => value.is_some(),
                Test::Absent => value.is_none(),
                Test::In(values) => value.is_some_and(|value| values.iter().any(|allowed| allowed == value)),
                Test::NotIn(values) => value.is_none_or(|value| values.iter().all(|excluded| excluded != value)),
                Test::Greater(limit) => number().is_some_and(|number| number > *limit),
                Test::Less(limit) => number().is_some_and(|number| number < *limit),
            }
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Symbol(&'static str),
}

fn tokenize(text: &str) -> Result<Vec<Token>, String> {
    const SYMBOLS: [&str; 9] = ["==", "!=", "=", "!", "(", ")", ",", ">", "<"];
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if let Some(symbol) = SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol)) {
            tokens.push(Token::Symbol(symbol));
            rest = &rest[symbol.len()..];
        } else {
            let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            if end == 0 {
                return Err(format!("selector \"{text}\": unexpected {first:?}"));
            }
            tokens.push(Token::Word(rest[..end].to_owned()));
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    Ok(tokens)
}

struct Parser<'t> {
    tokens: Vec<Token>,
    next: usize,
    text: &'t str,
}

impl Parser<'_> {
    fn parse_selector(mut self) -> Result<Selector, String> {
        let mut requirements = Vec::new();
        while self.next < self.tokens.len() {
            requirements.push(self.parse_requirement()?);
            match self.advance() {
                None => break,
                Some(Token::Symbol(",")) if self.next < self.tokens.len() => {}
                Some(other) => return Err(self.unexpected("a comma between requirements", Some(&other))),
            }
        }
        Ok(Selector(requirements))
    }

    fn parse_requirement(&mut self) -> Result<Requirement, String> {
        if self.peek() == Some(&Token::Symbol("!")) {
            self.next += 1;
            return Ok(Requirement { key: self.expect_word("a key")?, test: Test::Absent });
        }
        let key = self.expect_word("a key")?;
        let test = match self.peek().cloned() {
            None | Some(Token::Symbol(",")) => return Ok(Requirement { key, test: Test::Exists }),
            Some(Token::Symbol("=" | "==")) => Test::In(vec![self.parse_value()]),
            Some(Token::Symbol("!=")) => Test::NotIn(vec![self.parse_value()]),
            Some(Token::Symbol(symbol @ (">" | "<"))) => {
                let limit = self.parse_value();
                let limit = limit
                    .parse()
                    .map_err(|_| format!("selector \"{}\": expected an integer after {symbol}", self.text))?;
                if symbol == ">" { Test::Greater(limit) } else { Test::Less(limit) }
            }
            Some(Token::Word(word)) if word == "in" => Test::In(self.parse_values()?),
            Some(Token::Word(word)) if word == "notin" => Test::NotIn(self.parse_values()?),
            Some(other) => return Err(self.unexpected("=, ==, !=, in or notin", Some(&other))),
        };
        Ok(Requirement { key, test })
    }

    /// Parses the value after an operator, which may be empty (`app=`).
    fn parse_value(&mut self) -> String {
        self.next += 1;
        match self.peek().cloned() {
            Some(Token::Word(word)) => {
                self.next += 1;
                word
            }
            _ => String::new(),
        }
    }

    /// Parses `(a, b)` after `in` or `notin`. Values may be empty, as in `(a,)`.
    fn parse_values(&mut self) -> Result<Vec<String>, String> {
        self.next += 1;
        match self.advance() {
            Some(Token::Symbol("(")) => {}
            other => return Err(self.unexpected("( after in or notin", other.as_ref())),
        }
        let mut values = Vec::new();
        loop {
            let value = match self.peek().cloned() {
                Some(Token::Word(word)) => {
                    self.next += 1;
                    word
                }
                _ => String::new(),
            };
            values.push(value);
            match self.advance() {
                Some(Token::Symbol(",")) => {}
                Some(Token::Symbol(")")) => return Ok(values),
                other => return Err(self.unexpected(", or )", other.as_ref())),
            }
        }
    }

    fn expect_word(&mut self, what: &str) -> Result<String, String> {
        match self.advance() {
            Some(Token::Word(word)) => Ok(word),
            other => Err(self.unexpected(what, other.as_ref())),
        }
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    fn advance(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.next += 1;
        token
    }

    fn unexpected(&self, expected: &str, found: Option<&Token>) -> String {
        let found = match found {
            None => "end of selector".to_owned(),
            Some(Token::Word(word)) => format!("\"{word}\""),
            Some(Token::Symbol(symbol)) => format!("\"{symbol}\""),
        };
        format!("selector \"{}\": expected {expected}, found {found}", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_like_kubectl() {
        let labels = [("app", "web"), ("tier", "front"), ("empty", ""), ("rank", "7"), ("example.com/x", "y")];
        let label = |key: &str| labels.iter().find(|(name, _)| *name == key).map(|(_, value)| *value);
        for (selector, expect) in [
            ("", true),
            ("app", true),
            ("!app", false),
            ("! gone", true),
            ("gone", false),
            ("app=web", true),
            ("app == web , tier=front", true),
            ("app=web,tier=back", false),
            ("app!=web", false),
            ("gone!=web", true),
            ("app in (db, web)", true),
            ("app notin (db,web)", false),
            ("gone notin (a)", true),
            ("gone in (a)", false),
            ("empty=", true),
            ("empty in (a,)", true),
            ("app=", false),
            ("rank>6", true),
            ("rank > 7", false),
            ("rank<8,app", true),
            ("app>1", false),
            ("example.com/x=y", true),
            ("in", false),
        ] {
            assert_eq!(Selector::parse(selector).map(|parsed| parsed.matches(label)), Ok(expect), "{selector}");
        }
    }

    #[test]
    fn errors_quote_the_selector() {
        for selector in
            ["app=web,", "=web", "app in", "app in (", "app in (a", "app ~ web", "app web", "rank>x", "!", "a,,b"]
        {
            let error = Selector::parse(selector).expect_err(selector);
            assert!(error.contains(&format!("selector \"{selector}\"")), "{error}");
        }
    }
}
