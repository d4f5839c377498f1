use super::{Cache, CacheOptions, Range};
use crate::repository::name::BlobId;
use std::path::Path;

const LIMIT: u64 = 64_000;

fn open(place: &Path) -> Cache {
    Cache::open(&CacheOptions { directory: place.to_owned(), limit: LIMIT }, b"one").unwrap()
}

/// A thousand bytes of a metadata pack.
fn range(number: u64) -> Range {
    let blob = BlobId::new("q0123456789abcdef0123456789abcdef-s0123456789abcdef01").unwrap();
    Range { blob, offset: number * 1000, length: 1000 }
}

#[test]
fn programs_that_share_a_cache_stay_within_the_limit_together_and_never_fail() {
    let place = tempfile::tempdir().unwrap();
    let fill = |first: u64| {
        let cache = open(place.path());
        for number in first..first + 200 {
            cache.put(&range(number), &[number as u8; 1000]);
            let bytes = cache.get(&range(number)).unwrap_or_default();
            assert!(bytes.is_empty() || bytes == vec![number as u8; 1000], "an entry is whole or not there");
            let held = open(place.path()).status().bytes;
            assert!(held <= LIMIT + 4 * (LIMIT / 16 + 1000), "{held}");
        }
    };
    std::thread::scope(|scope| {
        for first in [0, 100, 200, 300] {
            scope.spawn(move || fill(first));
        }
    });
    let status = open(place.path()).status();
    assert!(status.files > 0 && status.bytes == status.files * 1000, "{status:?}");
}

#[test]
fn what_is_no_entry_is_neither_counted_nor_in_the_way() {
    let place = tempfile::tempdir().unwrap();
    let cache = open(place.path());
    std::fs::create_dir(cache.status().directory.join("of somebody else")).unwrap();
    for number in 0..100 {
        cache.put(&range(number), &[1; 1000]);
    }
    let status = cache.status();
    assert!(status.files > 40 && status.bytes <= LIMIT, "{status:?}");
}

#[test]
fn a_cache_that_was_deleted_keeps_nothing_and_is_no_error() {
    let place = tempfile::tempdir().unwrap();
    let cache = open(place.path());
    cache.put(&range(1), &[1; 1000]);
    std::fs::remove_dir_all(cache.status().directory).unwrap();
    assert_eq!(cache.get(&range(1)), None);
    cache.put(&range(1), &[1; 1000]);
    assert_eq!((cache.status().files, cache.status().bytes), (0, 0));
}

#[test]
fn repositories_do_not_share_entries() {
    let place = tempfile::tempdir().unwrap();
    open(place.path()).put(&range(1), &[1; 1000]);
    let other = Cache::open(&CacheOptions { directory: place.path().to_owned(), limit: LIMIT }, b"other").unwrap();
    assert_eq!(other.get(&range(1)), None);
    assert_eq!(open(place.path()).get(&range(1)).unwrap(), vec![1; 1000]);
}
