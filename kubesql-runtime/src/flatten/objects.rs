//! The objects of a segment as JSON text, compressed.
//!
//! Sixty-four objects to a block: small enough that one object is read in a moment, large enough that
//! what its neighbours have in common is stored once.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringViewArray, StringViewBuilder};
use arrow::buffer::Buffer;

use super::parse::{Malformed, Parser, compact};
use super::press::{Compressor, Press, Pressed};

/// Objects in a block.
const BLOCK: usize = 64;

/// Bytes at which a block is closed early. Large objects have few neighbours in a block, so that
/// reading one of them does not decompress more than about this.
const FULL: usize = 4 << 20;

/// The objects of a segment as JSON text without `metadata.managedFields`.
#[derive(Debug, Default, Clone)]
pub struct Objects {
    blocks: Vec<Block>,
    rows: usize,
}

#[derive(Debug, Clone)]
struct Block {
    /// Row of its first object.
    first: usize,
    text: Text,
    /// Where each object ends in the text.
    ends: Box<[u32]>,
}

#[derive(Debug, Clone)]
enum Text {
    Compressed(Arc<[u8]>),
    Plain(Buffer),
}

/// Collects objects.
#[derive(Default)]
pub struct ObjectsBuilder {
    done: Objects,
    text: String,
    ends: Vec<u32>,
    compressor: Compressor,
    press: Press,
    /// A text that was compressed, for its memory.
    spare: String,
}

/// What becomes of the text of a block.
#[derive(Debug, Clone, Copy)]
enum Close {
    /// It is compressed meanwhile.
    Beside,
    /// It is compressed.
    Now,
    /// It stays as it is.
    Plain,
}

impl std::fmt::Debug for ObjectsBuilder {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("ObjectsBuilder").field("rows", &self.rows()).finish_non_exhaustive()
    }
}

impl ObjectsBuilder {
    /// Adds an object, which must be whole JSON text, without its managedFields and, where it has line
    /// breaks, without the white space between its parts. A malformed one becomes an empty text, so
    /// that rows still count.
    pub fn push(&mut self, object: &str) -> Result<(), Malformed> {
        self.add(object, true)
    }

    /// The same of an object that somebody has walked to its end: it is looked at as far as its managedFields only.
    pub fn push_walked(&mut self, object: &str) -> Result<(), Malformed> {
        self.add(object, false)
    }

    fn add(&mut self, object: &str, walk: bool) -> Result<(), Malformed> {
        let start = self.text.len();
        let pushed = self.append(object.trim_ascii(), walk);
        if pushed.is_err() {
            self.text.truncate(start);
        }
        self.ends.push(u32::try_from(self.text.len()).expect("a block is closed long before"));
        if self.ends.len() == BLOCK || self.text.len() >= FULL {
            self.close(Close::Beside);
        }
        pushed
    }

    /// How many objects were added.
    pub fn rows(&self) -> usize {
        self.done.rows + self.ends.len()
    }

    /// All objects; then starts anew.
    pub fn finish(&mut self) -> Objects {
        self.close(Close::Now);
        self.take()
    }

    /// All objects, the last few of them as plain text, which is worth it where they are not kept for long; then starts
    /// anew.
    pub fn finish_plain(&mut self) -> Objects {
        self.close(Close::Plain);
        self.take()
    }

    fn take(&mut self) -> Objects {
        while let Some(pressed) = self.press.rest() {
            self.put(pressed);
        }
        std::mem::take(&mut self.done)
    }

    /// A block's text has been compressed.
    fn put(&mut self, Pressed { number, compressed, mut text }: Pressed) {
        self.done.blocks[number].text = Text::new(compressed, &text);
        text.clear();
        if text.capacity() <= 4 * FULL {
            self.spare = text;
        }
    }

    fn append(&mut self, object: &str, walk: bool) -> Result<(), Malformed> {
        /// With what is in the block already, this stays below 4 GiB.
        const LONGEST: usize = 2 << 30;
        let (start, end) = managed_fields(object, walk)?.unwrap_or((0, 0));
        if object.len() > LONGEST {
            return Err(Malformed { at: LONGEST, what: &"an object of more than 2 GiB" });
        }
        for part in [&object[..start], &object[end..]] {
            if memchr::memchr(b'\n', part.as_bytes()).is_some() {
                compact(part, &mut self.text);
            } else {
                self.text.push_str(part);
            }
        }
        Ok(())
    }

    fn close(&mut self, how: Close) {
        if self.ends.is_empty() {
            return;
        }
        let number = self.done.blocks.len();
        let text = match how {
            Close::Plain => Text::new(None, &self.text),
            Close::Now => Text::new(self.compressor.compress(&self.text), &self.text),
            Close::Beside => {
                while let Some(pressed) = self.press.done() {
                    self.put(pressed);
                }
                let next = std::mem::take(&mut self.spare);
                match self.press.begin(number, std::mem::replace(&mut self.text, next)) {
                    // Until it is done.
                    Ok(()) => Text::Compressed(Arc::default()),
                    Err(text) => {
                        self.text = text;
                        Text::new(self.compressor.compress(&self.text), &self.text)
                    }
                }
            }
        };
        let first = self.done.rows;
        self.done.rows += self.ends.len();
        self.done.blocks.push(Block { first, text, ends: self.ends.as_slice().into() });
        self.ends.clear();
        self.text.clear();
        if self.text.capacity() > 4 * FULL {
            self.text = String::new();
        }
    }
}

/// The span of `metadata.managedFields` in an object, with the comma that goes with it. With `walk`, the object's
/// structure is checked to its end.
fn managed_fields(object: &str, walk: bool) -> Result<Option<(usize, usize)>, Malformed> {
    let mut parser = Parser::new(object);
    let mut span = None;
    let Some(mut fields) = parser.object()? else {
        return Err(Malformed { at: 0, what: &"expected an object" });
    };
    while let Some(key) = parser.key(&mut fields)? {
        if key != "metadata" || span.is_some() || parser.peek() != b'{' {
            parser.skip()?;
            continue;
        }
        let Some(mut fields) = parser.object()? else { continue };
        // Up to the value before it, so that the comma between them goes, too.
        let mut before = parser.position();
        let mut first = true;
        while let Some(key) = parser.key(&mut fields)? {
            let found = key == "managedFields" && span.is_none();
            parser.skip()?;
            let mut end = parser.position();
            if found {
                // The first one has no comma before it, but one behind it, if it is not the only one.
                if first && parser.peek() == b',' {
                    end = parser.position() + 1;
                }
                span = Some((before, end));
            }
            first = false;
            before = end;
        }
        if !walk {
            break;
        }
    }
    Ok(span)
}

impl Objects {
    /// How many objects there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes of memory that they take, nearly.
    pub fn bytes(&self) -> usize {
        self.blocks.iter().map(|block| block.text.bytes() + block.ends.len() * 4 + size_of::<Block>()).sum()
    }

    /// A `Utf8View` array with the objects of these rows, which must exist. One of a malformed object
    /// is an empty text.
    pub fn read(&self, rows: Range<usize>) -> ArrayRef {
        if rows.is_empty() {
            return Arc::new(StringViewArray::from(Vec::<&str>::new()));
        }
        let from = self.blocks.partition_point(|block| block.first + block.ends.len() <= rows.start);
        let mut views = StringViewBuilder::with_capacity(rows.len());
        let mut decompressor = None;
        for block in self.blocks[from..].iter().take_while(|block| block.first < rows.end) {
            let wanted = rows.start.saturating_sub(block.first)..(rows.end - block.first).min(block.ends.len());
            block.read(wanted, &mut views, &mut decompressor);
        }
        Arc::new(views.finish())
    }
}

impl Text {
    fn new(compressed: Option<Arc<[u8]>>, text: &str) -> Self {
        compressed.map_or_else(|| Self::Plain(Buffer::from(text.as_bytes())), Self::Compressed)
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Compressed(text) => text.len(),
            Self::Plain(text) => text.len(),
        }
    }
}

/// One serves many blocks: to make one takes as long as to use it.
type Decompressor = Option<zstd::bulk::Decompressor<'static>>;

impl Block {
    /// Appends the objects of these rows of the block.
    fn read(&self, rows: Range<usize>, to: &mut StringViewBuilder, decompressor: &mut Decompressor) {
        let text = match &self.text {
            Text::Plain(text) => text.clone(),
            Text::Compressed(compressed) => {
                let size = self.ends.last().copied().unwrap_or_default() as usize;
                let decompressor = decompressor
                    .get_or_insert_with(|| zstd::bulk::Decompressor::new().expect("there is memory for its state"));
                Buffer::from_vec(decompressor.decompress(compressed, size).expect("what was compressed before"))
            }
        };
        let block = to.append_block(text);
        for row in rows {
            let start = if row == 0 { 0 } else { self.ends[row - 1] };
            to.try_append_view(block, start, self.ends[row] - start).expect("whole objects of the block");
        }
    }
}
