//! Maps: keys and values, the entries of all rows one after another.

use super::Column;
use super::dictionary::recycle;
use super::nested::Offsets;
use super::text::TextColumn;
use crate::flatten::group::{Data, Map};
use crate::flatten::mismatch::Expected;
use crate::flatten::parse::{Malformed, Parser};
use crate::value::quantity;

/// Entries of maps under construction. Within a row the first entry of a key wins.
#[derive(Debug, Default)]
struct Entries {
    offsets: Offsets,
    keys: TextColumn,
    values: TextColumn,
    /// By code of a key: the row that had it last, plus one.
    had: Vec<u32>,
}

impl Entries {
    /// Reads a map into a row: the keys here, a value by `read`, which is given its entry's number.
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
        let mark = u32::try_from(row).expect("fewer rows than bytes in a batch") + 1;
        while let Some(key) = p.key(&mut fields)? {
            let code = self.keys.code(key.as_bytes());
            if self.had.len() <= code as usize {
                self.had.resize(code as usize + 1, 0);
            }
            let had = &mut self.had[code as usize];
            if *had == mark {
                p.skip()?;
                continue;
            }
            *had = mark;
            let entry = self.offsets.next();
            self.keys.put_code(entry, code);
            read(&mut self.values, p, entry)?;
        }
        Ok(())
    }

    fn finish(&mut self, rows: usize) -> Option<Data> {
        if !self.offsets.any() {
            return None;
        }
        let entries = self.offsets.items;
        let (offsets, present) = self.offsets.finish(rows);
        recycle(&mut self.had);
        let keys = self.keys.finish_dictionary(entries);
        let values = self.values.finish_dictionary(entries);
        Some(Data::Map(Box::new(Map { offsets, present, keys, values })))
    }
}

/// A map of text; other scalars are kept as they are written.
#[derive(Debug, Default)]
pub struct MapColumn(Option<Box<Entries>>);

impl Column for MapColumn {
    #[inline]
    fn read(&mut self, p: &mut Parser<'_>, row: usize) -> Result<(), Malformed> {
        self.0.get_or_insert_default().read(p, row, |values, p, entry| {
            if let Some(text) = p.scalar()? {
                values.put(entry, text.as_bytes());
            }
            Ok(())
        })
    }

    fn finish(&mut self, rows: usize) -> Option<Data> {
        self.0.as_mut()?.finish(rows)
    }
}

/// A map of quantities, kept as they are written; those that are none are counted and kept, too.
#[derive(Debug, Default)]
pub struct QuantityMapColumn(Option<Box<Quantities>>);

#[derive(Debug, Default)]
struct Quantities {
    entries: Entries,
    /// Codes of values that are no quantities. Each distinct value is looked at once.
    bad: Vec<u32>,
}

impl Column for QuantityMapColumn {
    #[inline]
    fn read(&mut self, p: &mut Parser<'_>, row: usize) -> Result<(), Malformed> {
        let Quantities { entries, bad } = &mut **self.0.get_or_insert_default();
        entries.read(p, row, |values, p, entry| {
            p.peek();
            let at = p.position();
            let known = values.distinct();
            let Some(text) = p.quantity_text()? else {
                return Ok(());
            };
            let code = values.code(text.as_bytes());
            if values.distinct() > known && quantity::parse(text).is_none() {
                bad.push(code);
            }
            values.put_code(entry, code);
            if !bad.is_empty() && bad.binary_search(&code).is_ok() {
                p.note(at, Expected::Quantity);
            }
            Ok(())
        })
    }

    fn finish(&mut self, rows: usize) -> Option<Data> {
        let quantities = self.0.as_mut()?;
        quantities.bad.clear();
        quantities.entries.finish(rows)
    }
}

/// A map of anything, kept as JSON text.
#[derive(Debug, Default)]
pub struct JsonMapColumn(Option<Box<Entries>>);

impl Column for JsonMapColumn {
    #[inline]
    fn read(&mut self, p: &mut Parser<'_>, row: usize) -> Result<(), Malformed> {
        self.0.get_or_insert_default().read(p, row, |values, p, entry| {
            if let Some(json) = p.raw()? {
                values.put(entry, json.as_bytes());
            }
            Ok(())
        })
    }

    fn finish(&mut self, rows: usize) -> Option<Data> {
        self.0.as_mut()?.finish(rows)
    }
}
