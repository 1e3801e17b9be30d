//! Fields whose shape depends on the version of the kind. One shape has the columns; values of other shapes are JSON text
//! in a field of their own.

use super::column::{ColumnBuilder, JsonColumn};
use super::parse::{Malformed, Parser};
use crate::schema::{MapValue, Scalar, Shape};

/// Reads a value into the column of its field, or into `other` if it has another shape. An object with undeclared fields
/// is in both.
pub(crate) fn read_either(
    column: &mut impl ColumnBuilder,
    other: &mut JsonColumn,
    shape: Shape,
    p: &mut Parser<'_>,
    row: usize,
) -> Result<(), Malformed> {
    read(Some(|p: &mut Parser<'_>| column.read(p, row)), Some(other), shape, p, row)
}

/// Reads a value into those of the two columns that are needed.
pub(super) fn read(
    column: Option<impl FnOnce(&mut Parser<'_>) -> Result<(), Malformed>>,
    other: Option<&mut JsonColumn>,
    shape: Shape,
    p: &mut Parser<'_>,
    row: usize,
) -> Result<(), Malformed> {
    let fits = fits(p, shape)?;
    let start = p.position();
    let is_object = matches!(shape, Shape::Object(_)) && p.peek() == b'{';
    let mut is_read = false;
    if let Some(column) = column.filter(|_| fits || is_object) {
        column(p)?;
        is_read = true;
    }
    if let Some(other) = other.filter(|_| !fits) {
        p.seek(start);
        other.read(p, row)?;
        is_read = true;
    }
    if is_read { Ok(()) } else { p.skip() }
}

/// Whether the next value has this shape; `null` has every shape. The parser stays where it is.
fn fits(p: &mut Parser<'_>, shape: Shape) -> Result<bool, Malformed> {
    let first = p.peek();
    let start = p.position();
    let mut fits = first == b'n'
        || match shape {
            Shape::Scalar(scalar) => starts(scalar, first),
            Shape::Object(_) | Shape::Map(_) => first == b'{',
            Shape::List(_) | Shape::Scalars(_) => first == b'[',
        };
    if first == b'{' && fits {
        let Some(mut fields) = p.object()? else { return Ok(fits) };
        while let Some(key) = p.key(&mut fields)? {
            fits &= match shape {
                Shape::Object(def) => def.field(key).is_some(),
                Shape::Map(value) => value == MapValue::Json || !matches!(p.peek(), b'{' | b'['),
                _ => true,
            };
            p.skip()?;
        }
    } else if first == b'[' && fits {
        let Some(mut elements) = p.array()? else { return Ok(fits) };
        while p.element(&mut elements)? {
            let first = p.peek();
            fits &= first == b'n'
                || match shape {
                    Shape::List(_) => first == b'{',
                    Shape::Scalars(scalar) => starts(scalar, first),
                    _ => true,
                };
            p.skip()?;
        }
    }
    p.seek(start);
    Ok(fits)
}

/// Whether values of this type can start with this byte.
fn starts(scalar: Scalar, first: u8) -> bool {
    let is_number = matches!(first, b'-' | b'0'..=b'9');
    match scalar {
        Scalar::Json => true,
        Scalar::Text | Scalar::Time => first == b'"',
        Scalar::Bool => matches!(first, b't' | b'f'),
        Scalar::Int32 | Scalar::Int64 | Scalar::Float => is_number,
        Scalar::IntOrString | Scalar::Quantity => first == b'"' || is_number,
    }
}
