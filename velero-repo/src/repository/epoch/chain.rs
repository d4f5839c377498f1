//! Which of several overlapping ranges are read.

use std::collections::BTreeMap;

/// The chain of ranges that begins at epoch 0, continues without a gap and reaches furthest; of equally long ones that
/// with the fewest ranges. A chain that ends at epoch 0 is none, as with Kopia.
pub fn longest_chain(ranges: impl IntoIterator<Item = (u64, u64)>) -> Vec<(u64, u64)> {
    let mut ranges: Vec<_> = ranges.into_iter().filter(|(first, last)| first <= last).collect();
    ranges.sort_unstable_by_key(|(first, last)| (*last, *first));
    // For each end, the fewest ranges that lead there from epoch 0, and the last of them. In order of their ends, all
    // that may come before a range has been seen.
    let mut ways: BTreeMap<u64, (usize, (u64, u64))> = BTreeMap::new();
    for (first, last) in ranges {
        let before = if first == 0 { Some(0) } else { ways.get(&first).map(|(count, _)| *count) };
        let Some(count) = before.map(|count| count + 1) else { continue };
        let way = ways.entry(last.saturating_add(1)).or_insert((count, (first, last)));
        if count < way.0 {
            *way = (count, (first, last));
        }
    }
    let mut chain = Vec::new();
    let mut end = ways.keys().next_back().copied().filter(|end| *end > 1).unwrap_or(0);
    while let Some((_, range)) = ways.get(&end) {
        chain.push(*range);
        end = range.0;
    }
    chain.reverse();
    chain
}
