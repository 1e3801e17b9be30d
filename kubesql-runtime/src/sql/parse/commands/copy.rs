//! Parses `COPY ... TO STDOUT` with options in parentheses or in the old syntax.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::{Copy, CopyFormat, Reader};
use crate::sql::error::{ErrorKind, SqlError};

impl Reader<'_> {
    pub(super) fn parse_copy(&mut self) -> Result<Copy, SqlError> {
        let query = self.parse_source()?;
        if self.accept("from") {
            let error = SqlError::new(ErrorKind::ReadOnly, "COPY FROM: clusters are read-only");
            return Err(error.hint("change objects with kubectl"));
        }
        if !self.accept("to") {
            return self.expected("TO");
        }
        if !self.accept("stdout") {
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
        self.accept("with");
        if self.accept_token(&Token::LParen) {
            self.parse_options(&mut copy)?;
        } else {
            self.parse_old_options(&mut copy)?;
        }
        if self.peek().is_some() {
            return self.expected("end of statement");
        }
        check_options(&copy)?;
        Ok(copy)
    }

    /// Parses the query, or builds one for a table.
    fn parse_source(&mut self) -> Result<String, SqlError> {
        if self.accept_token(&Token::LParen) {
            let start = self.offset();
            let mut depth = 1usize;
            while depth > 0 {
                match self.peek() {
                    None => return self.expected(")"),
                    Some(Token::LParen) => depth += 1,
                    Some(Token::RParen) => depth -= 1,
                    Some(_) => {}
                }
                self.at += 1;
            }
            let end = self.tokens.get(self.at - 1).map_or(self.sql.len(), |(_, at)| *at);
            return Ok(self.sql[start..end].trim().to_owned());
        }
        self.accept("binary");
        let start = self.offset();
        self.parse_name()?;
        while self.accept_token(&Token::Period) {
            self.parse_name()?;
        }
        let table = self.sql[start..self.offset()].trim().to_owned();
        let columns = if self.accept_token(&Token::LParen) { self.parse_list()?.join(", ") } else { "*".to_owned() };
        Ok(format!("SELECT {columns} FROM {table}"))
    }

    fn parse_options(&mut self, copy: &mut Copy) -> Result<(), SqlError> {
        loop {
            let option = self.parse_name()?;
            match option.as_str() {
                "format" => {
                    copy.format = match self.parse_word()?.as_str() {
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
                    let value = if self.is_option_end() { "true".to_owned() } else { self.parse_word()? };
                    copy.header = match value.as_str() {
                        "true" | "on" | "1" => true,
                        "false" | "off" | "0" => false,
                        _ => return self.expected("HEADER true or false"),
                    };
                }
                "delimiter" => copy.delimiter = Some(self.parse_string()?),
                "null" => copy.null = Some(self.parse_string()?),
                "quote" => copy.quote = Some(self.parse_string()?),
                "escape" => copy.escape = Some(self.parse_string()?),
                "force_quote" if self.accept_token(&Token::Mul) => copy.force_quote = vec!["*".to_owned()],
                "force_quote" if self.accept_token(&Token::LParen) => copy.force_quote = self.parse_list()?,
                "encoding" => check_encoding(&self.parse_string()?)?,
                other => {
                    let message = format!("option \"{other}\" not recognized");
                    return Err(SqlError::new(ErrorKind::Syntax, message));
                }
            }
            if self.accept_token(&Token::RParen) {
                return Ok(());
            }
            if !self.accept_token(&Token::Comma) {
                return self.expected(")");
            }
        }
    }

    fn parse_old_options(&mut self, copy: &mut Copy) -> Result<(), SqlError> {
        loop {
            if self.accept("binary") {
                copy.format = CopyFormat::Binary;
            } else if self.accept("csv") {
                copy.format = CopyFormat::Csv;
            } else if self.accept("header") {
                copy.header = true;
            } else if self.accept("delimiter") || self.accept("delimiters") {
                self.accept("as");
                copy.delimiter = Some(self.parse_string()?);
            } else if self.accept("null") {
                self.accept("as");
                copy.null = Some(self.parse_string()?);
            } else if self.accept("quote") {
                self.accept("as");
                copy.quote = Some(self.parse_string()?);
            } else if self.accept("escape") {
                self.accept("as");
                copy.escape = Some(self.parse_string()?);
            } else if self.accept("encoding") {
                check_encoding(&self.parse_string()?)?;
            } else if self.accept("force") {
                if !self.accept("quote") {
                    return self.expected("QUOTE");
                }
                if self.accept_token(&Token::Mul) {
                    copy.force_quote = vec!["*".to_owned()];
                } else {
                    copy.force_quote.push(self.parse_name()?);
                    while self.accept_token(&Token::Comma) {
                        copy.force_quote.push(self.parse_name()?);
                    }
                }
            } else {
                return Ok(());
            }
        }
    }

    /// Parses a word, number or string, and folds it to lower case.
    fn parse_word(&mut self) -> Result<String, SqlError> {
        if let Some(Token::Number(number, _)) = self.peek() {
            let number = number.clone();
            self.at += 1;
            return Ok(number);
        }
        if matches!(self.peek(), Some(Token::Word(_))) { self.parse_name() } else { self.parse_string() }
            .map(|word| word.to_lowercase())
    }

    fn is_option_end(&self) -> bool {
        matches!(self.peek(), Some(Token::Comma | Token::RParen))
    }
}

fn check_encoding(encoding: &str) -> Result<(), SqlError> {
    if matches!(encoding.to_lowercase().as_str(), "utf8" | "utf-8" | "unicode") {
        return Ok(());
    }
    Err(SqlError::new(ErrorKind::Invalid, format!("COPY encoding \"{encoding}\" is not supported")).code("22023"))
}

/// Checks that the options are compatible.
fn check_options(copy: &Copy) -> Result<(), SqlError> {
    let invalid = |message: &str, code| Err(SqlError::new(ErrorKind::Unsupported, message).code(code));
    let is_csv = copy.format == CopyFormat::Csv;
    if copy.format == CopyFormat::Binary && (copy.delimiter.is_some() || copy.null.is_some() || copy.header) {
        return invalid("cannot specify DELIMITER, NULL or HEADER in BINARY mode", "42601");
    }
    if !is_csv && (copy.quote.is_some() || copy.escape.is_some() || !copy.force_quote.is_empty()) {
        return invalid("COPY QUOTE, ESCAPE and FORCE_QUOTE are available only in CSV mode", "0A000");
    }
    let is_one_byte = |text: &Option<String>| text.as_ref().is_none_or(|text| text.len() == 1);
    if !(is_one_byte(&copy.delimiter) && is_one_byte(&copy.quote) && is_one_byte(&copy.escape)) {
        return invalid("COPY delimiter, quote and escape must be a single one-byte character", "0A000");
    }
    let has_line_end = |text: &Option<String>| text.as_ref().is_some_and(|text| text.contains(['\n', '\r']));
    if has_line_end(&copy.delimiter) || has_line_end(&copy.null) {
        return invalid("COPY delimiter and null cannot be newline or carriage return", "22023");
    }
    Ok(())
}
