use super::*;
use crate::error::ErrorKind;
use crate::repository::clock::SettableClock;
use crate::store::StoreOptions;
use opendal::{Operator, services};
use sharding::Override;
use std::path::PathBuf;

fn id(name: &str) -> BlobId {
    BlobId::new(name).unwrap()
}

async fn memory() -> BlobStore {
    let operator = Operator::new(services::Memory::default()).unwrap();
    BlobStore::of_namespace(&Store::from_operator(operator, "memory"), "web").await.unwrap()
}

async fn directory(path: &std::path::Path) -> BlobStore {
    let store = Store::open(path.to_str().unwrap(), &StoreOptions::default()).unwrap();
    BlobStore::open(&store).await.unwrap()
}

#[test]
fn names_are_sharded_as_kopia_shards_them() {
    let of = |default: &[usize], max, overrides: &[(&str, &[usize])]| Shards {
        default: default.to_vec(),
        max_non_sharded_length: max,
        overrides: overrides
            .iter()
            .map(|(prefix, shards)| Override { prefix: (*prefix).into(), shards: shards.to_vec() })
            .collect(),
    };
    let mixed = of(&[3, 2, 1], 2, &[("p", &[2, 2]), ("x", &[1, 1, 1])]);
    for (shards, name, path) in [
        (&mixed, "ab", "ab.f"),
        (&mixed, "defaultsharded", "def/au/l/tsharded.f"),
        (&mixed, "phello", "ph/el/lo.f"),
        (&mixed, "xhello", "x/h/e/llo.f"),
        (&mixed, "xo", "xo.f"),
        (&of(&[3, 3], 0, &[]), "foobar2", "foo/bar/2.f"),
        (&of(&[3, 3], 0, &[]), "foo", "foo.f"),
        (&of(&[3, 3], 0, &[]), "foob", "foo/b.f"),
        (&of(&[3, 3], 10, &[]), "foobarbar", "foobarbar.f"),
        (&Shards::new(), "p53eb9bd0123456789abcdef", "p/53e/b9bd0123456789abcdef.f"),
    ] {
        assert_eq!(shards.path(&id(name)).unwrap(), PathBuf::from(path), "{name}");
    }
}

#[test]
fn no_name_and_no_shards_lead_out_of_the_directory() {
    let shards = Shards { default: vec![2, 2], max_non_sharded_length: 0, overrides: Vec::new() };
    assert_eq!(shards.path(&id("..abc")).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(shards.path(&id("ab..c")).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(shards.path(&id("..")).unwrap(), PathBuf::from("...f"));
    assert_eq!(Shards::parse(br#"{"default":[0]}"#).unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(Shards::parse(br#"{"default":[-1]}"#).unwrap_err().kind(), ErrorKind::Corrupt);
}

async fn behaves(blobs: &BlobStore) {
    let (pack, index) = (id("p0123456789abcdef0123456789abcdef-s1"), id("xn0_aa-s1-c1"));
    assert_eq!(blobs.list("").await.unwrap(), []);
    assert_eq!(blobs.get(&pack, 10).await.unwrap(), None);
    assert_eq!(blobs.get_range(&pack, 0, 1).await.unwrap(), None);
    assert_eq!(blobs.stat(&pack).await.unwrap(), None);
    blobs.delete(&pack).await.unwrap();

    blobs.put(&pack, Bytes::from_static(b"0123456789")).await.unwrap();
    blobs.put(&index, Bytes::new()).await.unwrap();
    assert_eq!(blobs.get(&pack, 10).await.unwrap().unwrap(), "0123456789");
    assert_eq!(blobs.get(&index, 0).await.unwrap().unwrap(), "");
    assert_eq!(blobs.get_range(&pack, 3, 4).await.unwrap().unwrap(), "3456");
    assert_eq!(blobs.get_range(&pack, 10, 0).await.unwrap().unwrap(), "");
    for (error, why) in [
        (blobs.get(&pack, 9).await.unwrap_err(), "more than its limit"),
        (blobs.get_range(&pack, 8, 4).await.unwrap_err(), "beyond its end"),
        (blobs.get_range(&pack, 20, 4).await.unwrap_err(), "far beyond its end"),
        (blobs.get_range(&pack, 0, 1 << 60).await.unwrap_err(), "more than there can be"),
    ] {
        assert_eq!((error.kind(), error.to_string().contains(pack.as_str())), (ErrorKind::Corrupt, true), "{why}");
    }
    let names = |blobs: Vec<BlobInfo>| blobs.into_iter().map(|b| (b.id.to_string(), b.length)).collect::<Vec<_>>();
    let both = [(pack.to_string(), 10), (index.to_string(), 0)];
    assert_eq!(names(blobs.list("").await.unwrap()), both);
    assert_eq!(names(blobs.list("p01").await.unwrap()), both[..1]);
    assert_eq!(names(blobs.list("xn0_").await.unwrap()), both[1..]);
    assert_eq!(names(blobs.list("xn0_ab").await.unwrap()), []);
    blobs.delete(&pack).await.unwrap();
    assert_eq!(names(blobs.list("").await.unwrap()), both[1..]);
}

#[tokio::test]
async fn blobs_are_kept_in_an_object_store() {
    behaves(&memory().await).await;
}

#[tokio::test]
async fn blobs_are_kept_in_a_directory_whatever_else_lies_there() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("xn0_aa-s1-c1.f.tmp.0123456789abcdef"), b"left behind").unwrap();
    std::fs::create_dir(place.path().join("lost+found.f")).unwrap();
    let blobs = directory(place.path()).await;
    blobs.prepare(true).await.unwrap();
    behaves(&blobs).await;
    assert_eq!(std::fs::read(place.path().join(".shards")).unwrap(), br#"{"default":[1,3],"maxNonShardedLength":20}"#);
}

#[tokio::test]
async fn a_directory_that_has_lost_its_shards_file_is_read_as_kopia_reads_it() {
    let place = tempfile::tempdir().unwrap();
    let shard = place.path().join("p53/eb9");
    let early = directory(place.path()).await;
    std::fs::create_dir_all(&shard).unwrap();
    std::fs::write(shard.join("bd0123456789abcdef.f"), b"pack").unwrap();
    let blobs = directory(place.path()).await;
    assert_eq!(blobs.get(&id("p53eb9bd0123456789abcdef"), 99).await.unwrap().unwrap(), "pack");
    assert!(!place.path().join(".shards").exists(), "reading writes nothing");
    blobs.prepare(false).await.unwrap();
    assert_eq!(early.get(&id("p53eb9bd0123456789abcdef"), 99).await.unwrap().unwrap(), "pack");
    assert_eq!(std::fs::read(place.path().join(".shards")).unwrap(), br#"{"default":[3,3],"maxNonShardedLength":20}"#);
}

#[tokio::test]
async fn files_of_a_directory_follow_the_clock_that_was_set() {
    let place = tempfile::tempdir().unwrap();
    let then: Timestamp = "2031-05-06T07:08:09Z".parse().unwrap();
    let blobs = directory(place.path()).await.with_clock(Arc::new(SettableClock::at(then)));
    blobs.put(&id("kopia.maintenance"), Bytes::from_static(b"1")).await.unwrap();
    assert_eq!(blobs.stat(&id("kopia.maintenance")).await.unwrap().unwrap().modified, then);
}

#[tokio::test]
async fn plain_threads_read_ranges_of_either_kind_of_store() {
    let place = tempfile::tempdir().unwrap();
    for blobs in [memory().await, directory(place.path()).await] {
        blobs.put(&id("q1"), Bytes::from_static(b"abc")).await.unwrap();
        let read = std::thread::spawn(move || blobs.get_range_blocking(&id("q1"), 1, 2).unwrap().unwrap());
        assert_eq!(tokio::task::spawn_blocking(|| read.join().unwrap()).await.unwrap(), "bc");
    }
}

#[tokio::test]
async fn a_namespace_that_kubernetes_would_refuse_is_refused() {
    let operator = Operator::new(services::Memory::default()).unwrap();
    let store = Store::from_operator(operator, "memory");
    for namespace in ["", "..", "a/b", "Web"] {
        assert_eq!(BlobStore::of_namespace(&store, namespace).await.unwrap_err().kind(), ErrorKind::Invalid);
    }
}

#[tokio::test]
async fn a_blob_that_is_written_over_while_it_is_read_is_read_whole() {
    use crate::fault::FaultLayer;
    let schedule = id("kopia.maintenance");
    for (before, after) in [("short", "a longer one"), ("a longer one", "short"), ("same", "size")] {
        let operator = Operator::new(services::Memory::default()).unwrap();
        let writing = BlobStore::open(&Store::from_operator(operator.clone(), "memory")).await.unwrap();
        writing.put(&schedule, Bytes::from_static(before.as_bytes())).await.unwrap();
        let (faults, pause) = FaultLayer::paused(1); // the first operation asks for the size
        let reading = BlobStore::open(&Store::from_operator(operator.layer(faults), "memory")).await.unwrap();
        let overwrite = async {
            pause.reached().await;
            writing.put(&schedule, Bytes::from_static(after.as_bytes())).await.unwrap();
            pause.go_on();
        };
        let (read, ()) = tokio::join!(reading.get(&schedule, 100), overwrite);
        assert_eq!(read.unwrap().unwrap(), after);
    }
}
