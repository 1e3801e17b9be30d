//! The kind of an object that does not say: by its fields, where they fit one kind only.

use std::collections::HashMap;

use crate::flatten::{Malformed, Parser};
use crate::schema::{KindDef, Shape, TypeDef};

/// Fields outside of metadata that an object must share with a kind to be taken for one.
const ENOUGH: u32 = 3;

/// How many shapes of objects are remembered.
const REMEMBERED: usize = 10_000;

/// Shapes that were seen and the kinds that they are of: a shape is the names of the fields at the top
/// and of those one level below, each with the first byte of its value.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    known: HashMap<Vec<u8>, Option<usize>>,
    shape: Vec<u8>,
}

/// Marks in a shape: what follows is a field at the top, or one below it.
const TOP: u8 = 1;
const BELOW: u8 = 2;

impl Shapes {
    /// The number of the kind that the object at this byte is of, if it fits one and no other as well.
    ///
    /// It must have a name and share enough fields with the kind; one field in ten may be unknown
    /// there, since the object may be of another release, but no other kind may fit as well.
    pub(super) fn guess(
        &mut self,
        kinds: &[&'static KindDef],
        text: &str,
        from: usize,
    ) -> Result<Option<usize>, Malformed> {
        self.shape.clear();
        if !shape(text, from, &mut self.shape)? {
            return Ok(None);
        }
        if let Some(known) = self.known.get(&self.shape) {
            return Ok(*known);
        }
        let found = best(kinds, &self.shape);
        if self.known.len() < REMEMBERED {
            self.known.insert(self.shape.clone(), found);
        }
        Ok(found)
    }
}

/// Writes the shape of the object at this byte, its metadata left out, and tells whether it has a name.
fn shape(text: &str, from: usize, to: &mut Vec<u8>) -> Result<bool, Malformed> {
    let mut parser = Parser::at(text, from);
    let mut named = false;
    let Some(mut fields) = parser.object()? else { return Ok(false) };
    while let Some(key) = parser.key(&mut fields)? {
        let is_metadata = key == "metadata";
        if !is_metadata {
            mark(to, TOP, key);
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
                mark(to, BELOW, key);
                to.push(parser.peek());
            }
            parser.skip()?;
        }
    }
    Ok(named)
}

fn mark(to: &mut Vec<u8>, mark: u8, key: &str) {
    to.push(mark);
    // A name with such a mark in it fits no kind.
    to.extend(key.bytes().map(|byte| if byte <= BELOW { b'?' } else { byte }));
}

/// The kind that a shape fits best, if there is one.
fn best(kinds: &[&'static KindDef], shape: &[u8]) -> Option<usize> {
    let mut best: Option<(usize, u32)> = None;
    let mut tie = false;
    // Custom resources may look like anything.
    for (number, kind) in kinds.iter().enumerate().filter(|(_, kind)| kind.custom.is_none()) {
        let (known, unknown) = fit(kind.root, shape);
        if known < ENOUGH || unknown * 10 > known {
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

/// How many fields of a shape a type has, and how many it has not, or has with values of another form.
fn fit(root: &'static TypeDef, shape: &[u8]) -> (u32, u32) {
    let (mut known, mut unknown) = (0, 0);
    let mut below: Option<Shape> = None;
    let starts = shape.iter().enumerate().filter(|(_, byte)| **byte <= BELOW).map(|(at, _)| at);
    let ends = starts.clone().skip(1).chain([shape.len()]);
    for (start, end) in starts.zip(ends) {
        let [mark, name @ .., value] = &shape[start..end] else { continue };
        let name = std::str::from_utf8(name).unwrap_or_default();
        let field = if *mark == TOP {
            below = root.field(name).map(|(_, field)| field.shape);
            below
        } else {
            match below {
                Some(Shape::Object(def)) => def.field(name).map(|(_, field)| field.shape),
                // Any name is a key of a map; what a list or text holds was counted with it.
                Some(Shape::Map(_) | Shape::Scalar(_)) => continue,
                _ => None,
            }
        };
        if field.is_some_and(|shape| fits(shape, *value)) {
            known += 1;
        } else {
            unknown += 1;
        }
    }
    (known, unknown)
}

/// Whether a value that begins with this byte can be one of a field of this shape.
fn fits(shape: Shape, value: u8) -> bool {
    match shape {
        _ if value == b'n' => true,
        Shape::Object(_) | Shape::Map(_) => value == b'{',
        Shape::List(_) | Shape::Scalars(_) => value == b'[',
        Shape::Scalar(_) => true,
    }
}
