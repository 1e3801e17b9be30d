//! Text, always as a dictionary: what repeats is stored once a batch.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, DictionaryArray, PrimitiveArray, StringViewArray, make_view};
use arrow::buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::{ArrowDictionaryKeyType, UInt8Type, UInt16Type, UInt32Type};

use super::dictionary::{Dictionary, NULL, recycle};
use super::{Column, ScalarColumn};
use crate::flatten::group::Data;
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
    pub(super) fn put(&mut self, row: usize, text: &[u8]) {
        if self.codes.len() != row && !self.pad(row) {
            return;
        }
        let code = self.dictionary.loose_code(text);
        self.codes.push(code);
    }

    /// The code of a text, one for all of its rows, which is then known, but in no row yet. Not in one column with
    /// [`Self::put`].
    #[inline]
    pub(super) fn code(&mut self, text: &[u8]) -> u32 {
        self.dictionary.code(text)
    }

    /// Sets the text of a row by its code.
    #[inline]
    pub(super) fn put_code(&mut self, row: usize, code: u32) {
        if self.codes.len() == row || self.pad(row) {
            self.codes.push(code);
        }
    }

    /// How many distinct texts there are.
    pub(super) fn distinct(&self) -> usize {
        self.dictionary.len()
    }

    /// Pads with NULLs up to this row; false where the row has a value.
    #[cold]
    #[inline(never)]
    fn pad(&mut self, row: usize) -> bool {
        if self.codes.len() > row {
            return false;
        }
        self.codes.resize(row, NULL);
        true
    }

    /// The column as a dictionary array, even without a value.
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

    /// The array with codes of this width; a NULL's code is 0.
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

impl Column for TextColumn {
    // Once for all columns of text: a copy for each does not fit into the processor's cache of instructions.
    #[inline(never)]
    fn read(&mut self, p: &mut Parser<'_>, row: usize) -> Result<(), Malformed> {
        if let Some(text) = p.text_bytes()? {
            self.put(row, text);
        }
        Ok(())
    }

    fn finish(&mut self, rows: usize) -> Option<Data> {
        (!self.codes.is_empty()).then(|| Data::Leaf(self.finish_dictionary(rows)))
    }
}

impl ScalarColumn for TextColumn {
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

/// A column of numbers or text: kept as text.
#[derive(Debug, Default)]
pub struct IntOrStringColumn(TextColumn);

impl Column for IntOrStringColumn {
    #[inline]
    fn read(&mut self, p: &mut Parser<'_>, row: usize) -> Result<(), Malformed> {
        if let Some(text) = p.int_or_string()? {
            self.0.put(row, text.as_bytes());
        }
        Ok(())
    }

    fn finish(&mut self, rows: usize) -> Option<Data> {
        self.0.finish(rows)
    }
}

impl ScalarColumn for IntOrStringColumn {
    fn finish_plain(&mut self, rows: usize) -> ArrayRef {
        self.0.finish_plain(rows)
    }
}

/// A column of anything: kept as JSON text.
#[derive(Debug, Default)]
pub struct JsonColumn(TextColumn);

impl Column for JsonColumn {
    #[inline]
    fn read(&mut self, p: &mut Parser<'_>, row: usize) -> Result<(), Malformed> {
        if let Some(json) = p.raw()? {
            self.0.put(row, json.as_bytes());
        }
        Ok(())
    }

    fn finish(&mut self, rows: usize) -> Option<Data> {
        self.0.finish(rows)
    }
}

impl ScalarColumn for JsonColumn {
    fn finish_plain(&mut self, rows: usize) -> ArrayRef {
        self.0.finish_plain(rows)
    }
}
