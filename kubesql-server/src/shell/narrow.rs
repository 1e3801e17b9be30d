//! Shortens the values of a table to the width of the terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Shortens values so that a table fits into the terminal. The last columns are shortened first, the first never.
pub(super) fn narrow_rows(names: &[&str], rows: &[Vec<String>], available: usize) -> Vec<Vec<String>> {
    /// A column is not made narrower than this.
    const LEAST: usize = 12;
    let width = |at: usize| rows.iter().map(|row| row[at].width()).max().unwrap_or(0).max(names[at].width());
    let mut widths: Vec<usize> = (0..names.len()).map(width).collect();
    let mut excess = (widths.iter().map(|width| width + 3).sum::<usize>()).saturating_sub(available + 1);
    for width in widths.iter_mut().skip(1).rev() {
        let less = excess.min(width.saturating_sub(LEAST));
        *width -= less;
        excess -= less;
    }
    let cut = |(text, width): (&String, &usize)| {
        if text.width() <= *width {
            return text.clone();
        }
        let mut used = 1;
        let kept = text.chars().take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= *width
        });
        kept.chain(['…']).collect()
    };
    rows.iter().map(|row| row.iter().zip(&widths).map(cut).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrows_lists_to_the_terminal() {
        let rows =
            [["a-name-that-stays-whole", "text", "a path that is far too long for it"].map(str::to_owned).to_vec()];
        let shown = narrow_rows(&["column", "type", "path"], &rows, 50);
        assert_eq!(shown[0], ["a-name-that-stays-whole", "text", "a path that is…"]);
        assert_eq!(narrow_rows(&["column", "type", "path"], &rows, 100), rows);
        // Values keep their minimum width even if the table does not fit.
        assert_eq!(narrow_rows(&["column", "type", "path"], &rows, 10)[0][2], "a path that…");
    }
}
