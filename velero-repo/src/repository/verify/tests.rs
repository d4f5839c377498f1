use super::*;
use crate::error::ErrorKind;
use crate::repository::name::Family;
use crate::repository::upload::Uploaded;
use bench::{Bench, noise};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

pub(crate) mod bench;
mod bits;
mod lost;
mod pure;

async fn everything(repository: &Repository) -> Report {
    verify(repository, &VerifyOptions { workers: 2, ..VerifyOptions::new(Level::Everything) }).await.unwrap()
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

/// Paths that are hurt in a snapshot, whatever hurts them.
fn hurt(report: &Report, snapshot: &Uploaded) -> BTreeSet<String> {
    let hurts = report.damages.iter().flat_map(|damage| &damage.hurts);
    hurts.filter(|hurt| hurt.snapshot == snapshot.id.as_str()).flat_map(|hurt| hurt.paths.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_repository_is_whole_at_every_level() {
    let bench = Bench::new();
    let repository = bench.create().await;
    bench.fill();
    bench.snapshot(&repository).await;
    bench.write("more/late", &noise(9, 400_000));
    bench.snapshot(&repository).await;
    let levels = [Level::Index, Level::Metadata, Level::Sampled { percent: 30, seed: 7 }, Level::Everything];
    for level in levels {
        let report = verify(&repository, &VerifyOptions::new(level)).await.unwrap();
        assert!(report.is_whole() && report.warnings.is_empty(), "{report:?}");
        assert!(report.snapshots.iter().all(|snapshot| snapshot.restorable && snapshot.durable));
        assert_eq!(report.snapshots.len(), if level == Level::Index { 0 } else { 2 });
    }
    let all = everything(&repository).await.checked;
    assert_eq!((all.contents_read, all.trailers), (all.contents, all.packs));
    assert_eq!(all.directories, 2 * 2 + 2, "the root and `more` twice, `deep` and `deep/er` once");
    let some = VerifyOptions::new(Level::Sampled { percent: 30, seed: 7 });
    let read = verify(&repository, &some).await.unwrap().checked.contents_read;
    assert!(read > 0 && read < all.contents_read, "{read}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_bit_in_any_blob_is_found_and_the_blob_is_named() {
    let bench = Bench::new();
    let repository = bench.create_for_velero().await;
    bench.fill();
    bench.snapshot(&repository).await;
    bench.leave_marker(&repository).await;
    let listing = repository.blobs().list("").await.unwrap();
    let mut families = BTreeSet::new();
    for blob in &listing {
        families.insert(format!("{:?}", blob.id.family()).split('(').next().unwrap_or_default().to_owned());
        let path = bench.path(&blob.id);
        let whole = fs::read(&path).unwrap();
        let places: Vec<usize> = match blob.id.family() {
            // Behind the random bytes in front; the end of a short pack is its padding.
            Family::Pack(_) => vec![40, whole.len() - 100, whole.len() - 1],
            Family::InitMarker => vec![0],
            _ => vec![whole.len() / 2],
        };
        for at in places {
            flip(&path, at);
            let report = everything(&repository).await;
            assert!(!report.is_whole(), "{} at {at}", blob.id);
            assert_eq!(report.damages[0].what, blob.id.as_str(), "{report:?}");
            fs::write(&path, &whole).unwrap();
        }
        fs::remove_file(&path).unwrap();
        let report = everything(&repository).await;
        // Whoever has an index blob loaded does not miss it; the schedule is there only after maintenance.
        let needed = matches!(blob.id.family(), Family::Format | Family::Pack(_));
        assert_eq!(report.is_whole(), !needed, "{}", blob.id);
        fs::write(&path, &whole).unwrap();
    }
    assert!(families.len() >= 6, "{families:?}");
    assert!(everything(&repository).await.is_whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_content_is_attributed_to_the_files_of_all_snapshots_that_have_it() {
    let bench = Bench::new();
    let repository = bench.create().await;
    bench.fill();
    let first = bench.snapshot(&repository).await;
    bench.write("deep/er/copy", &noise(1, 300_000));
    bench.write("more/late", &noise(9, 400_000));
    let second = bench.snapshot(&repository).await;
    // The content of `deep/large`, by its object.
    let entry = bench.find(&repository, &first, "deep/large").await;
    let content = repository.parts(&entry.object().unwrap()).await.unwrap()[0].object.content();
    let place = repository.view().await.unwrap().get(&content).unwrap();
    flip(&bench.path(&place.pack), place.offset as usize + 20);

    let report = everything(&repository).await;
    assert_eq!((report.damages.len(), report.damages[0].contents), (1, 1), "{report:?}");
    assert_eq!((report.damages[0].what.as_str(), report.damages[0].kind), (place.pack.as_str(), DamageKind::Altered));
    assert_eq!(hurt(&report, &first), ["deep/large".to_owned()].into());
    assert_eq!(hurt(&report, &second), ["deep/large".to_owned(), "deep/er/copy".to_owned()].into());
    assert!(report.snapshots.iter().all(|snapshot| !snapshot.restorable && !snapshot.durable));
    assert_eq!(report.snapshots[1].damaged, 2);
    let limited = VerifyOptions { paths: 1, ..VerifyOptions::new(Level::Everything) };
    let report = verify(&repository, &limited).await.unwrap();
    let hurts = &report.damages[0].hurts;
    assert!(hurts.iter().all(|hurt| hurt.paths.len() == 1) && hurts.iter().any(|hurt| hurt.files == 2));
    // The other levels do not read data.
    assert!(verify(&repository, &VerifyOptions::new(Level::Metadata)).await.unwrap().is_whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_and_cut_off_packs_are_found_without_reading_them() {
    let bench = Bench::new();
    let repository = bench.create().await;
    bench.fill();
    let first = bench.snapshot(&repository).await;
    bench.remove("deep/large");
    bench.write("more/late", &noise(9, 400_000));
    let second = bench.snapshot(&repository).await;
    let packs = repository.blobs().list("p").await.unwrap();
    let large = bench.find(&repository, &first, "deep/large").await;
    let content = repository.parts(&large.object().unwrap()).await.unwrap()[0].object.content();
    let pack = repository.view().await.unwrap().get(&content).unwrap().pack;
    assert!(packs.iter().any(|blob| blob.id == pack));
    let path = bench.path(&pack);
    let whole = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let report = verify(&repository, &VerifyOptions::new(Level::Metadata)).await.unwrap();
    assert_eq!((report.damages[0].what.as_str(), report.damages[0].kind), (pack.as_str(), DamageKind::Missing));
    assert!(hurt(&report, &first).contains("deep/large") && !hurt(&report, &second).contains("more/late"));
    fs::write(&path, &whole[..100]).unwrap();
    let report = verify(&repository, &VerifyOptions::new(Level::Index)).await.unwrap();
    assert_eq!(report.damages[0].kind, DamageKind::Truncated);
    assert!(report.damages[0].contents > 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn contents_that_no_index_has_are_found_when_an_index_blob_is_lost() {
    let bench = Bench::new();
    let repository = bench.create().await;
    let before: BTreeSet<_> = repository.blobs().list("x").await.unwrap().into_iter().map(|blob| blob.id).collect();
    bench.fill();
    bench.snapshot(&repository).await;
    let first = repository.blobs().list("x").await.unwrap().into_iter().find(|blob| !before.contains(&blob.id));
    bench.write("more/late", &noise(9, 400_000));
    let second = bench.snapshot(&repository).await;
    fs::remove_file(bench.path(&first.unwrap().id)).unwrap();
    let repository = bench.open().await;
    let report = verify(&repository, &VerifyOptions::new(Level::Metadata)).await.unwrap();
    assert_eq!(report.snapshots.len(), 1, "the first one's manifest was in it");
    assert!(report.damages.iter().all(|damage| damage.kind == DamageKind::Unindexed), "{report:?}");
    let hurt = hurt(&report, &second);
    assert!(hurt.contains("small") && hurt.contains("deep/") && !hurt.contains("more/late"), "{hurt:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn selected_snapshots_are_verified_alone() {
    let bench = Bench::new();
    let repository = bench.create().await;
    bench.fill();
    let first = bench.snapshot(&repository).await;
    bench.write("more/late", &noise(9, 400_000));
    let second = bench.snapshot(&repository).await;
    let late = bench.find(&repository, &second, "more/late").await;
    let content = repository.parts(&late.object().unwrap()).await.unwrap()[0].object.content();
    let place = repository.view().await.unwrap().get(&content).unwrap();
    flip(&bench.path(&place.pack), place.offset as usize + 20);
    for (snapshot, whole) in [(&first, true), (&second, false)] {
        let options = VerifyOptions { snapshots: vec![snapshot.id.clone()], ..VerifyOptions::new(Level::Everything) };
        let report = verify(&repository, &options).await.unwrap();
        assert_eq!((report.snapshots.len(), report.is_whole()), (1, whole), "{report:?}");
    }
    let unknown = vec![ManifestId::parse("0123").unwrap()];
    let options = VerifyOptions { snapshots: unknown, ..VerifyOptions::new(Level::Metadata) };
    assert_eq!(verify(&repository, &options).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_verification_ends_with_an_error() {
    let bench = Bench::new();
    let repository = bench.create().await;
    bench.fill();
    bench.snapshot(&repository).await;
    let options = VerifyOptions::new(Level::Everything);
    options.cancel.cancel();
    assert_eq!(verify(&repository, &options).await.unwrap_err().kind(), ErrorKind::Cancelled);
}
