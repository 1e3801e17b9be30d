//! The objects of a segment as compressed JSON text.
//!
//! Objects are compressed in blocks of 64: small enough that one object is decompressed quickly, and large enough that
//! text which neighbouring objects share is stored once.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringViewArray, StringViewBuilder};
use arrow::buffer::Buffer;

use super::compression::{CompressedBlock, Compressor, PendingBlocks};
use super::parse::{Malformed, Parser, SyntaxError, compact};

/// Objects in a block.
const BLOCK_OBJECTS: usize = 64;

/// Bytes at which a block is closed early, so that reading a large object decompresses little more than this.
const BLOCK_BYTES: usize = 4 << 20;

/// The objects of a segment as JSON text without `metadata.managedFields`.
#[derive(Debug, Default, Clone)]
pub struct RawObjects {
    blocks: Vec<Block>,
    rows: usize,
}

#[derive(Debug, Clone)]
struct Block {
    /// The row of its first object.
    first_row: usize,
    text: BlockText,
    /// The end of each object in the text, in bytes.
    ends: Box<[u32]>,
}

#[derive(Debug, Clone)]
enum BlockText {
    Compressed(Arc<[u8]>),
    Uncompressed(Buffer),
}

/// Builds [`RawObjects`].
#[derive(Default)]
pub struct RawObjectsBuilder {
    /// The closed blocks.
    objects: RawObjects,
    /// The text of the current block.
    text: String,
    ends: Vec<u32>,
    compressor: Compressor,
    pending: PendingBlocks,
    /// The buffer of a compressed block, to be used again.
    spare: String,
}

/// How the text of a closed block is compressed.
#[derive(Debug, Clone, Copy)]
enum Compression {
    /// On the thread pool.
    Background,
    /// On the calling thread.
    Inline,
    /// Not at all.
    None,
}

impl std::fmt::Debug for RawObjectsBuilder {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("RawObjectsBuilder").field("rows", &self.rows()).finish_non_exhaustive()
    }
}

impl RawObjectsBuilder {
    /// Adds an object without its managedFields and, if it has line breaks, without white space between tokens.
    /// `object` must be its whole JSON text. A malformed object is stored as an empty text, so that row numbers still
    /// agree.
    pub fn push(&mut self, object: &str) -> Result<(), Malformed> {
        self.add(object, true)
    }

    /// Like [`Self::push`] for an object that was already parsed: it is only parsed up to its managedFields.
    pub fn push_validated(&mut self, object: &str) -> Result<(), Malformed> {
        self.add(object, false)
    }

    fn add(&mut self, object: &str, validate: bool) -> Result<(), Malformed> {
        let start = self.text.len();
        let pushed = self.append(object.trim_ascii(), validate);
        if pushed.is_err() {
            self.text.truncate(start);
        }
        self.ends.push(u32::try_from(self.text.len()).expect("a block is smaller than 4 GiB"));
        if self.ends.len() == BLOCK_OBJECTS || self.text.len() >= BLOCK_BYTES {
            self.close_block(Compression::Background);
        }
        pushed
    }

    /// The number of objects added.
    pub fn rows(&self) -> usize {
        self.objects.rows + self.ends.len()
    }

    /// Returns all objects and starts anew.
    pub fn finish(&mut self) -> RawObjects {
        self.close_block(Compression::Inline);
        self.collect()
    }

    /// Like [`Self::finish`], but does not compress the last block. For objects that are short-lived.
    pub fn finish_uncompressed(&mut self) -> RawObjects {
        self.close_block(Compression::None);
        self.collect()
    }

    fn collect(&mut self) -> RawObjects {
        while let Some(block) = self.pending.next() {
            self.store(block);
        }
        std::mem::take(&mut self.objects)
    }

    /// Stores the compressed text of a block.
    fn store(&mut self, CompressedBlock { number, compressed, mut text }: CompressedBlock) {
        self.objects.blocks[number].text = BlockText::new(compressed, &text);
        text.clear();
        if text.capacity() <= 4 * BLOCK_BYTES {
            self.spare = text;
        }
    }

    fn append(&mut self, object: &str, validate: bool) -> Result<(), Malformed> {
        /// Together with the text that a block can already have, less than 4 GiB.
        const MAX_BYTES: usize = 2 << 30;
        let (start, end) = managed_fields(object, validate)?.unwrap_or((0, 0));
        if object.len() > MAX_BYTES {
            return Err(Malformed { at: MAX_BYTES, error: SyntaxError::ObjectTooLarge });
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

    fn close_block(&mut self, compression: Compression) {
        if self.ends.is_empty() {
            return;
        }
        let number = self.objects.blocks.len();
        let text = match compression {
            Compression::None => BlockText::new(None, &self.text),
            Compression::Inline => BlockText::new(self.compressor.compress(&self.text), &self.text),
            Compression::Background => {
                while let Some(block) = self.pending.try_next() {
                    self.store(block);
                }
                let next = std::mem::take(&mut self.spare);
                match self.pending.submit(number, std::mem::replace(&mut self.text, next)) {
                    // A placeholder until the block is compressed.
                    Ok(()) => BlockText::Compressed(Arc::default()),
                    Err(text) => {
                        self.text = text;
                        BlockText::new(self.compressor.compress(&self.text), &self.text)
                    }
                }
            }
        };
        let first_row = self.objects.rows;
        self.objects.rows += self.ends.len();
        self.objects.blocks.push(Block { first_row, text, ends: self.ends.as_slice().into() });
        self.ends.clear();
        self.text.clear();
        if self.text.capacity() > 4 * BLOCK_BYTES {
            self.text = String::new();
        }
    }
}

/// The span in bytes of `metadata.managedFields` in an object, including the comma next to it. With `validate`, the
/// whole object's structure is checked.
fn managed_fields(object: &str, validate: bool) -> Result<Option<(usize, usize)>, Malformed> {
    let mut parser = Parser::new(object);
    let mut span = None;
    let Some(mut fields) = parser.object()? else {
        return Err(Malformed { at: 0, error: SyntaxError::ExpectedObject });
    };
    while let Some(key) = parser.key(&mut fields)? {
        if key != "metadata" || span.is_some() || parser.peek() != b'{' {
            parser.skip()?;
            continue;
        }
        let Some(mut fields) = parser.object()? else { continue };
        // The end of the value before it, so that the span includes the comma between them.
        let mut before = parser.position();
        let mut first = true;
        while let Some(key) = parser.key(&mut fields)? {
            let found = key == "managedFields" && span.is_none();
            parser.skip()?;
            let mut end = parser.position();
            if found {
                // The first field has no comma before it. It has one after it, unless it is the only field.
                if first && parser.peek() == b',' {
                    end = parser.position() + 1;
                }
                span = Some((before, end));
            }
            first = false;
            before = end;
        }
        if !validate {
            break;
        }
    }
    Ok(span)
}

impl RawObjects {
    /// The number of objects.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Approximate memory in bytes.
    pub fn bytes(&self) -> usize {
        self.blocks.iter().map(|block| block.text.bytes() + block.ends.len() * 4 + size_of::<Block>()).sum()
    }

    /// The text of the objects in these rows, which must exist, as a `Utf8View` array. The text of a malformed object is
    /// empty.
    pub fn read(&self, rows: Range<usize>) -> ArrayRef {
        if rows.is_empty() {
            return Arc::new(StringViewArray::from(Vec::<&str>::new()));
        }
        let from = self.blocks.partition_point(|block| block.first_row + block.ends.len() <= rows.start);
        let mut views = StringViewBuilder::with_capacity(rows.len());
        let mut decompressor = None;
        for block in self.blocks[from..].iter().take_while(|block| block.first_row < rows.end) {
            let rows = rows.start.saturating_sub(block.first_row)..(rows.end - block.first_row).min(block.ends.len());
            block.read(rows, &mut views, &mut decompressor);
        }
        Arc::new(views.finish())
    }
}

impl BlockText {
    fn new(compressed: Option<Arc<[u8]>>, text: &str) -> Self {
        compressed.map_or_else(|| Self::Uncompressed(Buffer::from(text.as_bytes())), Self::Compressed)
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Compressed(text) => text.len(),
            Self::Uncompressed(text) => text.len(),
        }
    }
}

/// Shared by all blocks of a read: creating one takes as long as decompressing a block.
type Decompressor = Option<zstd::bulk::Decompressor<'static>>;

impl Block {
    /// Appends the objects of these rows, counted from the block's first.
    fn read(&self, rows: Range<usize>, to: &mut StringViewBuilder, decompressor: &mut Decompressor) {
        let text = match &self.text {
            BlockText::Uncompressed(text) => text.clone(),
            BlockText::Compressed(compressed) => {
                let size = self.ends.last().copied().unwrap_or_default() as usize;
                let decompressor = decompressor
                    .get_or_insert_with(|| zstd::bulk::Decompressor::new().expect("enough memory for a decompressor"));
                Buffer::from_vec(
                    decompressor.decompress(compressed, size).expect("text that was compressed by this process"),
                )
            }
        };
        let block = to.append_block(text);
        for row in rows {
            let start = if row == 0 { 0 } else { self.ends[row - 1] };
            to.try_append_view(block, start, self.ends[row] - start).expect("spans of whole objects in the block");
        }
    }
}
