//! The kind of an object that does not say: by its fields, where they fit one kind only.

use crate::flatten::{Malformed, Parser};
use crate::schema::{KindDef, Shape, TypeDef};

/// Fields outside of metadata that an object must share with a kind to be taken for one.
const ENOUGH: u32 = 3;

/// How well an object fits a kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Fit {
    /// Fields below `metadata`, at the top and in their objects and lists, that the kind has.
    known: u32,
    /// Those that it does not have, or that look otherwise there.
    unknown: u32,
    /// Whether there is a `metadata` with a name.
    named: bool,
}

/// The number of the kind that the object at this byte is of, if it fits one and no other as well.
///
/// It must have a name and share enough fields with the kind; one field in ten may be unknown there,
/// since the object may be of another release, but no kind may fit as well.
pub(super) fn guess(kinds: &[&'static KindDef], text: &str, from: usize) -> Result<Option<usize>, Malformed> {
    let mut best: Option<(usize, Fit)> = None;
    let mut tie = false;
    for (number, kind) in kinds.iter().enumerate() {
        let mut fit = Fit::default();
        root(&mut Parser::at(text, from), kind.root, &mut fit)?;
        if !fit.named {
            return Ok(None);
        }
        if fit.known < ENOUGH || fit.unknown * 10 > fit.known {
            continue;
        }
        match best {
            Some((_, other)) if other.unknown < fit.unknown => {}
            Some((_, other)) if other.unknown == fit.unknown => tie = true,
            _ => {
                best = Some((number, fit));
                tie = false;
            }
        }
    }
    Ok(best.filter(|_| !tie).map(|(number, _)| number))
}

fn root(parser: &mut Parser<'_>, def: &'static TypeDef, fit: &mut Fit) -> Result<(), Malformed> {
    let Some(mut fields) = parser.object()? else { return Ok(()) };
    while let Some(key) = parser.key(&mut fields)? {
        if key == "metadata" {
            let Some(mut fields) = parser.object()? else { continue };
            while let Some(key) = parser.key(&mut fields)? {
                fit.named |= key == "name";
                parser.skip()?;
            }
            continue;
        }
        let shape = def.field(key).map(|(_, field)| field.shape);
        field(parser, shape, fit)?;
    }
    Ok(())
}

/// Counts a field and, in its value, those that lie deeper.
fn field(parser: &mut Parser<'_>, shape: Option<Shape>, fit: &mut Fit) -> Result<(), Malformed> {
    let byte = parser.peek();
    let fits = match shape {
        _ if byte == b'n' => shape.is_some(),
        Some(Shape::Object(_) | Shape::Map(_)) => byte == b'{',
        Some(Shape::List(_) | Shape::Scalars(_)) => byte == b'[',
        Some(Shape::Scalar(_)) => true,
        None => false,
    };
    if !fits {
        fit.unknown += 1;
        return parser.skip();
    }
    fit.known += 1;
    match shape {
        Some(Shape::Object(def)) if byte == b'{' => object(parser, def, fit),
        Some(Shape::List(def)) if byte == b'[' => {
            let Some(mut elements) = parser.array()? else { return Ok(()) };
            while parser.element(&mut elements)? {
                if parser.peek() == b'{' {
                    object(parser, def, fit)?;
                } else {
                    parser.skip()?;
                }
            }
            Ok(())
        }
        _ => parser.skip(),
    }
}

fn object(parser: &mut Parser<'_>, def: &'static TypeDef, fit: &mut Fit) -> Result<(), Malformed> {
    let Some(mut fields) = parser.object()? else { return Ok(()) };
    while let Some(key) = parser.key(&mut fields)? {
        let shape = def.field(key).map(|(_, field)| field.shape);
        field(parser, shape, fit)?;
    }
    Ok(())
}
