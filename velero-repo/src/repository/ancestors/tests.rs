//! Directories and lists that nobody writes who hashes.

use super::Ancestors;
use crate::error::ErrorKind;
use crate::repository::browse::{Found, find};
use crate::repository::content::ContentId;
use crate::repository::diff::diff;
use crate::repository::directory::Entry;
use crate::repository::download::{Download, DownloadOptions};
use crate::repository::index::{encode, sealed_blob};
use crate::repository::name::SessionId;
use crate::repository::object::ObjectId;
use crate::repository::open::Repository;
use crate::repository::pack::{PackBuilder, PackStyle, Piece};
use crate::repository::tree::LocalSink;
use crate::repository::upload::Uploaded;
use crate::repository::verify::tests::bench::Bench;
use crate::repository::verify::{DamageKind, Level, VerifyOptions, verify};
use std::ops::ControlFlow;
use std::sync::Arc;

#[test]
fn a_directory_may_come_again_but_not_below_itself() {
    let mut ancestors = Ancestors::none();
    for (depth, directory, is_refused) in
        [(0, 'r', false), (1, 'a', false), (2, 'b', false), (1, 'b', false), (2, 'a', false), (3, 'b', true)]
    {
        assert_eq!(ancestors.enter(depth, directory, "a/b").is_err(), is_refused, "{depth} {directory}");
    }
    let refusal = ancestors.enter(3, 'r', "a/b").unwrap_err().to_string();
    assert!(refusal.contains("a/b") && refusal.contains("contains itself"), "{refusal}");
}

/// Stores bytes under the identity of others, as only somebody can who has the password.
async fn forge(repository: &Repository, content: ContentId, bytes: &[u8]) {
    let now = repository.now();
    let style = PackStyle::new(repository.seal(), 2, 3, 1 << 20, &[]);
    let mut pack = PackBuilder::new(&style, content.pack_kind(), &SessionId::new([7; 8], now), Vec::new());
    let timestamp = now.as_second() + 1;
    pack.add(&Piece { content, original_length: bytes.len(), compression: 0, timestamp }, bytes).unwrap();
    let mut pack = pack.finish().unwrap().unwrap();
    repository.blobs().put(&pack.id, pack.bytes.into()).await.unwrap();
    let payload = encode(2, &mut pack.entries, &[]).unwrap();
    let (index, sealed) = sealed_blob(&repository.seal(), "xn0_", "s0011223344556677147-c1", &payload).unwrap();
    repository.blobs().put(&index, sealed.into()).await.unwrap();
    repository.refresh_index().await.unwrap();
}

/// A snapshot of which the directory `deep/er` contains `deep`.
async fn endless(bench: &Bench) -> (Repository, Uploaded, ObjectId) {
    let repository = bench.create().await;
    bench.fill();
    let taken = bench.snapshot(&repository).await;
    let deep = bench.find(&repository, &taken, "deep").await.object().unwrap();
    let inner = bench.find(&repository, &taken, "deep/er").await.object().unwrap();
    let json = format!(
        r#"{{"stream":"kopia:directory","entries":[{{"name":"up","type":"d","obj":"{deep}"}}],"summary":null}}"#
    );
    forge(&repository, inner.content(), json.as_bytes()).await;
    (repository, taken, inner)
}

fn root(taken: &Uploaded) -> Entry {
    taken.snapshot.root.clone().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_contains_itself_ends_a_search_and_a_comparison() {
    let bench = Bench::new();
    let (repository, taken, _) = endless(&bench).await;
    let mut found = Vec::new();
    let each = |path: &str, _: &Entry| {
        found.push(path.to_owned());
        ControlFlow::Continue(())
    };
    let error = find(&repository, &root(&taken), each).await.unwrap_err();
    assert_eq!((error.kind(), found.last().unwrap().as_str()), (ErrorKind::Corrupt, "deep/er/up"), "{error}");
    assert!(error.to_string().contains("deep/er/up"), "{error}");
    let deep = bench.find(&repository, &taken, "deep").await;
    let error = diff(&repository, &root(&taken), &deep, drop).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_contains_itself_ends_a_plan_and_is_one_failed_entry_of_a_restore() {
    let bench = Bench::new();
    let (repository, taken, _) = endless(&bench).await;
    let target = tempfile::tempdir().unwrap();
    let what = Found::root(taken.id.clone(), taken.snapshot.clone()).unwrap();
    let options = DownloadOptions { ignore_errors: true, ..DownloadOptions::default() };
    let download = Download { options, ..Download::new(what) };
    let sink = || Arc::new(LocalSink::open(target.path()).unwrap());
    let error = download.plan(&repository, sink()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    let report = download.run(&repository, sink()).await.unwrap();
    assert_eq!((report.failed.count, report.failed.named[0].path.as_str()), (1, "deep/er/up"), "{report:?}");
    assert!(target.path().join("more/text").exists() && !target.path().join("deep/er/up/large").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_with_another_hash_is_damage_at_every_level_that_reads_it() {
    let bench = Bench::new();
    let (repository, _, inner) = endless(&bench).await;
    for level in [Level::Metadata, Level::Sampled { percent: 1, seed: 1 }, Level::Everything] {
        let report = verify(&repository, &VerifyOptions::new(level)).await.unwrap();
        let damage = report.damages.iter().find(|damage| damage.kind == DamageKind::Altered).unwrap();
        assert!(damage.reason.contains(&inner.content().to_string()), "{level:?}: {report:?}");
        assert_eq!(damage.hurts[0].paths, ["deep/er/"], "{level:?}");
        assert!(!report.snapshots[0].restorable);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_in_a_list_is_not_empty() {
    let bench = Bench::new();
    let repository = bench.create().await;
    let id = |number: u8| repository.seal().content_id(None, &[number]);
    let list = |length: usize, object: String| {
        format!(r#"{{"stream":"kopia:indirect","entries":[{{"s":0,"l":{length},"o":"{object}"}}]}}"#)
    };
    let of_lists = list(0, format!("I{}", id(3)));
    forge(&repository, id(1), list(of_lists.len(), id(2).to_string()).as_bytes()).await;
    forge(&repository, id(2), of_lists.as_bytes()).await;
    forge(&repository, id(3), br#"{"stream":"kopia:indirect","entries":[]}"#).await;
    let object = ObjectId::parse(&format!("II{}", id(1))).unwrap();
    let error = repository.parts(&object).await.unwrap_err();
    assert!(error.to_string().contains("an empty list"), "{error}");
}
