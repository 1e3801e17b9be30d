//! A file seen through a small window, so that a large one takes no more memory than that.

use std::io::Read;

use super::paths::Input;
use crate::store::SourceError;

/// Part of a file.
pub(super) struct Window<'i> {
    input: &'i Input,
    reader: Box<dyn Read + 'i>,
    /// Its bytes when it was opened.
    pub(super) size: usize,
    buffer: Vec<u8>,
    filled: usize,
    /// Where in the file it begins.
    pub(super) start: u64,
    /// Whether it reaches to the end of the file.
    pub(super) ended: bool,
}

impl<'i> Window<'i> {
    /// A window of this many bytes that begins at this one.
    pub(super) fn open(input: &'i Input, start: u64, size: usize) -> Result<Self, SourceError> {
        let reader = input.open(start)?;
        let mut window = Self { input, reader, size, buffer: vec![0; size], filled: 0, start, ended: false };
        window.fill()?;
        Ok(window)
    }

    /// Moves the window ahead, so that it begins with what is this far from its beginning now and
    /// reaches further than it did. One that cannot be moved grows.
    pub(super) fn slide(&mut self, by: usize) -> Result<(), SourceError> {
        self.buffer.copy_within(by..self.filled, 0);
        self.filled -= by;
        self.start += u64::try_from(by).unwrap_or_default();
        if self.filled * 2 > self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        self.fill()
    }

    fn fill(&mut self) -> Result<(), SourceError> {
        while self.filled < self.buffer.len() && !self.ended {
            match self.reader.read(&mut self.buffer[self.filled..]) {
                Ok(0) => self.ended = true,
                Ok(count) => self.filled += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.input.unreadable(&error)),
            }
        }
        Ok(())
    }

    /// Its bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }

    /// Its text, without the part of a letter that it may end with; none where it is not UTF-8.
    pub(super) fn text(&self) -> Option<&str> {
        let bytes = self.bytes();
        if let Ok(text) = simdutf8::basic::from_utf8(bytes) {
            return Some(text);
        }
        let error = simdutf8::compat::from_utf8(bytes).err()?;
        if self.ended || error.error_len().is_some() {
            return None;
        }
        std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()
    }
}
