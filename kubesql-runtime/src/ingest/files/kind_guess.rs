//! Guesses the kind of an object without `kind` and `apiVersion` by its fields.

use std::collections::HashMap;

use crate::flatten::{Malformed, Parser};
use crate::schema::{KindDef, Shape, TypeDef};

/// The number of fields outside of metadata that an object must share with a kind.
const MIN_KNOWN: u32 = 3;

/// The maximal number of cached shapes.
const MAX_CACHED: usize = 10_000;

/// Guesses kinds by the shapes of objects, with a cache. A shape is the names of the fields at the top and one level below,
/// each with the first byte of its value.
#[derive(Debug, Default)]
pub(super) struct KindGuesser {
    cache: HashMap<Vec<u8>, Option<usize>>,
    shape: Vec<u8>,
}

/// Markers in a shape: a field at the top follows, or a field one level below.
const TOP: u8 = 1;
const BELOW: u8 = 2;

impl KindGuesser {
    /// Guesses the kind of the object at byte `from`, and returns its number.
    ///
    /// The object must have a name, and must share enough fields with the kind. One field in ten may be unknown, since the
    /// object may be from another release. No other kind may match equally well.
    pub(super) fn guess(
        &mut self,
        kinds: &[&'static KindDef],
        text: &str,
        from: usize,
    ) -> Result<Option<usize>, Malformed> {
        self.shape.clear();
        if !read_shape(text, from, &mut self.shape)? {
            return Ok(None);
        }
        if let Some(known) = self.cache.get(&self.shape) {
            return Ok(*known);
        }
        let found = best_match(kinds, &self.shape);
        if self.cache.len() < MAX_CACHED {
            self.cache.insert(self.shape.clone(), found);
        }
        Ok(found)
    }
}

/// Appends the shape of the object at byte `from`, without its metadata. Returns whether the object has a name.
fn read_shape(text: &str, from: usize, to: &mut Vec<u8>) -> Result<bool, Malformed> {
    let mut parser = Parser::at(text, from);
    let mut named = false;
    let Some(mut fields) = parser.object()? else { return Ok(false) };
    while let Some(key) = parser.key(&mut fields)? {
        let is_metadata = key == "metadata";
        if !is_metadata {
            append_field(to, TOP, key);
            to.push(parser.peek());
        }
        if parser.peek() != b'{' {
            parser.skip()?;
            continue;
        }
        let Some(mut fields) = parser.object()? else { continue };
        while let Some(key) = parser.key(&mut fields)? {
            if is_metadata {
                named |= key == "name";
            } else {
                append_field(to, BELOW, key);
                to.push(parser.peek());
            }
            parser.skip()?;
        }
    }
    Ok(named)
}

fn append_field(to: &mut Vec<u8>, marker: u8, key: &str) {
    to.push(marker);
    // A name with a marker byte in it matches no kind.
    to.extend(key.bytes().map(|byte| if byte <= BELOW { b'?' } else { byte }));
}

/// The kind that matches a shape best, unless several match equally well.
fn best_match(kinds: &[&'static KindDef], shape: &[u8]) -> Option<usize> {
    let mut best: Option<(usize, u32)> = None;
    let mut tie = false;
    // Custom resources are not guessed, since they can have any fields.
    for (number, kind) in kinds.iter().enumerate().filter(|(_, kind)| kind.custom.is_none()) {
        let (known, unknown) = count_fields(kind.root, shape);
        if known < MIN_KNOWN || unknown * 10 > known {
            continue;
        }
        match best {
            Some((_, other)) if other < unknown => {}
            Some((_, other)) if other == unknown => tie = true,
            _ => (best, tie) = (Some((number, unknown)), false),
        }
    }
    best.filter(|_| !tie).map(|(number, _)| number)
}

/// The numbers of fields of a shape that a type has, and that it does not have or has with another type of value.
fn count_fields(root: &'static TypeDef, shape: &[u8]) -> (u32, u32) {
    let (mut known, mut unknown) = (0, 0);
    let mut below: Option<Shape> = None;
    let starts = shape.iter().enumerate().filter(|(_, byte)| **byte <= BELOW).map(|(at, _)| at);
    let ends = starts.clone().skip(1).chain([shape.len()]);
    for (start, end) in starts.zip(ends) {
        let [marker, name @ .., value] = &shape[start..end] else { continue };
        let name = std::str::from_utf8(name).unwrap_or_default();
        let field = if *marker == TOP {
            let field = root.field(name).map(|(_, field)| field);
            below = field.map(|field| field.shape);
            field
        } else {
            match below {
                Some(Shape::Object(def)) => def.field(name).map(|(_, field)| field),
                // Keys of maps can have any name. The contents of lists and scalars are not counted.
                Some(Shape::Map(_) | Shape::Scalar(_)) => continue,
                _ => None,
            }
        };
        if field.is_some_and(|field| field.other.is_some() || has_shape(field.shape, *value)) {
            known += 1;
        } else {
            unknown += 1;
        }
    }
    (known, unknown)
}

/// Whether a value that starts with this byte has a shape.
fn has_shape(shape: Shape, value: u8) -> bool {
    match shape {
        _ if value == b'n' => true,
        Shape::Object(_) | Shape::Map(_) => value == b'{',
        Shape::List(_) | Shape::Scalars(_) => value == b'[',
        Shape::Scalar(_) => true,
    }
}
