//! Reads a file through a sliding window, so that memory use does not depend on the file's size.

use std::io::Read;

use super::paths::Input;
use crate::store::SourceError;

/// A part of a file in memory.
pub(super) struct Window<'i> {
    input: &'i Input,
    reader: Box<dyn Read + 'i>,
    /// The initial size in bytes.
    pub(super) size: usize,
    buffer: Vec<u8>,
    filled: usize,
    /// The window's position in the file.
    pub(super) start: u64,
    /// Whether the window includes the end of the file.
    pub(super) ended: bool,
}

impl<'i> Window<'i> {
    /// Opens a window of `size` bytes at byte `start`.
    pub(super) fn open(input: &'i Input, start: u64, size: usize) -> Result<Self, SourceError> {
        let reader = input.open(start)?;
        let mut window = Self { input, reader, size, buffer: vec![0; size], filled: 0, start, ended: false };
        window.fill()?;
        Ok(window)
    }

    /// Moves the start of the window ahead by `by` bytes, and extends it. If most of the window is kept, it grows.
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

    /// The bytes of the window.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }

    /// The text of the window, without a truncated character at its end; `None` if it is not UTF-8.
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
