//! `COPY ... TO STDOUT` with its options, in parentheses or in the old syntax.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::{Copy, CopyFormat, Reader};
use crate::sql::error::{ErrorKind, SqlError};

impl Reader<'_> {
    pub(super) fn copy(&mut self) -> Result<Copy, SqlError> {
        let query = self.copied()?;
        if self.takes("from") {
            let error = SqlError::new(ErrorKind::ReadOnly, "COPY FROM: clusters are read only here");
            return Err(error.hint("change objects with kubectl"));
        }
        if !self.takes("to") {
            return self.wrong("TO");
        }
        if !self.takes("stdout") {
            let error =
                SqlError::new(ErrorKind::ReadOnly, "COPY to a file or a program is not supported").code("42501");
            return Err(error.hint("use COPY ... TO STDOUT, or \\copy of psql"));
        }
        let mut copy = Copy {
            query,
            format: CopyFormat::Text,
            header: false,
            delimiter: None,
            null: None,
            quote: None,
            escape: None,
            force_quote: Vec::new(),
        };
        self.takes("with");
        if self.takes_token(&Token::LParen) {
            self.options(&mut copy)?;
        } else {
            self.old_options(&mut copy)?;
        }
        if self.peek().is_some() {
            return self.wrong("the end");
        }
        check(&copy)?;
        Ok(copy)
    }

    /// The query, or one for a table.
    fn copied(&mut self) -> Result<String, SqlError> {
        if self.takes_token(&Token::LParen) {
            let start = self.place();
            let mut depth = 1usize;
            while depth > 0 {
                match self.peek() {
                    None => return self.wrong(")"),
                    Some(Token::LParen) => depth += 1,
                    Some(Token::RParen) => depth -= 1,
                    Some(_) => {}
                }
                self.at += 1;
            }
            let end = self.tokens.get(self.at - 1).map_or(self.sql.len(), |(_, at)| *at);
            return Ok(self.sql[start..end].trim().to_owned());
        }
        self.takes("binary");
        let start = self.place();
        self.name()?;
        while self.takes_token(&Token::Period) {
            self.name()?;
        }
        let table = self.sql[start..self.place()].trim().to_owned();
        let columns = if self.takes_token(&Token::LParen) { self.list()?.join(", ") } else { "*".to_owned() };
        Ok(format!("SELECT {columns} FROM {table}"))
    }

    fn options(&mut self, copy: &mut Copy) -> Result<(), SqlError> {
        loop {
            let option = self.name()?;
            match option.as_str() {
                "format" => {
                    copy.format = match self.word()?.as_str() {
                        "text" => CopyFormat::Text,
                        "csv" => CopyFormat::Csv,
                        "binary" => CopyFormat::Binary,
                        other => {
                            let message = format!("COPY format \"{other}\" not recognized");
                            return Err(SqlError::new(ErrorKind::Invalid, message).code("22023"));
                        }
                    };
                }
                "header" => {
                    let value = if self.ends() { "true".to_owned() } else { self.word()? };
                    copy.header = match value.as_str() {
                        "true" | "on" | "1" => true,
                        "false" | "off" | "0" => false,
                        _ => return self.wrong("HEADER true or false"),
                    };
                }
                "delimiter" => copy.delimiter = Some(self.text()?),
                "null" => copy.null = Some(self.text()?),
                "quote" => copy.quote = Some(self.text()?),
                "escape" => copy.escape = Some(self.text()?),
                "force_quote" if self.takes_token(&Token::Mul) => copy.force_quote = vec!["*".to_owned()],
                "force_quote" if self.takes_token(&Token::LParen) => copy.force_quote = self.list()?,
                "encoding" => utf8(&self.text()?)?,
                other => {
                    let message = format!("option \"{other}\" not recognized");
                    return Err(SqlError::new(ErrorKind::Syntax, message));
                }
            }
            if self.takes_token(&Token::RParen) {
                return Ok(());
            }
            if !self.takes_token(&Token::Comma) {
                return self.wrong(")");
            }
        }
    }

    fn old_options(&mut self, copy: &mut Copy) -> Result<(), SqlError> {
        loop {
            if self.takes("binary") {
                copy.format = CopyFormat::Binary;
            } else if self.takes("csv") {
                copy.format = CopyFormat::Csv;
            } else if self.takes("header") {
                copy.header = true;
            } else if self.takes("delimiter") || self.takes("delimiters") {
                self.takes("as");
                copy.delimiter = Some(self.text()?);
            } else if self.takes("null") {
                self.takes("as");
                copy.null = Some(self.text()?);
            } else if self.takes("quote") {
                self.takes("as");
                copy.quote = Some(self.text()?);
            } else if self.takes("escape") {
                self.takes("as");
                copy.escape = Some(self.text()?);
            } else if self.takes("encoding") {
                utf8(&self.text()?)?;
            } else if self.takes("force") {
                if !self.takes("quote") {
                    return self.wrong("QUOTE");
                }
                if self.takes_token(&Token::Mul) {
                    copy.force_quote = vec!["*".to_owned()];
                } else {
                    copy.force_quote.push(self.name()?);
                    while self.takes_token(&Token::Comma) {
                        copy.force_quote.push(self.name()?);
                    }
                }
            } else {
                return Ok(());
            }
        }
    }

    /// A word, number or text, in lower case.
    fn word(&mut self) -> Result<String, SqlError> {
        if let Some(Token::Number(number, _)) = self.peek() {
            let number = number.clone();
            self.at += 1;
            return Ok(number);
        }
        if matches!(self.peek(), Some(Token::Word(_))) { self.name() } else { self.text() }
            .map(|word| word.to_lowercase())
    }

    fn ends(&self) -> bool {
        matches!(self.peek(), Some(Token::Comma | Token::RParen))
    }
}

fn utf8(encoding: &str) -> Result<(), SqlError> {
    if matches!(encoding.to_lowercase().as_str(), "utf8" | "utf-8" | "unicode") {
        return Ok(());
    }
    Err(SqlError::new(ErrorKind::Invalid, format!("COPY encoding \"{encoding}\" is not supported")).code("22023"))
}

/// Checks that the options fit together.
fn check(copy: &Copy) -> Result<(), SqlError> {
    let wrong = |message: &str, code| Err(SqlError::new(ErrorKind::Unsupported, message).code(code));
    let is_csv = copy.format == CopyFormat::Csv;
    if copy.format == CopyFormat::Binary && (copy.delimiter.is_some() || copy.null.is_some() || copy.header) {
        return wrong("cannot specify DELIMITER, NULL or HEADER in BINARY mode", "42601");
    }
    if !is_csv && (copy.quote.is_some() || copy.escape.is_some() || !copy.force_quote.is_empty()) {
        return wrong("COPY QUOTE, ESCAPE and FORCE_QUOTE are available only in CSV mode", "0A000");
    }
    let is_one = |text: &Option<String>| text.as_ref().is_none_or(|text| text.len() == 1);
    if !(is_one(&copy.delimiter) && is_one(&copy.quote) && is_one(&copy.escape)) {
        return wrong("COPY delimiter, quote and escape must be a single one-byte character", "0A000");
    }
    let line_end = |text: &Option<String>| text.as_ref().is_some_and(|text| text.contains(['\n', '\r']));
    if line_end(&copy.delimiter) || line_end(&copy.null) {
        return wrong("COPY delimiter and null cannot be newline or carriage return", "22023");
    }
    Ok(())
}
