//! Words in names of tables: the relevant words of a path, and singulars.

/// The singular of a plural: `containers` -> `container`, `addresses` -> `address`, `policies` -> `policy`.
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

/// The words of a list's path that a table's name may include, in lower case, without the list's own word.
///
/// Pod and job templates and the sections of an object (metadata, spec, status) are left out.
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

/// The fewest words that distinguish lists with the same last word: for each list's front words, the words to include.
///
/// Words next to the last word that all lists have in common are left out.
pub fn distinguishing_words(fronts: &[Vec<String>]) -> Vec<Vec<String>> {
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
        let candidate: Vec<_> = stripped.iter().map(|words| last(words, n)).collect();
        let distinct: std::collections::BTreeSet<_> = candidate.iter().collect();
        if distinct.len() == candidate.len() {
            return candidate;
        }
    }
    stripped.into_iter().map(<[String]>::to_vec).collect()
}
