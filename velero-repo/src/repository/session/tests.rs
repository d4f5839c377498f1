use super::*;
use crate::error::ErrorKind;
use crate::repository::blob::{BlobStore, blocking};
use crate::repository::clock::{Clock, SettableClock};
use crate::repository::content::ContentId;
use crate::repository::format::{CreateOptions, Password};
use crate::repository::manifest::{Labels, TYPE, labels};
use crate::repository::name::Family;
use crate::repository::open::{Identity, OpenOptions};
use crate::repository::seal::compression::Compressor;
use crate::store::{Store, StoreOptions};
use opendal::{Operator, services};

mod disk;
mod faults;
mod stores;
mod together;

pub(crate) fn password() -> Password {
    Password::new("a password for tests")
}

pub(crate) fn clock() -> Arc<SettableClock> {
    Arc::new(SettableClock::at("2026-11-21T12:00:00Z".parse().unwrap()))
}

pub(crate) async fn blobs(operator: Operator, clock: &Arc<SettableClock>) -> BlobStore {
    let store = Store::from_operator(operator, "test");
    BlobStore::of_namespace(&store, "web").await.unwrap().with_clock(clock.clone())
}

pub(crate) fn options(clock: &Arc<SettableClock>) -> OpenOptions {
    OpenOptions::new(password()).with_clock(clock.clone()).with_identity(Identity::velero())
}

pub(crate) fn choices() -> CreateOptions {
    CreateOptions::new(password())
}

pub(crate) async fn created(operator: &Operator, clock: &Arc<SettableClock>) -> Repository {
    Repository::create(blobs(operator.clone(), clock).await, choices(), options(clock)).await.unwrap()
}

pub(crate) async fn opened(operator: &Operator, clock: &Arc<SettableClock>) -> Repository {
    Repository::open(blobs(operator.clone(), clock).await, options(clock)).await.unwrap()
}

pub(crate) fn memory() -> Operator {
    Operator::new(services::Memory::default()).unwrap()
}

pub(crate) async fn begin(repository: &Repository) -> Session {
    Session::begin(repository, SessionOptions::default()).await.unwrap()
}

/// Contents of many sizes, some of which can be compressed; the same for the same seed.
pub(crate) fn plains(seed: u8) -> Vec<Vec<u8>> {
    let noise = |length: usize| {
        let mut state = u64::from(seed) + 1;
        let step = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u8
        };
        std::iter::repeat_with(step).take(length).collect::<Vec<u8>>()
    };
    vec![Vec::new(), vec![seed], noise(100), noise(5_000), vec![seed; 50_000], noise(30_000)]
}

/// Writes contents on a plain thread, as they must be.
pub(crate) async fn write(
    session: &Session,
    prefix: Option<u8>,
    plains: Vec<Vec<u8>>,
) -> crate::Result<Vec<ContentId>> {
    let mut writer = session.writer();
    blocking(move || {
        let plains: Vec<&[u8]> = plains.iter().map(Vec::as_slice).collect();
        writer.write_batch(prefix, &plains, Some(Compressor::by_name("zstd-fastest")?))
    })
    .await
}

pub(crate) fn snapshot(name: &str) -> Labels {
    labels([(TYPE, "snapshot"), ("path", name)])
}

async fn names(repository: &Repository, family: impl Fn(Family) -> bool) -> Vec<String> {
    let all = repository.blobs().list("").await.unwrap();
    all.into_iter().filter(|blob| family(blob.id.family())).map(|blob| blob.id.to_string()).collect()
}

#[tokio::test]
async fn what_a_session_writes_is_there_after_its_commit_and_not_before() {
    let (operator, clock) = (memory(), clock());
    let writing = created(&operator, &clock).await;
    let reading = opened(&operator, &clock).await;
    let session = begin(&writing).await;
    let data = write(&session, None, plains(1)).await.unwrap();
    let meta = write(&session, Some(b'k'), plains(2)).await.unwrap();
    let id = session.put_manifest(snapshot("/a"), &serde_json::json!({"description": "<first>"})).unwrap();
    reading.refresh().await.unwrap();
    assert!(data.iter().chain(&meta).all(|id| reading.view_blocking().unwrap().get(id).is_none()));

    let written = session.commit().await.unwrap();
    assert_eq!((written.contents, written.packs), (13, 3));
    assert_eq!(names(&writing, |family| family == Family::Session).await, [""; 0]);
    reading.refresh().await.unwrap();
    for (ids, plains) in [(data, plains(1)), (meta, plains(2))] {
        for (id, plain) in ids.iter().zip(plains) {
            assert_eq!(reading.read_content(id).await.unwrap(), plain);
            assert_eq!(writing.read_content(id).await.unwrap(), plain, "the writer knows it without reading the index");
        }
    }
    let found = reading.manifests(&snapshot("/a")).await.unwrap();
    assert_eq!(found.get(id.as_str()).unwrap().data.get(), r#"{"description":"\u003cfirst\u003e"}"#);
}

#[tokio::test]
async fn a_repository_lies_in_a_directory_and_keeps_velero_s_shape() {
    let place = tempfile::tempdir().unwrap();
    let store = Store::open(place.path().to_str().unwrap(), &StoreOptions::default()).unwrap();
    let blobs = BlobStore::of_namespace(&store, "web").await.unwrap();
    let repository = Repository::create_for_velero(blobs.clone(), OpenOptions::new(password())).await.unwrap();
    let session = begin(&repository).await;
    let ids = write(&session, None, plains(1)).await.unwrap();
    session.commit().await.unwrap();
    let again = Repository::open(blobs.clone(), OpenOptions::new(password()).read_only()).await.unwrap();
    for (id, plain) in ids.into_iter().zip(plains(1)) {
        let again = again.clone();
        assert_eq!(blocking(move || again.read_content_blocking(&id)).await.unwrap(), plain);
    }
    let marker = place.path().join("kopia/web/udmrepo.Repository.f");
    assert!(std::fs::read_to_string(marker).unwrap().starts_with(r#"{"uniqueID":""#));
    let owner = again.manifests(&labels([(TYPE, "maintenance")])).await.unwrap();
    let owner = owner.iter().next().unwrap().data.get().to_owned();
    assert!(owner.starts_with(r#"{"owner":"default@default","quick":{"enabled":true,"interval":3600000000000},"#));
    again.initialise_for_velero().await.unwrap_err();
    repository.initialise_for_velero().await.unwrap();
    let error = Repository::create(blobs, choices(), OpenOptions::new(password())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
}

#[tokio::test]
async fn contents_that_are_there_are_not_written_again() {
    let (operator, clock) = (memory(), clock());
    let repository = created(&operator, &clock).await;
    for expected in [6, 0] {
        let session = begin(&repository).await;
        let first = write(&session, None, plains(1)).await.unwrap();
        let second = write(&session, None, plains(1)).await.unwrap();
        assert_eq!(first, second);
        assert_eq!(session.commit().await.unwrap().contents, expected);
    }
}

#[tokio::test]
async fn a_checkpoint_shows_what_was_written_so_far_and_the_session_goes_on() {
    let (operator, clock) = (memory(), clock());
    let writing = created(&operator, &clock).await;
    let reading = opened(&operator, &clock).await;
    let session = begin(&writing).await;
    let first = write(&session, None, plains(1)).await.unwrap();
    assert!(!session.is_checkpoint_due());
    session.put_manifest(snapshot("/part"), &serde_json::json!({})).unwrap();
    session.checkpoint().await.unwrap();
    reading.refresh().await.unwrap();
    assert_eq!(reading.read_content(&first[3]).await.unwrap(), plains(1)[3]);
    assert_eq!(reading.manifests(&snapshot("/part")).await.unwrap().len(), 1);
    let second = write(&session, None, plains(2)).await.unwrap();
    write(&session, None, plains(1)).await.unwrap();
    session.abandon().await;
    reading.refresh().await.unwrap();
    assert!(
        reading.view().await.unwrap().get(&second[3]).is_none()
            && reading.view().await.unwrap().get(&first[3]).is_some()
    );
    assert_eq!(names(&reading, |family| matches!(family, Family::Session | Family::Pack(_))).await.len(), 3);
}

#[tokio::test]
async fn manifests_replace_each_other_and_are_deleted() {
    let (operator, clock) = (memory(), clock());
    let repository = created(&operator, &clock).await;
    let mut last = None;
    for number in 0..3 {
        let session = begin(&repository).await;
        last = Some(session.replace_manifest(snapshot("/a"), &number).await.unwrap());
        session.commit().await.unwrap();
        let found = repository.manifests(&snapshot("/a")).await.unwrap();
        assert_eq!(found.iter().map(|record| record.data.get()).collect::<Vec<_>>(), [number.to_string()]);
    }
    let session = begin(&repository).await;
    session.delete_manifest(&last.unwrap()).unwrap();
    session.commit().await.unwrap();
    assert!(repository.manifests(&snapshot("/a")).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_deletion_at_the_very_time_of_the_manifest_wins() {
    let (operator, clock) = (memory(), clock());
    let repository = created(&operator, &clock).await;
    let session = begin(&repository).await;
    let id = session.put_manifest(snapshot("/a"), &1).unwrap();
    let at_once = session.put_manifest(snapshot("/a"), &2).unwrap();
    session.delete_manifest(&at_once).unwrap();
    session.commit().await.unwrap();
    let found = repository.manifests(&snapshot("/a")).await.unwrap();
    assert_eq!(found.iter().map(|record| &record.id).collect::<Vec<_>>(), [&id]);
    let other = opened(&operator, &clock).await;
    let session = begin(&other).await;
    session.delete_manifest(&id).unwrap();
    session.commit().await.unwrap();
    assert!(opened(&operator, &clock).await.manifests(&snapshot("/a")).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_long_session_says_every_day_that_it_goes_on_and_leaves_no_marker() {
    let (operator, clock) = (memory(), clock());
    let repository = created(&operator, &clock).await;
    let session = begin(&repository).await;
    write(&session, None, plains(1)).await.unwrap();
    let markers = async || names(&repository, |family| matches!(family, Family::Session)).await;
    for (hours, expected) in [(23, 1), (2, 2), (23, 2), (1, 3)] {
        clock.advance(SignedDuration::from_hours(hours));
        session.shared.freshen().await;
        assert_eq!(markers().await.len(), expected, "after {hours} hours more");
    }
    let blobs = repository.blobs().list("s").await.unwrap();
    let mut heard = Vec::new();
    for blob in &blobs {
        let payload = repository.sealed_payload(blob).await.unwrap().unwrap();
        let marker: marker::Marker = serde_json::from_slice(&payload).unwrap();
        assert_eq!(marker.start.timestamp().to_string(), "2026-11-21T12:00:00Z");
        heard.push(marker.checkpoint.timestamp());
    }
    assert_eq!(heard.into_iter().max().unwrap(), repository.now());
    session.commit().await.unwrap();
    assert!(markers().await.is_empty());
}

#[tokio::test]
async fn the_password_can_be_changed_and_the_old_one_is_refused() {
    let (operator, clock) = (memory(), clock());
    let repository = created(&operator, &clock).await;
    repository.change_password(Password::new("another")).await.unwrap();
    let blobs = blobs(operator.clone(), &clock).await;
    let error = Repository::open(blobs.clone(), options(&clock)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    Repository::open(blobs, OpenOptions { password: Password::new("another"), ..options(&clock) }).await.unwrap();
    clock.advance(SignedDuration::from_mins(16));
    repository.refresh().await.unwrap();
}

#[tokio::test]
async fn nothing_is_written_through_a_repository_that_was_opened_for_reading() {
    let (operator, clock) = (memory(), clock());
    created(&operator, &clock).await;
    let repository = Repository::open(blobs(operator, &clock).await, options(&clock).read_only()).await.unwrap();
    let Err(error) = Session::begin(&repository, SessionOptions::default()).await else { panic!("it began") };
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert_eq!(repository.change_password(password()).await.unwrap_err().kind(), ErrorKind::Denied);
}

#[tokio::test]
async fn a_cancelled_session_removes_its_marker_and_its_packs() {
    let (operator, clock) = (memory(), clock());
    let repository = created(&operator, &clock).await;
    let before = names(&repository, |_| true).await;
    let cancel = CancellationToken::new();
    let session = Session::begin(&repository, SessionOptions { cancel: cancel.clone(), ..SessionOptions::default() })
        .await
        .unwrap();
    write(&session, None, plains(1)).await.unwrap();
    let mut writer = session.writer();
    blocking(move || writer.flush()).await.unwrap();
    cancel.cancel();
    assert_eq!(write(&session, None, plains(2)).await.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(session.commit().await.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(names(&repository, |_| true).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_that_are_dropped_with_open_packs_do_not_hold_up_the_commit() {
    let repository = created(&memory(), &clock()).await;
    let options = SessionOptions { packs_in_flight: 1, ..SessionOptions::default() };
    let session = Session::begin(&repository, options).await.unwrap();
    for prefix in [Some(b'k'), None] {
        write(&session, prefix, plains(1)).await.unwrap();
    }
    let committed = tokio::time::timeout(Duration::from_secs(30), session.commit()).await;
    assert_eq!(committed.expect("the commit waits for room that nobody gives").unwrap().packs, 2);
}
