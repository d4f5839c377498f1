//! Names of a directory in one piece of memory, because a directory may have a million of them.

use crate::{Error, Result};

/// Names in the order of their bytes.
#[derive(Debug, Default)]
pub(super) struct Names {
    bytes: Vec<u8>,
    /// Start and length of each.
    places: Vec<(u32, u32)>,
}

impl Names {
    /// Adds a name at the end; [`Names::sort`] follows the last one.
    pub(super) fn push(&mut self, name: &[u8]) -> Result<()> {
        let places = u32::try_from(self.bytes.len()).ok().zip(u32::try_from(name.len()).ok());
        let place = places.ok_or_else(|| Error::invalid("directory", "its names are longer together than 4 GiB"))?;
        self.bytes.extend_from_slice(name);
        self.places.push(place);
        Ok(())
    }

    /// Sorts, and drops what a listing showed twice.
    pub(super) fn sort(&mut self) {
        let Names { bytes, places } = self;
        let name = |place: &(u32, u32)| at(bytes, *place);
        places.sort_unstable_by(|one, other| name(one).cmp(name(other)));
        places.dedup_by(|one, other| name(one) == name(other));
        bytes.shrink_to_fit();
        places.shrink_to_fit();
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// The names from `from` on, at most `count`.
    pub(super) fn range(&self, from: usize, count: usize) -> Vec<&[u8]> {
        self.places.iter().skip(from).take(count).map(|place| at(&self.bytes, *place)).collect()
    }

    /// Whether a name is there, once they are sorted.
    pub(super) fn contains(&self, name: &[u8]) -> bool {
        self.places.binary_search_by(|place| at(&self.bytes, *place).cmp(name)).is_ok()
    }

    pub(super) fn get(&self, number: usize) -> Option<&[u8]> {
        self.places.get(number).map(|place| at(&self.bytes, *place))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.places.iter().map(|place| at(&self.bytes, *place))
    }
}

fn at(bytes: &[u8], (start, length): (u32, u32)) -> &[u8] {
    &bytes[start as usize..start as usize + length as usize] // places are made from what was appended
}

#[cfg(test)]
mod tests {
    use super::Names;

    #[test]
    fn names_come_in_the_order_of_their_bytes() {
        let mut names = Names::default();
        for name in ["b", "a", "ab", "B", "ä", "a.b", "a0"] {
            names.push(name.as_bytes()).unwrap();
        }
        names.sort();
        let sorted: Vec<_> = names.iter().map(|name| std::str::from_utf8(name).unwrap()).collect();
        assert_eq!(sorted, ["B", "a", "a.b", "a0", "ab", "b", "ä"]);
        assert_eq!(names.range(5, 9), [b"b".as_slice(), "ä".as_bytes()]);
    }
}
