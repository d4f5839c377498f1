//! Several sessions and other programs at once.

use super::*;
use crate::repository::index::sealed_blob;
use crate::repository::name::BlobId;
use bytes::Bytes;

#[tokio::test]
async fn two_sessions_write_at_once_and_both_are_whole() {
    let (operator, clock) = (memory(), clock());
    let one = created(&operator, &clock).await;
    let other = opened(&operator, &clock).await;
    let (first, second) = (begin(&one).await, begin(&other).await);
    let (a, b) = tokio::join!(write(&first, None, plains(1)), write(&second, None, plains(1)));
    write(&second, None, plains(2)).await.unwrap();
    assert_eq!(a.unwrap(), b.unwrap());
    let (a, b) = tokio::join!(first.commit(), second.commit());
    assert_eq!((a.unwrap().contents, b.unwrap().contents), (6, 11), "an empty content is in both sets");
    let reading = opened(&operator, &clock).await;
    for plain in plains(1).into_iter().chain(plains(2)) {
        assert_eq!(reading.read_content(&reading.seal().content_id(None, &plain)).await.unwrap(), plain);
    }
}

#[tokio::test]
async fn many_writers_write_a_content_once() {
    let (operator, clock) = (memory(), clock());
    let repository = created(&operator, &clock).await;
    let session = begin(&repository).await;
    let writes = (0..8).map(|_| write(&session, None, plains(1)));
    let ids = futures::future::try_join_all(writes).await.unwrap();
    assert!(ids.iter().all(|one| *one == ids[0]));
    assert_eq!(session.commit().await.unwrap().contents, 6);
}

/// Marks contents as deleted as a collection of another program does.
async fn collect(repository: &Repository, ids: &[ContentId]) {
    let view = repository.view().await.unwrap();
    let mut entries: Vec<_> = ids.iter().map(|id| view.get(id).unwrap()).collect();
    for entry in &mut entries {
        entry.deleted = true;
        entry.timestamp = repository.now().as_second() + 7;
    }
    let payload = crate::repository::index::encode(2, &mut entries, &[]).unwrap();
    let (id, sealed) = sealed_blob(&repository.seal(), "xn0_", "s0123456789abcdef147-c1", &payload).unwrap();
    repository.blobs().put(&id, sealed.into()).await.unwrap();
}

#[tokio::test]
async fn what_is_marked_as_deleted_while_it_is_relied_on_is_written_again() {
    let (operator, clock) = (memory(), clock());
    let repository = created(&operator, &clock).await;
    let session = begin(&repository).await;
    let ids = write(&session, None, plains(1)).await.unwrap();
    session.commit().await.unwrap();

    let session = begin(&repository).await;
    write(&session, None, plains(1)).await.unwrap();
    collect(&opened(&operator, &clock).await, &ids[2..4]).await;
    session.put_manifest(snapshot("/a"), &1).unwrap();
    session.commit().await.unwrap();
    let reading = opened(&operator, &clock).await;
    assert!(ids.iter().all(|id| reading.view_blocking().unwrap().has(id)));
    assert_eq!(reading.view().await.unwrap().get(&ids[2]).unwrap().timestamp, clock.now().as_second() + 8);
    assert_eq!(reading.read_content(&ids[3]).await.unwrap(), plains(1)[3]);
}

#[tokio::test]
async fn what_is_deleted_for_good_while_it_is_relied_on_is_written_again_or_nothing_is_committed() {
    for pack_is_gone in [false, true] {
        let (operator, clock) = (memory(), clock());
        let repository = created(&operator, &clock).await;
        let session = begin(&repository).await;
        let ids = write(&session, None, plains(1)).await.unwrap();
        session.commit().await.unwrap();

        let session = begin(&repository).await;
        write(&session, None, plains(1)).await.unwrap();
        let other = opened(&operator, &clock).await;
        collect(&other, &ids).await;
        let watermark = BlobId::new(format!("xw{}", clock.now().as_second() + 60)).unwrap();
        other.blobs().put(&watermark, Bytes::from_static(b"deletion-watermark")).await.unwrap();
        if pack_is_gone {
            other.blobs().delete(&other.view().await.unwrap().get(&ids[0]).unwrap().pack).await.unwrap();
        }
        let manifest = session.put_manifest(snapshot("/a"), &1).unwrap();
        let committed = session.commit().await;
        let reading = opened(&operator, &clock).await;
        let visible = reading.manifest(manifest.as_str()).await.is_ok();
        assert_eq!((committed.is_ok(), visible), (!pack_is_gone, !pack_is_gone), "{committed:?}");
        if !pack_is_gone {
            assert!(ids.iter().all(|id| reading.view_blocking().unwrap().has(id)), "never refers to what is deleted");
            assert_eq!(reading.read_content(&ids[3]).await.unwrap(), plains(1)[3]);
        }
    }
}

#[tokio::test]
async fn what_was_marked_as_deleted_before_is_written_again_with_a_later_time() {
    let (operator, clock) = (memory(), clock());
    let repository = created(&operator, &clock).await;
    let session = begin(&repository).await;
    let ids = write(&session, None, plains(1)).await.unwrap();
    session.commit().await.unwrap();
    collect(&repository, &ids).await;
    repository.refresh().await.unwrap();
    assert!(!repository.view().await.unwrap().has(&ids[0]));
    let session = begin(&repository).await;
    write(&session, None, plains(1)).await.unwrap();
    assert_eq!(session.commit().await.unwrap().contents, 6);
    assert!(ids.iter().all(|id| repository.view_blocking().unwrap().has(id)));
}

#[tokio::test]
async fn a_pack_that_has_moved_is_found_through_a_fresh_index() {
    let (operator, clock) = (memory(), clock());
    let writing = created(&operator, &clock).await;
    let session = begin(&writing).await;
    let ids = write(&session, None, plains(1)).await.unwrap();
    session.commit().await.unwrap();
    let reading = opened(&operator, &clock).await;

    let old = writing.view().await.unwrap().get(&ids[2]).unwrap().pack;
    collect(&writing, &ids).await;
    writing.refresh().await.unwrap();
    let session = begin(&writing).await;
    write(&session, None, plains(1)).await.unwrap();
    session.commit().await.unwrap();
    writing.blobs().delete(&old).await.unwrap();
    assert_eq!(reading.read_content(&ids[2]).await.unwrap(), plains(1)[2]);

    let last = writing.view().await.unwrap().get(&ids[2]).unwrap().pack;
    writing.blobs().delete(&last).await.unwrap();
    let error = reading.read_content(&ids[3]).await.unwrap_err();
    assert!(error.to_string().contains(last.as_str()) && error.to_string().contains(&ids[3].to_string()), "{error}");
}

#[tokio::test]
async fn a_session_learns_within_15_minutes_what_others_have_written() {
    let (operator, clock) = (memory(), clock());
    let one = created(&operator, &clock).await;
    let other = opened(&operator, &clock).await;
    let session = begin(&one).await;
    let others = begin(&other).await;
    write(&others, None, plains(1)).await.unwrap();
    others.commit().await.unwrap();
    session.shared.freshen().await;
    write(&session, None, plains(1)[..3].to_vec()).await.unwrap();
    clock.advance(SignedDuration::from_mins(15));
    session.shared.freshen().await;
    write(&session, None, plains(1)).await.unwrap();
    assert_eq!(session.commit().await.unwrap().contents, 3, "those that were written before");
}
