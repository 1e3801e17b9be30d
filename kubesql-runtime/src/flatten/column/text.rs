//! Columns of text. They are dictionaries, so that repeated text is stored once for each batch.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, DictionaryArray, PrimitiveArray, StringViewArray, make_view};
use arrow::buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::{ArrowDictionaryKeyType, UInt8Type, UInt16Type, UInt32Type};

use super::dictionary::{Dictionary, NULL, recycle};
use super::{ColumnBuilder, ScalarBuilder};
use crate::flatten::group::ColumnData;
use crate::flatten::parse::{Malformed, Parser};

/// A column of text.
#[derive(Debug, Default)]
pub struct TextColumn {
    codes: Vec<u32>,
    dictionary: Dictionary,
}

impl TextColumn {
    /// Sets the text of a row.
    #[inline(always)]
    pub(super) fn set(&mut self, row: usize, text: &[u8]) {
        if self.codes.len() != row && !self.pad(row) {
            return;
        }
        let code = self.dictionary.any_code(text);
        self.codes.push(code);
    }

    /// The code of a text, for [`Self::set_code`]. Equal texts always have the same code. A column must not use this
    /// together with [`Self::set`].
    #[inline]
    pub(super) fn code(&mut self, text: &[u8]) -> u32 {
        self.dictionary.code(text)
    }

    /// Sets the text of a row by its code.
    #[inline]
    pub(super) fn set_code(&mut self, row: usize, code: u32) {
        if self.codes.len() == row || self.pad(row) {
            self.codes.push(code);
        }
    }

    /// The number of distinct texts.
    pub(super) fn distinct(&self) -> usize {
        self.dictionary.len()
    }

    /// Pads with NULLs up to a row; returns false if the row already has a value.
    #[cold]
    #[inline(never)]
    fn pad(&mut self, row: usize) -> bool {
        if self.codes.len() > row {
            return false;
        }
        self.codes.resize(row, NULL);
        true
    }

    /// Returns a dictionary array, even if there are no values, and starts anew.
    pub(super) fn finish_dictionary(&mut self, rows: usize) -> ArrayRef {
        self.codes.resize(rows, NULL);
        let nulls = self.nulls();
        let texts = self.dictionary.array();
        let array = match self.dictionary.len() {
            0..=0x100 => self.keyed::<UInt8Type>(nulls, texts, |code| code.to_le_bytes()[0]),
            0x101..=0x1_0000 => self.keyed::<UInt16Type>(nulls, texts, |code| {
                u16::from_le_bytes([code.to_le_bytes()[0], code.to_le_bytes()[1]])
            }),
            _ => self.keyed::<UInt32Type>(nulls, texts, |code| code),
        };
        self.clear();
        array
    }

    /// A dictionary array with keys of type `K`. The key of a NULL is 0.
    fn keyed<K: ArrowDictionaryKeyType>(
        &self,
        nulls: Option<NullBuffer>,
        texts: ArrayRef,
        narrow: impl Fn(u32) -> K::Native,
    ) -> ArrayRef {
        let codes: Vec<K::Native> = if nulls.is_some() {
            self.codes.iter().map(|code| narrow(if *code == NULL { 0 } else { *code })).collect()
        } else {
            self.codes.iter().map(|code| narrow(*code)).collect()
        };
        let codes = PrimitiveArray::<K>::new(ScalarBuffer::from(codes), nulls);
        Arc::new(DictionaryArray::new(codes, texts))
    }

    fn nulls(&self) -> Option<NullBuffer> {
        let codes = &self.codes;
        codes
            .contains(&NULL)
            .then(|| NullBuffer::new(BooleanBuffer::collect_bool(codes.len(), |row| codes[row] != NULL)))
    }

    fn clear(&mut self) {
        recycle(&mut self.codes);
        self.dictionary.clear();
    }
}

impl ColumnBuilder for TextColumn {
    // Not inlined: a copy for each column would not fit into the instruction cache.
    #[inline(never)]
    fn read(&mut self, p: &mut Parser<'_>, row: usize) -> Result<(), Malformed> {
        if let Some(text) = p.text_bytes()? {
            self.set(row, text);
        }
        Ok(())
    }

    fn finish(&mut self, rows: usize) -> Option<ColumnData> {
        (!self.codes.is_empty()).then(|| ColumnData::Leaf(self.finish_dictionary(rows)))
    }
}

impl ScalarBuilder for TextColumn {
    fn finish_plain(&mut self, rows: usize) -> ArrayRef {
        self.codes.resize(rows, NULL);
        let nulls = self.nulls();
        let (buffer, spans) = self.dictionary.spans();
        let views: Vec<u128> = spans
            .map(|(start, end)| {
                make_view(&buffer[start..end], 0, u32::try_from(start).expect("less than 2 GiB of text"))
            })
            .collect();
        let views: Vec<u128> = self.codes.iter().map(|code| views.get(*code as usize).copied().unwrap_or(0)).collect();
        self.clear();
        Arc::new(StringViewArray::new(ScalarBuffer::from(views), vec![buffer], nulls)) as Arc<dyn Array>
    }
}

/// A column of numbers or text, stored as text.
#[derive(Debug, Default)]
pub struct IntOrStringColumn(TextColumn);

impl ColumnBuilder for IntOrStringColumn {
    #[inline]
    fn read(&mut self, p: &mut Parser<'_>, row: usize) -> Result<(), Malformed> {
        if let Some(text) = p.int_or_string()? {
            self.0.set(row, text.as_bytes());
        }
        Ok(())
    }

    fn finish(&mut self, rows: usize) -> Option<ColumnData> {
        self.0.finish(rows)
    }
}

impl ScalarBuilder for IntOrStringColumn {
    fn finish_plain(&mut self, rows: usize) -> ArrayRef {
        self.0.finish_plain(rows)
    }
}

/// A column of any values, stored as JSON text.
#[derive(Debug, Default)]
pub struct JsonColumn(TextColumn);

impl ColumnBuilder for JsonColumn {
    #[inline]
    fn read(&mut self, p: &mut Parser<'_>, row: usize) -> Result<(), Malformed> {
        if let Some(json) = p.raw()? {
            self.0.set(row, json.as_bytes());
        }
        Ok(())
    }

    fn finish(&mut self, rows: usize) -> Option<ColumnData> {
        self.0.finish(rows)
    }
}

impl ScalarBuilder for JsonColumn {
    fn finish_plain(&mut self, rows: usize) -> ArrayRef {
        self.0.finish_plain(rows)
    }
}
