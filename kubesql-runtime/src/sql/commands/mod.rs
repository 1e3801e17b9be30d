//! What a client asks of its connection rather than of the tables: transactions, cursors, prepared statements, COPY.
//!
//! Read token by token and not parsed into a tree, so that the queries inside stay as they were written.

mod copy;
#[cfg(test)]
mod tests;

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer, Word};

use super::error::{ErrorKind, SqlError};
use super::tokens::locate;

/// A command, or a statement for the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A query, or what the session answers itself.
    Statement,
    /// `BEGIN`, `START TRANSACTION`.
    Begin,
    /// `COMMIT`, `END`; whether the next transaction begins at once.
    Commit(bool),
    /// `ROLLBACK`, `ABORT`; whether the next transaction begins at once.
    Rollback(bool),
    /// `SAVEPOINT name`.
    Savepoint(String),
    /// `RELEASE SAVEPOINT name`.
    Release(String),
    /// `ROLLBACK TO SAVEPOINT name`.
    RollbackTo(String),
    /// `COPY ... TO STDOUT`.
    Copy(Copy),
    /// `DECLARE name CURSOR FOR query`.
    Declare(Cursor),
    /// `FETCH`, or `MOVE`, which gives no rows.
    Fetch {
        /// The cursor.
        name: String,
        /// So many rows; all where there is no number.
        count: Option<usize>,
        /// Whether the rows are passed over.
        moves: bool,
    },
    /// `CLOSE name`, `CLOSE ALL`.
    Close(Option<String>),
    /// `PREPARE name (types) AS query`.
    Prepare {
        /// The statement's name.
        name: String,
        /// The names of its parameters' types.
        types: Vec<String>,
        /// The statement.
        query: String,
    },
    /// `EXECUTE name (values)`.
    Execute {
        /// The statement's name.
        name: String,
        /// Expressions.
        values: Vec<String>,
    },
    /// `DEALLOCATE name`, `DEALLOCATE ALL`.
    Deallocate(Option<String>),
    /// `DISCARD ALL`.
    DiscardAll,
}

/// A cursor to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Its name.
    pub name: String,
    /// What it gives.
    pub query: String,
    /// Whether it outlives the transaction.
    pub hold: bool,
    /// Whether its rows are binary.
    pub binary: bool,
}

/// How rows are copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// What gives them.
    pub query: String,
    /// How they are written.
    pub format: CopyFormat,
    /// Whether the columns' names come first.
    pub header: bool,
    /// What is between columns.
    pub delimiter: Option<String>,
    /// What is there for NULL.
    pub null: Option<String>,
    /// What is around texts of a CSV file.
    pub quote: Option<String>,
    /// What is in front of that inside a text.
    pub escape: Option<String>,
    /// Columns that are quoted whatever is in them; `*` is all.
    pub force_quote: Vec<String>,
}

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyFormat {
    /// Columns between tabs.
    Text,
    /// Columns between commas.
    Csv,
    /// PostgreSQL's own.
    Binary,
}

/// The words that a command may begin with.
const FIRST: [&str; 18] = [
    "begin",
    "start",
    "commit",
    "end",
    "rollback",
    "abort",
    "savepoint",
    "release",
    "copy",
    "declare",
    "fetch",
    "move",
    "close",
    "prepare",
    "execute",
    "deallocate",
    "discard",
    "unlisten",
];

/// Which command a statement is.
///
/// # Errors
/// Where it begins like a command and does not go on like one.
pub fn command(sql: &str) -> Result<Command, SqlError> {
    let dialect = PostgreSqlDialect {};
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let bare = sql.trim_start();
    let first = &bare[..bare.find(|c: char| !is_word(c)).unwrap_or(bare.len())];
    let commented = bare.starts_with("--") || bare.starts_with("/*");
    if !commented && !FIRST.contains(&first.to_lowercase().as_str()) {
        return Ok(Command::Statement);
    }
    let Ok(tokens) = Tokenizer::new(&dialect, sql).tokenize_with_location() else { return Ok(Command::Statement) };
    let tokens: Vec<(Token, usize)> = locate(sql, tokens)
        .map(|(token, range)| (token, range.start))
        .filter(|(token, _)| !matches!(token, Token::Whitespace(_) | Token::EOF | Token::SemiColon))
        .collect();
    Reader { sql, tokens, at: 0 }.command()
}

struct Reader<'a> {
    sql: &'a str,
    tokens: Vec<(Token, usize)>,
    at: usize,
}

impl Reader<'_> {
    fn command(&mut self) -> Result<Command, SqlError> {
        let Some(Token::Word(first)) = self.peek() else { return Ok(Command::Statement) };
        let first = first.value.to_lowercase();
        self.at += 1;
        Ok(match first.as_str() {
            "begin" => Command::Begin,
            "start" if self.takes("transaction") => Command::Begin,
            "commit" | "end" => Command::Commit(self.chains()?),
            "abort" => Command::Rollback(self.chains()?),
            "rollback" => {
                _ = self.takes("work") || self.takes("transaction");
                if self.takes("to") {
                    self.takes("savepoint");
                    Command::RollbackTo(self.name()?)
                } else {
                    Command::Rollback(self.chains()?)
                }
            }
            "savepoint" => Command::Savepoint(self.name()?),
            "release" => {
                self.takes("savepoint");
                Command::Release(self.name()?)
            }
            "copy" => Command::Copy(self.copy()?),
            "declare" => Command::Declare(self.declare()?),
            "fetch" => self.fetch(false)?,
            "move" => self.fetch(true)?,
            "close" => Command::Close(self.name_or_all()?),
            "prepare" => self.prepare()?,
            "execute" => self.execute()?,
            "deallocate" => {
                self.takes("prepare");
                Command::Deallocate(self.name_or_all()?)
            }
            "discard" if self.takes("all") => Command::DiscardAll,
            _ => Command::Statement,
        })
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    /// Whether the next token is this word, which is taken then.
    fn takes(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(Word { value, quote_style: None, .. }))
            if value.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn takes_token(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.at += usize::from(found);
        found
    }

    /// Where the next token begins; the end where there is none.
    fn place(&self) -> usize {
        self.tokens.get(self.at).map_or(self.sql.len(), |(_, at)| *at)
    }

    fn wrong<T>(&self, wanted: &str) -> Result<T, SqlError> {
        let found = self.peek().map_or_else(|| "the end".to_owned(), ToString::to_string);
        let position = self.sql.get(..self.place()).map(|before| before.chars().count() + 1);
        Err(SqlError::new(ErrorKind::Syntax, format!("Expected: {wanted}, found: {found}")).at(position))
    }

    fn name(&mut self) -> Result<String, SqlError> {
        match self.peek() {
            Some(Token::Word(Word { value, quote_style, .. })) => {
                let name = if quote_style.is_some() { value.clone() } else { value.to_lowercase() };
                self.at += 1;
                Ok(name)
            }
            _ => self.wrong("a name"),
        }
    }

    fn name_or_all(&mut self) -> Result<Option<String>, SqlError> {
        if self.takes("all") { Ok(None) } else { self.name().map(Some) }
    }

    fn text(&mut self) -> Result<String, SqlError> {
        let text = match self.peek() {
            Some(Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text)) => text.clone(),
            _ => return self.wrong("a text in quotes"),
        };
        self.at += 1;
        Ok(text)
    }

    fn chains(&mut self) -> Result<bool, SqlError> {
        _ = self.takes("work") || self.takes("transaction");
        let chains = self.takes("and") && {
            let no = self.takes("no");
            if !self.takes("chain") {
                return self.wrong("CHAIN");
            }
            !no
        };
        if self.peek().is_some() { self.wrong("the end") } else { Ok(chains) }
    }

    /// What comes behind, as it is written.
    fn rest(&mut self) -> Result<String, SqlError> {
        if self.peek().is_none() {
            return self.wrong("a statement");
        }
        let rest = self.sql[self.place()..].trim_end_matches(|c: char| c == ';' || c.is_whitespace()).to_owned();
        self.at = self.tokens.len();
        Ok(rest)
    }

    /// What is between parentheses, at its commas; after the opening one.
    fn list(&mut self) -> Result<Vec<String>, SqlError> {
        let (mut items, mut depth, mut start) = (Vec::new(), 0usize, self.place());
        loop {
            let place = self.place();
            match self.peek() {
                None => return self.wrong(")"),
                Some(Token::LParen | Token::LBracket) => depth += 1,
                Some(Token::RParen) if depth == 0 => {
                    let last = self.sql[start..place].trim();
                    if !last.is_empty() {
                        items.push(last.to_owned());
                    }
                    self.at += 1;
                    return Ok(items);
                }
                Some(Token::RParen | Token::RBracket) => depth = depth.saturating_sub(1),
                Some(Token::Comma) if depth == 0 => {
                    items.push(self.sql[start..place].trim().to_owned());
                    start = place + 1;
                }
                Some(_) => {}
            }
            self.at += 1;
        }
    }

    fn declare(&mut self) -> Result<Cursor, SqlError> {
        let name = self.name()?;
        let (mut binary, mut hold) = (false, false);
        loop {
            if self.takes("binary") {
                binary = true;
            } else if self.takes("no") {
                if !self.takes("scroll") {
                    return self.wrong("SCROLL");
                }
            } else if self.takes("scroll") {
                let error = SqlError::new(ErrorKind::Unsupported, "cursors only go forward here");
                return Err(error.hint("declare it without SCROLL"));
            } else if !(self.takes("insensitive") || self.takes("asensitive")) {
                break;
            }
        }
        if !self.takes("cursor") {
            return self.wrong("CURSOR");
        }
        if self.takes("with") {
            hold = true;
            if !self.takes("hold") {
                return self.wrong("HOLD");
            }
        } else if self.takes("without") && !self.takes("hold") {
            return self.wrong("HOLD");
        }
        if !self.takes("for") {
            return self.wrong("FOR");
        }
        Ok(Cursor { name, query: self.rest()?, hold, binary })
    }

    fn fetch(&mut self, moves: bool) -> Result<Command, SqlError> {
        let mut count = Some(1);
        let backward = || {
            let error = SqlError::new(ErrorKind::Unsupported, "cursors only go forward here").code("55000");
            Err(error.hint("FETCH NEXT, FETCH 100 and FETCH ALL do"))
        };
        if ["prior", "last", "first", "absolute", "relative", "backward"].into_iter().any(|word| self.takes(word)) {
            return backward();
        }
        let forward = self.takes("forward");
        if forward || !self.takes("next") {
            if self.takes("all") {
                count = None;
            } else if self.takes_token(&Token::Minus) {
                return backward();
            } else if let Some(Token::Number(number, _)) = self.peek() {
                count = number.parse().ok();
                if count.is_none() {
                    return self.wrong("a number");
                }
                self.at += 1;
            }
        }
        _ = self.takes("from") || self.takes("in");
        let name = self.name()?;
        if self.peek().is_some() {
            return self.wrong("the end");
        }
        Ok(Command::Fetch { name, count, moves })
    }

    fn prepare(&mut self) -> Result<Command, SqlError> {
        let name = self.name()?;
        let types = if self.takes_token(&Token::LParen) { self.list()? } else { Vec::new() };
        if !self.takes("as") {
            return self.wrong("AS");
        }
        Ok(Command::Prepare { name, types, query: self.rest()? })
    }

    fn execute(&mut self) -> Result<Command, SqlError> {
        let name = self.name()?;
        let values = if self.takes_token(&Token::LParen) { self.list()? } else { Vec::new() };
        if self.peek().is_some() { self.wrong("the end") } else { Ok(Command::Execute { name, values }) }
    }
}
