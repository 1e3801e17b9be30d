//! The buffer that sinks write to and bodies are sent from.

use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

/// The maximum size in bytes of a buffer that is allocated in advance.
const MAX_RESERVED: usize = 4 << 20;

/// The minimum size in bytes of a buffer that is sent without copying it.
const MIN_ZERO_COPY: usize = 8 << 10;

/// The output of a sink, shared with the stream that sends it.
#[derive(Clone, Default)]
pub(super) struct BodyBuffer(Arc<Mutex<Chunks>>);

#[derive(Default)]
struct Chunks {
    complete: Vec<Bytes>,
    /// The chunk that is being written.
    current: Vec<u8>,
}

/// The memory of an array, released when it is sent.
struct ArrayMemory(arrow::buffer::Buffer);

impl AsRef<[u8]> for ArrayMemory {
    fn as_ref(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl BodyBuffer {
    /// Takes what was written since the last call.
    pub(super) fn take(&self) -> Vec<Bytes> {
        let mut chunks = self.0.lock();
        chunks.finish_current();
        std::mem::take(&mut chunks.complete)
    }

    /// Writes a buffer, without copying it if it is large.
    pub(super) fn write_buffer(&mut self, buffer: arrow::buffer::Buffer) -> io::Result<()> {
        if buffer.len() < MIN_ZERO_COPY {
            return self.write_all(&buffer);
        }
        let mut chunks = self.0.lock();
        chunks.finish_current();
        chunks.complete.push(Bytes::from_owner(ArrayMemory(buffer)));
        Ok(())
    }
}

impl Chunks {
    fn finish_current(&mut self) {
        if self.current.is_empty() {
            return;
        }
        // The next chunk is likely to be as large; growing it in steps would copy it several times.
        let next = Vec::with_capacity(self.current.len().min(MAX_RESERVED));
        self.complete.push(std::mem::replace(&mut self.current, next).into());
    }
}

impl Write for BodyBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().current.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
