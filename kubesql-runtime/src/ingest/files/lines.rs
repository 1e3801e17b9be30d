//! The lines of the objects of a text.

/// The number of line breaks.
pub(super) fn line_breaks(bytes: &[u8]) -> u64 {
    u64::try_from(memchr::memchr_iter(b'\n', bytes).count()).unwrap_or(u64::MAX)
}

/// Finds the lines of objects, whose positions only increase within a text.
#[derive(Debug)]
pub(super) enum Lines {
    /// The text is as in the file: the number of lines before the text, and before a byte of it.
    Counted {
        /// Lines before the text.
        before: u64,
        /// A byte of the text.
        at: usize,
        /// Line breaks in the text before that byte.
        breaks: u64,
    },
    /// The text was converted: the line of the document, and of the items of its list.
    Known {
        /// The first line, from 1.
        document: u64,
        /// The first line of each item.
        items: Vec<u64>,
    },
}

impl Default for Lines {
    fn default() -> Self {
        Self::Counted { before: 0, at: 0, breaks: 0 }
    }
}

impl Lines {
    /// Starts a text that has `before` lines before it.
    pub(super) fn start(&mut self, before: u64) {
        *self = Self::Counted { before, at: 0, breaks: 0 };
    }

    /// The line of the object at byte `from`, from 1; `item` is its number in the document's list, or 0.
    pub(super) fn line(&mut self, text: &str, from: usize, item: u64) -> u64 {
        match self {
            Self::Counted { before, at, breaks } => {
                if from < *at {
                    (*at, *breaks) = (0, 0);
                }
                *breaks += line_breaks(&text.as_bytes()[*at..from]);
                *at = from;
                *before + *breaks + 1
            }
            Self::Known { document, items } => {
                let item = usize::try_from(item).ok().and_then(|item| items.get(item.checked_sub(1)?));
                item.copied().unwrap_or(*document)
            }
        }
    }
}
