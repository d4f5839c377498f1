//! Packs by number: sums and orders without a map of names.

use super::View;
use crate::repository::name::PackName;

/// All packs that the tables of a view name, numbered in the order of their names. Takes 12 bytes for each, besides the
/// names that the tables hold anyway.
pub struct Packs {
    view: View,
    numbers: Vec<Vec<u32>>,
    places: Vec<(u32, u32)>,
}

impl Packs {
    pub(super) fn of(view: &View) -> Self {
        let tables = view.tables();
        let mut all = Vec::with_capacity(tables.iter().map(|table| table.packs()).sum());
        for (number, table) in tables.iter().enumerate() {
            all.extend((0..table.packs()).map(|pack| (small(number), small(pack))));
        }
        let name = |place: &(u32, u32)| name_at(view, *place);
        all.sort_unstable_by(|a, b| name(a).cmp(name(b)));
        let mut packs = Packs {
            view: view.clone(),
            numbers: tables.iter().map(|table| vec![0; table.packs()]).collect(),
            places: Vec::new(),
        };
        for place in all {
            if packs.places.last().is_none_or(|last| name(last) != name(&place)) {
                packs.places.push(place);
            }
            packs.numbers[large(place.0)][large(place.1)] = small(packs.places.len() - 1); // sized for every place
        }
        packs
    }

    /// How many packs are named.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether no pack is named.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The name of a pack.
    pub fn name(&self, number: usize) -> Option<PackName> {
        PackName::new(name_at(&self.view, *self.places.get(number)?)).ok()
    }

    /// The number of a pack.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.places.binary_search_by(|place| name_at(&self.view, *place).cmp(name)).ok()
    }

    /// The number of the pack of a content, by its ordinal in the view.
    pub fn of_content(&self, ordinal: usize) -> Option<usize> {
        let (table, at) = self.view.place(ordinal)?;
        let pack = self.view.tables().get(table)?.row_pack(at);
        self.numbers.get(table)?.get(pack).map(|number| large(*number))
    }
}

fn name_at(view: &View, (table, pack): (u32, u32)) -> &str {
    view.tables().get(large(table)).map_or("", |table| table.pack(large(pack)))
}

/// All contents of a view that are not hidden, sorted by pack and offset. Takes 4 bytes for each.
pub struct PackOrder {
    starts: Vec<u32>,
    ordinals: Vec<u32>,
}

impl PackOrder {
    pub(super) fn of(view: &View, packs: &Packs) -> Self {
        let numbered = || view.rows().filter_map(|(ordinal, _)| Some((packs.of_content(ordinal)?, ordinal)));
        let mut starts = vec![0u32; packs.len() + 1];
        numbered().for_each(|(pack, _)| starts[pack + 1] += 1); // numbers are below the length
        for pack in 0..packs.len() {
            starts[pack + 1] += starts[pack];
        }
        let mut next = starts.clone();
        let mut ordinals = vec![0; starts.last().copied().map_or(0, large)];
        for (pack, ordinal) in numbered() {
            ordinals[large(next[pack])] = small(ordinal);
            next[pack] += 1;
        }
        for pack in starts.windows(2) {
            let offset = |ordinal: &u32| view.row_at(large(*ordinal)).map(|row| row.offset);
            ordinals[large(pack[0])..large(pack[1])].sort_unstable_by_key(offset); // starts ascend
        }
        PackOrder { starts, ordinals }
    }

    /// The ordinals of a pack's contents, by offset.
    pub fn contents(&self, pack: usize) -> impl ExactSizeIterator<Item = usize> + '_ {
        let bounds = self.starts.get(pack).zip(self.starts.get(pack + 1));
        let range = bounds.map_or(0..0, |(start, end)| large(*start)..large(*end));
        self.ordinals[range].iter().map(|ordinal| large(*ordinal)) // starts ascend up to the length
    }
}

/// Tables, packs and rows are numbered by 32 bits in their own format; four thousand million rows would not fit into
/// memory.
fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn large(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
