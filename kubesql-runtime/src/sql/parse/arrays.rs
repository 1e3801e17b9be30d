//! Array literals as text: `{a,"b c",NULL}`.

/// The items of an array literal; `None` if it is malformed or nested.
pub(crate) fn items(text: &str) -> Option<Vec<Option<String>>> {
    let inside = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    let mut items = Vec::new();
    let mut chars = inside.chars().peekable();
    while chars.peek().is_some() {
        let (mut item, mut quoted) = (String::new(), false);
        loop {
            match chars.next() {
                Some('"') => {
                    quoted = true;
                    loop {
                        match chars.next()? {
                            '\\' => item.push(chars.next()?),
                            '"' => break,
                            c => item.push(c),
                        }
                    }
                }
                Some('\\') => item.push(chars.next()?),
                Some('{' | '}') => return None,
                Some(',') | None => break,
                Some(c) => item.push(c),
            }
        }
        items.push(match item.trim() {
            bare if !quoted && bare.eq_ignore_ascii_case("null") => None,
            bare if !quoted => Some(bare.to_owned()),
            _ => Some(item),
        });
    }
    Some(items)
}
