//! Words of paths: which of them count, and the singular of a list's name.

/// One item of a list: `containers` -> `container`, `addresses` -> `address`, `policies` -> `policy`.
pub fn singular(plural: &str) -> String {
    let cut = |n: usize| plural[..plural.len() - n].to_owned();
    let ends = |suffixes: &[&str]| suffixes.iter().any(|suffix| plural.ends_with(suffix));
    if plural.len() > 4 && plural.ends_with("ies") {
        cut(3) + "y"
    } else if ends(&["sses", "xes", "shes", "tches", "statuses", "aliases"]) {
        cut(2)
    } else if plural.len() > 2 && plural.ends_with('s') && !ends(&["ss", "us", "is"]) {
        cut(1)
    } else {
        plural.to_owned()
    }
}

/// The words of a list's path that a table's name may show, in lower case, without the list's own.
///
/// Pod and job templates leave no trace, nor does the section (metadata, spec, status) of an object.
pub fn front_words(path: &[String]) -> Vec<String> {
    let front = &path[..path.len().saturating_sub(1)];
    let mut words = Vec::new();
    let mut i = 0;
    while let Some(word) = front.get(i) {
        let template = matches!(word.as_str(), "template" | "jobTemplate");
        if template && front.get(i + 1).is_some_and(|next| next == "spec") {
            i += 2;
            continue;
        }
        let section = matches!(word.as_str(), "spec" | "status") && i == 0;
        if word != "metadata" && !section {
            words.push(word.to_lowercase());
        }
        i += 1;
    }
    words
}

/// The least words that tell apart lists of one name: given each one's front words, the words each one shows.
///
/// What all have in common next to the name says nothing and is left out.
pub fn meaningful(fronts: &[Vec<String>]) -> Vec<Vec<String>> {
    let Some(first) = fronts.first() else { return Vec::new() };
    let common = (0..)
        .take_while(|&n| {
            n < first.len()
                && fronts
                    .iter()
                    .all(|words| words.len() > n && words[words.len() - 1 - n] == first[first.len() - 1 - n])
        })
        .count();
    let common = if fronts.len() == 1 { first.len() } else { common };
    let stripped: Vec<&[String]> = fronts.iter().map(|words| &words[..words.len() - common]).collect();
    let longest = stripped.iter().map(|words| words.len()).max().unwrap_or(0);
    let last = |words: &[String], n: usize| words[words.len().saturating_sub(n)..].to_vec();
    for n in 1..=longest {
        let shown: Vec<_> = stripped.iter().map(|words| last(words, n)).collect();
        let distinct: std::collections::BTreeSet<_> = shown.iter().collect();
        if distinct.len() == shown.len() {
            return shown;
        }
    }
    stripped.into_iter().map(<[String]>::to_vec).collect()
}
