//! Repositories from which something is missing, or in which it is altered.

use super::*;
use crate::repository::browse::entries;
use crate::repository::index::{Entry, encode, sealed_blob};
use crate::repository::name::BlobId;
use crate::repository::object::ObjectId;
use bytes::Bytes;

fn lenient(taken: &Uploaded) -> Download {
    let options = DownloadOptions { ignore_errors: true, ..DownloadOptions::default() };
    Download { options, ..Download::new(root(taken)) }
}

/// Two small files and a large one.
async fn three(repository: &Repository) -> (tempfile::TempDir, Uploaded) {
    let tree = tempfile::tempdir().unwrap();
    fs::write(tree.path().join("a"), noise(1, 1000)).unwrap();
    fs::write(tree.path().join("large"), noise(2, 900_000)).unwrap();
    fs::write(tree.path().join("z"), noise(3, 1000)).unwrap();
    let taken = take(repository, tree.path()).await;
    (tree, taken)
}

async fn object(repository: &Repository, taken: &Uploaded, name: &str) -> ObjectId {
    let entries = entries(repository, &root(taken).entry.object().unwrap()).await.unwrap();
    entries.into_iter().find(|entry| entry.name == name).unwrap().object().unwrap()
}

async fn change(repository: &Repository, blob: &BlobId, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = repository.blobs().get(blob, 1 << 30).await.unwrap().unwrap().to_vec();
    change(&mut bytes);
    repository.blobs().put(blob, Bytes::from(bytes)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_content_costs_its_file_and_is_named_with_content_and_pack() {
    let place = tempfile::tempdir().unwrap();
    for repository in [repository().await, on_disk(place.path()).await] {
        let (tree, taken) = three(&repository).await;
        let large = object(&repository, &taken, "large").await;
        let part = repository.parts(&large).await.unwrap()[1].object.content();
        let entry = repository.view().await.unwrap().get(&part).unwrap();
        change(&repository, &entry.pack, |bytes| bytes[entry.offset as usize + 20] ^= 1).await;

        let target = tempfile::tempdir().unwrap();
        let error = Download::new(root(&taken)).run(&repository, sink(target.path())).await.unwrap_err();
        let Error::Entry { path, source, .. } = &error else { panic!("{error:?}") };
        let text = source.to_string();
        assert!(path == "large" && text.contains(&part.to_string()) && text.contains(entry.pack.as_str()), "{text}");
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(!target.path().join("large").exists());

        let report = lenient(&taken).run(&repository, sink(target.path())).await.unwrap();
        assert_eq!((report.failed.count, report.files), (1, 2));
        assert_eq!(report.failed.named[0].path, "large");
        assert!(report.failed.named[0].reason.contains(&part.to_string()), "{:?}", report.failed);
        let names: Vec<_> = seen(target.path()).into_keys().collect();
        assert_eq!(names, ["", "/a", "/z"]);
        assert_eq!(fs::read(tree.path().join("z")).unwrap(), fs::read(target.path().join("z")).unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_and_short_packs_cost_the_files_in_them() {
    for cut in [true, false] {
        let (repository, target) = (repository().await, tempfile::tempdir().unwrap());
        let (_tree, taken) = three(&repository).await;
        let content = object(&repository, &taken, "a").await.content();
        let entry = repository.view().await.unwrap().get(&content).unwrap();
        match cut {
            true => change(&repository, &entry.pack, |bytes| bytes.truncate(entry.offset as usize + 5)).await,
            false => repository.blobs().delete(&entry.pack).await.unwrap(),
        }
        let report = lenient(&taken).run(&repository, sink(target.path())).await.unwrap();
        let trouble = report.failed.named.iter().find(|trouble| trouble.path == "a").unwrap();
        assert!(trouble.reason.contains(entry.pack.as_str()), "{trouble:?}");
        assert!(trouble.reason.contains(&content.to_string()), "{trouble:?}");
        assert!(seen(target.path()).keys().all(|path| !path.contains("restore")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_content_that_no_index_names_and_a_directory_that_is_altered_are_named() {
    let (repository, tree, target) = (repository().await, tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir(tree.path().join("d")).unwrap();
    fs::write(tree.path().join("d/f"), b"f").unwrap();
    fs::write(tree.path().join("g"), b"g").unwrap();
    let taken = take(&repository, tree.path()).await;
    let directory = object(&repository, &taken, "d").await;
    let pack = repository.view().await.unwrap().get(&directory.content()).unwrap();
    change(&repository, &pack.pack, |bytes| bytes[pack.offset as usize + 13] ^= 1).await;
    let report = lenient(&taken).run(&repository, sink(target.path())).await.unwrap();
    assert_eq!((report.failed.count, report.failed.named[0].path.as_str(), report.files), (1, "d", 1));
    assert!(seen(target.path()).contains_key("/d"));

    let unknown = Found::object(ObjectId::parse("00112233445566778899aabbccddeeff").unwrap());
    let error = Download::new(unknown).run(&repository, sink(target.path())).await.unwrap_err();
    assert!(format!("{error:?}").contains("00112233445566778899aabbccddeeff"), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_that_moved_meanwhile_is_found_again() {
    let (repository, target) = (repository().await, tempfile::tempdir().unwrap());
    let (tree, taken) = three(&repository).await;
    let old: Vec<_> =
        repository.view().await.unwrap().iter().filter(|entry| entry.content.prefix().is_none()).collect();
    // As another program would, behind our back: all contents into a new pack, the old ones removed.
    rewrite(&repository, &old).await;
    for entry in &old {
        repository.blobs().delete(&entry.pack).await.unwrap();
    }
    assert_eq!(
        repository.view().await.unwrap().get(&old[0].content).unwrap().pack,
        old[0].pack,
        "our index is the old one"
    );
    Download::new(root(&taken)).run(&repository, sink(target.path())).await.unwrap();
    same(tree.path(), target.path());
}

/// Copies contents into a pack of their own, with later entries.
async fn rewrite(repository: &Repository, contents: &[Entry]) {
    let mut entries: Vec<Entry> = Vec::new();
    let mut pack = vec![0; 40];
    let name = BlobId::new("p00112233445566778899aabbccddeeff-s0011223344556677889").unwrap();
    for entry in contents {
        let bytes = repository.blobs().get_range(&entry.pack, entry.offset.into(), entry.packed_length.into()).await;
        let (offset, timestamp) = (pack.len() as u32, entry.timestamp + 1);
        pack.extend_from_slice(&bytes.unwrap().unwrap());
        entries.push(Entry { pack: name.clone(), offset, timestamp, ..entry.clone() });
    }
    repository.blobs().put(&name, pack.into()).await.unwrap();
    let payload = encode(2, &mut entries, &[]).unwrap();
    let (id, sealed) = sealed_blob(&repository.seal(), "xn0_", "-s0011223344556677889-c1", &payload).unwrap();
    repository.blobs().put(&id, sealed.into()).await.unwrap();
}
