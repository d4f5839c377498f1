//! What needs no repository.

use crate::repository::blob::BlobInfo;
use crate::repository::name::BlobId;
use crate::repository::verify::epochs::oddities;
use crate::repository::verify::marks::Marks;
use crate::repository::verify::report::WarningKind;
use crate::repository::verify::windows::{Place, windows};
use jiff::Timestamp;

#[test]
fn windows_take_what_is_near_and_never_overlapping_contents() {
    let place = |ordinal, offset, length| Place { ordinal, offset, length };
    let cut = |places: &[Place], limit| -> Vec<(u64, u64, usize)> {
        windows(places.iter().copied(), limit).map(|w| (w.offset, w.length, w.contents.len())).collect()
    };
    assert_eq!(cut(&[], 100), []);
    assert_eq!(cut(&[place(0, 32, 10), place(1, 42, 10), place(2, 60, 0)], 100), [(32, 28, 3)]);
    assert_eq!(cut(&[place(0, 32, 60), place(1, 92, 60)], 100), [(32, 60, 1), (92, 60, 1)]);
    assert_eq!(cut(&[place(0, 32, 500)], 100), [(32, 500, 1)], "a single one may be longer");
    assert_eq!(cut(&[place(0, 32, 10), place(1, 41, 10), place(2, 41, 10)], 100).len(), 3);
    assert_eq!(cut(&[place(0, 0, 10), place(1, 1 << 20, 10)], 1 << 30).len(), 2, "too far apart");
    let ranges: Vec<_> = windows([place(7, 5, 3), place(9, 10, 2)], 100).flat_map(|w| w.contents).collect();
    assert_eq!(ranges, [(7, 0..3), (9, 5..7)]);
}

#[test]
fn marks_are_set_once() {
    let marks = Marks::new(130);
    assert!(marks.set(129) && !marks.set(129) && marks.has(129) && !marks.has(128));
    assert!(!marks.set(100_000) && !marks.has(100_000));
    assert_eq!(marks.count(), 1);
}

fn odd(names: &[&str]) -> Vec<(WarningKind, String)> {
    let blob = |name: &&str| BlobInfo { id: BlobId::new(*name).unwrap(), length: 1, modified: Timestamp::UNIX_EPOCH };
    let listing: Vec<_> = names.iter().map(blob).collect();
    oddities(&listing).into_iter().map(|(kind, what, _)| (kind, what)).collect()
}

#[test]
fn odd_index_blobs_are_named() {
    assert_eq!(odd(&["xn0_a-s0-c1", "xn1_b-s0-c1", "xe1", "p00"]), []);
    assert_eq!(odd(&["xn0_a-s0-c2"]), [(WarningKind::IncompleteSet, "xn0".into())]);
    let two = ["xs3_a-s0-c1", "xs3_b-s1-c1", "xn3_c-s2-c1", "xn3_d-s3-c1"];
    assert_eq!(odd(&two), [(WarningKind::SeveralReplacements, "xs3".into())]);
    assert_eq!(odd(&["xr0_4_a-s0-c1", "xn7_b-s0-c1"]), [(WarningKind::EpochGap, "epochs 5 to 6".into())]);
    assert_eq!(odd(&["xr0_4_a-s0-c1", "xs2_c-s1-c1", "xn5_b-s0-c1"]), []);
}
