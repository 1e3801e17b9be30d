//! Label selectors, with the grammar of kubectl.

/// A selector selects what meets all of its requirements.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Selector(Vec<Requirement>);

#[derive(Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Debug, PartialEq, Eq)]
enum Test {
    /// `key`: exists.
    Exists,
    /// `!key`: does not exist.
    Absent,
    /// `key in (a, b)`, `key=a`: exists and is one of these.
    In(Vec<String>),
    /// `key notin (a, b)`, `key!=a`: is none of these, or does not exist.
    NotIn(Vec<String>),
    /// `key>5`: exists and is a larger number.
    Greater(i64),
    /// `key<5`.
    Less(i64),
}

impl Selector {
    /// Parses a selector. An empty one selects everything.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        Parser { tokens: tokens(text)?, next: 0, text }.selector()
    }

    /// Whether it selects an object; `label` finds the value of a label.
    pub(super) fn matches<'l>(&self, label: impl Fn(&str) -> Option<&'l str>) -> bool {
        self.0.iter().all(|requirement| {
            let value = label(&requirement.key);
            let number = || value.and_then(|value| value.parse::<i64>().ok());
            match &requirement.test {
                Test::Exists => value.is_some(),
                Test::Absent => value.is_none(),
                Test::In(values) => value.is_some_and(|value| values.iter().any(|one| one == value)),
                Test::NotIn(values) => value.is_none_or(|value| values.iter().all(|one| one != value)),
                Test::Greater(limit) => number().is_some_and(|number| number > *limit),
                Test::Less(limit) => number().is_some_and(|number| number < *limit),
            }
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Mark(&'static str),
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    const MARKS: [&str; 9] = ["==", "!=", "=", "!", "(", ")", ",", ">", "<"];
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if let Some(mark) = MARKS.into_iter().find(|mark| rest.starts_with(mark)) {
            tokens.push(Token::Mark(mark));
            rest = &rest[mark.len()..];
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
    fn selector(mut self) -> Result<Selector, String> {
        let mut requirements = Vec::new();
        while self.next < self.tokens.len() {
            requirements.push(self.requirement()?);
            match self.take() {
                None => break,
                Some(Token::Mark(",")) if self.next < self.tokens.len() => {}
                Some(other) => return Err(self.wrong("a comma between requirements", Some(&other))),
            }
        }
        Ok(Selector(requirements))
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        if self.peek() == Some(&Token::Mark("!")) {
            self.next += 1;
            return Ok(Requirement { key: self.word("a key")?, test: Test::Absent });
        }
        let key = self.word("a key")?;
        let test = match self.peek().cloned() {
            None | Some(Token::Mark(",")) => return Ok(Requirement { key, test: Test::Exists }),
            Some(Token::Mark("=" | "==")) => Test::In(vec![self.value()]),
            Some(Token::Mark("!=")) => Test::NotIn(vec![self.value()]),
            Some(Token::Mark(mark @ (">" | "<"))) => {
                let limit = self.value();
                let limit = limit
                    .parse()
                    .map_err(|_| format!("selector \"{}\": a whole number is expected behind {mark}", self.text))?;
                if mark == ">" { Test::Greater(limit) } else { Test::Less(limit) }
            }
            Some(Token::Word(word)) if word == "in" => Test::In(self.values()?),
            Some(Token::Word(word)) if word == "notin" => Test::NotIn(self.values()?),
            Some(other) => return Err(self.wrong("=, ==, !=, in or notin", Some(&other))),
        };
        Ok(Requirement { key, test })
    }

    /// The value behind an operator; it may be empty (`app=`).
    fn value(&mut self) -> String {
        self.next += 1;
        match self.peek().cloned() {
            Some(Token::Word(word)) => {
                self.next += 1;
                word
            }
            _ => String::new(),
        }
    }

    /// `(a, b)` behind `in` or `notin`; empty values as in `(a,)` are empty text.
    fn values(&mut self) -> Result<Vec<String>, String> {
        self.next += 1;
        match self.take() {
            Some(Token::Mark("(")) => {}
            other => return Err(self.wrong("( behind in or notin", other.as_ref())),
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
            match self.take() {
                Some(Token::Mark(",")) => {}
                Some(Token::Mark(")")) => return Ok(values),
                other => return Err(self.wrong(", or )", other.as_ref())),
            }
        }
    }

    fn word(&mut self, what: &str) -> Result<String, String> {
        match self.take() {
            Some(Token::Word(word)) => Ok(word),
            other => Err(self.wrong(what, other.as_ref())),
        }
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    fn take(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.next += 1;
        token
    }

    fn wrong(&self, expected: &str, found: Option<&Token>) -> String {
        let found = match found {
            None => "its end".to_owned(),
            Some(Token::Word(word)) => format!("\"{word}\""),
            Some(Token::Mark(mark)) => format!("\"{mark}\""),
        };
        format!("selector \"{}\": expected {expected}, found {found}", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_kubectl_does() {
        let labels = [("app", "web"), ("tier", "front"), ("empty", ""), ("rank", "7"), ("example.com/x", "y")];
        let label = |key: &str| labels.iter().find(|(known, _)| *known == key).map(|(_, value)| *value);
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
