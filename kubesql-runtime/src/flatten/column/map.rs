//! Columns of maps.

use super::ColumnBuilder;
use super::dictionary::recycle;
use super::nested::Offsets;
use super::text::TextColumn;
use crate::flatten::group::{ColumnData, MapData};
use crate::flatten::mismatch::Expected;
use crate::flatten::parse::{Malformed, Parser};
use crate::value::quantity;

/// Builds keys and values of maps. If a map has a key twice, the first entry wins.
#[derive(Debug, Default)]
struct Entries {
    offsets: Offsets,
    keys: TextColumn,
    values: TextColumn,
    /// By code of a key: the last row that has the key, plus one.
    last_row: Vec<u32>,
}

impl Entries {
    /// Reads a map into a row. `read` reads a value into the entry with the given number.
    #[inline(always)]
    fn read(
        &mut self,
        p: &mut Parser<'_>,
        row: usize,
        mut read: impl FnMut(&mut TextColumn, &mut Parser<'_>, usize) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        if self.offsets.has(row) {
            return p.skip();
        }
        let Some(mut fields) = p.object()? else {
            return Ok(());
        };
        self.offsets.begin(row);
        let row_plus_one = u32::try_from(row).expect("fewer rows than bytes in a batch") + 1;
        while let Some(key) = p.key(&mut fields)? {
            let code = self.keys.code(key.as_bytes());
            if self.last_row.len() <= code as usize {
                self.last_row.resize(code as usize + 1, 0);
            }
            let last_row = &mut self.last_row[code as usize];
            if *last_row == row_plus_one {
                p.skip()?;
                continue;
            }
            *last_row = row_plus_one;
            let entry = self.offsets.next();
            self.keys.set_code(entry, code);
            read(&mut self.values, p, entry)?;
        }
        Ok(())
    }

    fn finish(&mut self, rows: usize) -> Option<ColumnData> {
        if !self.offsets.any() {
            return None;
        }
        let entries = self.offsets.items;
        let (offsets, present) = self.offsets.finish(rows);
        recycle(&mut self.last_row);
        let keys = self.keys.finish_dictionary(entries);
        let values = self.values.finish_dictionary(entries);
        Some(ColumnData::Map(Box::new(MapData { offsets, present, keys, values })))
    }
}

/// A map of text. Other scalars are stored as they are written.
#[derive(Debug, Default)]
pub struct MapColumn(Option<Box<Entries>>);

impl ColumnBuilder for MapColumn {
    #[inline]
    fn read(&mut self, p: &mut Parser<'_>, row: usize) -> Result<(), Malformed> {
        self.0.get_or_insert_default().read(p, row, |values, p, entry| {
            if let Some(text) = p.scalar()? {
                values.set(entry, text.as_bytes());
            }
            Ok(())
        })
    }

    fn finish(&mut self, rows: usize) -> Option<ColumnData> {
        self.0.as_mut()?.finish(rows)
    }
}

/// A map of quantities, stored as they are written. Invalid quantities are recorded, and stored as well.
#[derive(Debug, Default)]
pub struct QuantityMapColumn(Option<Box<Quantities>>);

#[derive(Debug, Default)]
struct Quantities {
    entries: Entries,
    /// Codes of invalid values. Each distinct value is validated once.
    invalid: Vec<u32>,
}

impl ColumnBuilder for QuantityMapColumn {
    #[inline]
    fn read(&mut self, p: &mut Parser<'_>, row: usize) -> Result<(), Malformed> {
        let Quantities { entries, invalid } = &mut **self.0.get_or_insert_default();
        entries.read(p, row, |values, p, entry| {
            p.peek();
            let at = p.position();
            let known = values.distinct();
            let Some(text) = p.quantity_text()? else {
                return Ok(());
            };
            let code = values.code(text.as_bytes());
            if values.distinct() > known && quantity::parse(text).is_none() {
                invalid.push(code);
            }
            values.set_code(entry, code);
            if !invalid.is_empty() && invalid.binary_search(&code).is_ok() {
                p.add_mismatch(at, Expected::Quantity);
            }
            Ok(())
        })
    }

    fn finish(&mut self, rows: usize) -> Option<ColumnData> {
        let quantities = self.0.as_mut()?;
        quantities.invalid.clear();
        quantities.entries.finish(rows)
    }
}

/// A map of any values, stored as JSON text.
#[derive(Debug, Default)]
pub struct JsonMapColumn(Option<Box<Entries>>);

impl ColumnBuilder for JsonMapColumn {
    #[inline]
    fn read(&mut self, p: &mut Parser<'_>, row: usize) -> Result<(), Malformed> {
        self.0.get_or_insert_default().read(p, row, |values, p, entry| {
            if let Some(json) = p.raw()? {
                values.set(entry, json.as_bytes());
            }
            Ok(())
        })
    }

    fn finish(&mut self, rows: usize) -> Option<ColumnData> {
        self.0.as_mut()?.finish(rows)
    }
}
