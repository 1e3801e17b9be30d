//! Commands that a protocol executes itself: transactions, cursors, prepared statements, COPY.
//!
//! They are read token by token: sqlparser's statements do not keep the text of the queries inside of them, and it does
//! not know all of PostgreSQL's forms (`BEGIN ... DEFERRABLE`, `ABORT`, `MOVE`, `FORCE QUOTE *`).

mod copy;
#[cfg(test)]
mod tests;

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer, Word};

use super::tokens::locate;
use crate::sql::error::{ErrorKind, SqlError};

/// A command of a protocol, or a statement for the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A statement for the session.
    Statement,
    /// `BEGIN`, `START TRANSACTION`.
    Begin,
    /// `COMMIT`, `END`; true for `AND CHAIN`.
    Commit(bool),
    /// `ROLLBACK`, `ABORT`; true for `AND CHAIN`.
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
    /// `FETCH` or `MOVE`.
    Fetch {
        /// The cursor.
        name: String,
        /// The number of rows; `None` for all.
        count: Option<usize>,
        /// Whether it is `MOVE`, which returns no rows.
        moves: bool,
    },
    /// `CLOSE name`; `None` for `CLOSE ALL`.
    Close(Option<String>),
    /// `PREPARE name (types) AS query`.
    Prepare {
        /// The name of the statement.
        name: String,
        /// The types of its parameters, as written.
        types: Vec<String>,
        /// The statement, as written.
        query: String,
    },
    /// `EXECUTE name (values)`.
    Execute {
        /// The name of the statement.
        name: String,
        /// Expressions, as written.
        values: Vec<String>,
    },
    /// `DEALLOCATE name`; `None` for `DEALLOCATE ALL`.
    Deallocate(Option<String>),
    /// `DISCARD ALL`.
    DiscardAll,
}

/// `DECLARE ... CURSOR`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The name of the cursor.
    pub name: String,
    /// The query, as written.
    pub query: String,
    /// Whether it stays open after the transaction: `WITH HOLD`.
    pub hold: bool,
    /// Whether rows are returned in the binary format.
    pub binary: bool,
}

/// `COPY ... TO STDOUT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// The query, as written, or one for a table.
    pub query: String,
    /// The format of the rows.
    pub format: CopyFormat,
    /// Whether the first row has the names of the columns.
    pub header: bool,
    /// The delimiter of columns.
    pub delimiter: Option<String>,
    /// The text of NULL.
    pub null: Option<String>,
    /// The quote of CSV values.
    pub quote: Option<String>,
    /// The escape of quotes in CSV values.
    pub escape: Option<String>,
    /// Columns whose values are always quoted; `*` for all.
    pub force_quote: Vec<String>,
}

/// Formats of COPY.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyFormat {
    /// Columns separated by tabs.
    Text,
    /// Comma-separated values.
    Csv,
    /// PostgreSQL's binary format.
    Binary,
}

/// The words that commands begin with.
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

/// Parses a command.
///
/// # Errors
/// A syntax error in a statement that begins like a command; options of cursors and COPY that are not supported.
pub fn parse_command(sql: &str) -> Result<Command, SqlError> {
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

    /// Reads this word, if it is the next token.
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

    /// The byte at which the next token begins, or the end.
    fn place(&self) -> usize {
        self.tokens.get(self.at).map_or(self.sql.len(), |(_, at)| *at)
    }

    fn wrong<T>(&self, wanted: &str) -> Result<T, SqlError> {
        let message = match self.peek() {
            Some(found) => format!("syntax error at or near \"{found}\""),
            None => "syntax error at end of input".to_owned(),
        };
        let position = self.sql.get(..self.place()).map(|before| before.chars().count() + 1);
        Err(SqlError::new(ErrorKind::Syntax, message).hint(format!("expected {wanted}")).at(position))
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

    /// The rest of the text, as it is written.
    fn rest(&mut self) -> Result<String, SqlError> {
        if self.peek().is_none() {
            return self.wrong("a statement");
        }
        let rest = self.sql[self.place()..].trim_end_matches(|c: char| c == ';' || c.is_whitespace()).to_owned();
        self.at = self.tokens.len();
        Ok(rest)
    }

    /// The items up to the closing parenthesis, as they are written.
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
                let error = SqlError::new(ErrorKind::Unsupported, "cursor can only scan forward");
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
            let error = SqlError::new(ErrorKind::Unsupported, "cursor can only scan forward").code("55000");
            Err(error.hint("use FETCH NEXT, FETCH 100 or FETCH ALL"))
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
