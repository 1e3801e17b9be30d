//! Suggestions for misspelt names.

/// The most similar names, at most three, the best match first.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let name = name.to_lowercase();
    let limit = (name.chars().count() / 3).clamp(1, 3);
    let mut near: Vec<(usize, &str)> = known
        .filter_map(|candidate| {
            let other = candidate.to_lowercase();
            let distance = distance(&name, &other);
            // The plural or singular, or the last part of a dotted name.
            let related = other.strip_suffix('s') == Some(&name)
                || name.strip_suffix('s') == Some(&other)
                || other.rsplit('.').next() == Some(&name);
            (distance <= limit || related).then_some((if related { 1 } else { distance }, candidate))
        })
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(3).map(|(_, name)| name).collect()
}

/// The Damerau-Levenshtein distance; `usize::MAX` if the lengths differ by more than three characters.
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    if left.len().abs_diff(right.len()) > 3 {
        return usize::MAX;
    }
    let mut rows = vec![(0..=right.len()).collect::<Vec<_>>()];
    for i in 1..=left.len() {
        let mut row = vec![i];
        for j in 1..=right.len() {
            let replace = rows[i - 1][j - 1] + usize::from(left[i - 1] != right[j - 1]);
            let mut best = replace.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_similar_names() {
        let known = ["pods", "nodes", "deployments", "containers", "nodename", "status.image"];
        for (name, expect) in [
            ("pod", &["pods"][..]),
            ("deploymnets", &["deployments"]),
            ("PODS", &["pods"]),
            ("nodname", &["nodename"]),
            ("image", &["status.image"]),
            ("zebra", &[]),
        ] {
            assert_eq!(nearest(name, known.into_iter()), expect, "{name}");
        }
    }
}
