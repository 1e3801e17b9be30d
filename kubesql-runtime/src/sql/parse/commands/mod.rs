//! Parses commands that protocols execute themselves: transactions, cursors, prepared statements, COPY.
//!
//! The parser is hand-written: sqlparser does not keep the text of nested queries, and it does not support all of
//! PostgreSQL's forms (`BEGIN ... DEFERRABLE`, `ABORT`, `MOVE`, `FORCE QUOTE *`).

mod copy;
#[cfg(test)]
mod tests;

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer, Word};

use super::tokens::with_byte_ranges;
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
        /// Whether the command is `MOVE`, which returns no rows.
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
    /// Whether the cursor stays open after the transaction: `WITH HOLD`.
    pub hold: bool,
    /// Whether rows are sent in the binary format.
    pub binary: bool,
}

/// `COPY ... TO STDOUT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// The query, as written, or one for a table.
    pub query: String,
    /// The format of the rows.
    pub format: CopyFormat,
    /// Whether the first row contains the column names.
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

/// The first words of commands.
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
/// If a command has a syntax error, or if an option of a cursor or of COPY is not supported.
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
    let tokens: Vec<(Token, usize)> = with_byte_ranges(sql, tokens)
        .map(|(token, range)| (token, range.start))
        .filter(|(token, _)| !matches!(token, Token::Whitespace(_) | Token::EOF | Token::SemiColon))
        .collect();
    Reader { sql, tokens, at: 0 }.parse_command()
}

struct Reader<'a> {
    sql: &'a str,
    tokens: Vec<(Token, usize)>,
    at: usize,
}

impl Reader<'_> {
    fn parse_command(&mut self) -> Result<Command, SqlError> {
        let Some(Token::Word(first)) = self.peek() else { return Ok(Command::Statement) };
        let first = first.value.to_lowercase();
        self.at += 1;
        Ok(match first.as_str() {
            "begin" => Command::Begin,
            "start" if self.accept("transaction") => Command::Begin,
            "commit" | "end" => Command::Commit(self.parse_chain()?),
            "abort" => Command::Rollback(self.parse_chain()?),
            "rollback" => {
                _ = self.accept("work") || self.accept("transaction");
                if self.accept("to") {
                    self.accept("savepoint");
                    Command::RollbackTo(self.parse_name()?)
                } else {
                    Command::Rollback(self.parse_chain()?)
                }
            }
            "savepoint" => Command::Savepoint(self.parse_name()?),
            "release" => {
                self.accept("savepoint");
                Command::Release(self.parse_name()?)
            }
            "copy" => Command::Copy(self.parse_copy()?),
            "declare" => Command::Declare(self.parse_declare()?),
            "fetch" => self.parse_fetch(false)?,
            "move" => self.parse_fetch(true)?,
            "close" => Command::Close(self.parse_name_or_all()?),
            "prepare" => self.parse_prepare()?,
            "execute" => self.parse_execute()?,
            "deallocate" => {
                self.accept("prepare");
                Command::Deallocate(self.parse_name_or_all()?)
            }
            "discard" if self.accept("all") => Command::DiscardAll,
            _ => Command::Statement,
        })
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    /// Consumes the next token if it is this word.
    fn accept(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(Word { value, quote_style: None, .. }))
            if value.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn accept_token(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.at += usize::from(found);
        found
    }

    /// Returns the byte offset of the next token, or of the end of the text.
    fn offset(&self) -> usize {
        self.tokens.get(self.at).map_or(self.sql.len(), |(_, at)| *at)
    }

    /// Fails with a syntax error at the next token.
    fn expected<T>(&self, what: &str) -> Result<T, SqlError> {
        let message = match self.peek() {
            Some(found) => format!("syntax error at or near \"{found}\""),
            None => "syntax error at end of input".to_owned(),
        };
        let position = self.sql.get(..self.offset()).map(|before| before.chars().count() + 1);
        Err(SqlError::new(ErrorKind::Syntax, message).hint(format!("expected {what}")).at(position))
    }

    fn parse_name(&mut self) -> Result<String, SqlError> {
        match self.peek() {
            Some(Token::Word(Word { value, quote_style, .. })) => {
                let name = if quote_style.is_some() { value.clone() } else { value.to_lowercase() };
                self.at += 1;
                Ok(name)
            }
            _ => self.expected("a name"),
        }
    }

    fn parse_name_or_all(&mut self) -> Result<Option<String>, SqlError> {
        if self.accept("all") { Ok(None) } else { self.parse_name().map(Some) }
    }

    fn parse_string(&mut self) -> Result<String, SqlError> {
        let text = match self.peek() {
            Some(Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text)) => text.clone(),
            _ => return self.expected("a quoted string"),
        };
        self.at += 1;
        Ok(text)
    }

    fn parse_chain(&mut self) -> Result<bool, SqlError> {
        _ = self.accept("work") || self.accept("transaction");
        let chains = self.accept("and") && {
            let no = self.accept("no");
            if !self.accept("chain") {
                return self.expected("CHAIN");
            }
            !no
        };
        if self.peek().is_some() { self.expected("end of statement") } else { Ok(chains) }
    }

    /// Returns the rest of the text as written.
    fn take_rest(&mut self) -> Result<String, SqlError> {
        if self.peek().is_none() {
            return self.expected("a statement");
        }
        let rest = self.sql[self.offset()..].trim_end_matches(|c: char| c == ';' || c.is_whitespace()).to_owned();
        self.at = self.tokens.len();
        Ok(rest)
    }

    /// Returns the items up to the closing parenthesis as written.
    fn parse_list(&mut self) -> Result<Vec<String>, SqlError> {
        let (mut items, mut depth, mut start) = (Vec::new(), 0usize, self.offset());
        loop {
            let place = self.offset();
            match self.peek() {
                None => return self.expected(")"),
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

    fn parse_declare(&mut self) -> Result<Cursor, SqlError> {
        let name = self.parse_name()?;
        let (mut binary, mut hold) = (false, false);
        loop {
            if self.accept("binary") {
                binary = true;
            } else if self.accept("no") {
                if !self.accept("scroll") {
                    return self.expected("SCROLL");
                }
            } else if self.accept("scroll") {
                let error = SqlError::new(ErrorKind::Unsupported, "cursor can only scan forward");
                return Err(error.hint("declare it without SCROLL"));
            } else if !(self.accept("insensitive") || self.accept("asensitive")) {
                break;
            }
        }
        if !self.accept("cursor") {
            return self.expected("CURSOR");
        }
        if self.accept("with") {
            hold = true;
            if !self.accept("hold") {
                return self.expected("HOLD");
            }
        } else if self.accept("without") && !self.accept("hold") {
            return self.expected("HOLD");
        }
        if !self.accept("for") {
            return self.expected("FOR");
        }
        Ok(Cursor { name, query: self.take_rest()?, hold, binary })
    }

    fn parse_fetch(&mut self, moves: bool) -> Result<Command, SqlError> {
        let mut count = Some(1);
        let backward = || {
            let error = SqlError::new(ErrorKind::Unsupported, "cursor can only scan forward").code("55000");
            Err(error.hint("use FETCH NEXT, FETCH 100 or FETCH ALL"))
        };
        if ["prior", "last", "first", "absolute", "relative", "backward"].into_iter().any(|word| self.accept(word)) {
            return backward();
        }
        let forward = self.accept("forward");
        if forward || !self.accept("next") {
            if self.accept("all") {
                count = None;
            } else if self.accept_token(&Token::Minus) {
                return backward();
            } else if let Some(Token::Number(number, _)) = self.peek() {
                count = number.parse().ok();
                if count.is_none() {
                    return self.expected("a number");
                }
                self.at += 1;
            }
        }
        _ = self.accept("from") || self.accept("in");
        let name = self.parse_name()?;
        if self.peek().is_some() {
            return self.expected("end of statement");
        }
        Ok(Command::Fetch { name, count, moves })
    }

    fn parse_prepare(&mut self) -> Result<Command, SqlError> {
        let name = self.parse_name()?;
        let types = if self.accept_token(&Token::LParen) { self.parse_list()? } else { Vec::new() };
        if !self.accept("as") {
            return self.expected("AS");
        }
        Ok(Command::Prepare { name, types, query: self.take_rest()? })
    }

    fn parse_execute(&mut self) -> Result<Command, SqlError> {
        let name = self.parse_name()?;
        let values = if self.accept_token(&Token::LParen) { self.parse_list()? } else { Vec::new() };
        if self.peek().is_some() { self.expected("end of statement") } else { Ok(Command::Execute { name, values }) }
    }
}
