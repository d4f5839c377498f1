//! What is read early, and openings that it misleads.

use super::*;
use crate::error::ErrorKind;
use crate::repository::name::Family;
use crate::repository::open::{OpenOptions, Repository, format_blobs};
use crate::repository::session::tests::{begin, blobs, clock, created, memory, password, write};

/// Writes a content; there is one index blob more then.
async fn put(repository: &Repository, plain: &[u8]) {
    let session = begin(repository).await;
    write(&session, None, vec![plain.to_vec()]).await.unwrap();
    session.commit().await.unwrap();
}

/// Opens the repository with what was read early.
async fn open(repository: &Repository, early: Early) -> crate::Result<Repository> {
    let (document, settings) = format_blobs(repository.blobs()).await.unwrap().unwrap();
    let format = repository.format().reopen(&document, settings.as_deref(), repository.now()).unwrap();
    let options = OpenOptions::new(password()).with_clock(repository.clock().clone());
    Repository::of_format(repository.blobs().clone(), format, options, Some(early)).await
}

#[tokio::test]
async fn the_active_index_blobs_are_read_and_nothing_where_they_may_be_cached() {
    let (operator, clock) = (memory(), clock());
    let repository = created(&operator, &clock).await;
    put(&repository, b"one").await;
    put(&repository, b"other").await;
    let early = Early::read(repository.blobs(), &*clock, false).await.unwrap();
    assert_eq!(early.listing, repository.blobs().list("x").await.unwrap());
    // The first one says who maintains the repository.
    assert_eq!((early.taken, early.sealed.len()), (repository.now(), 3));
    for (id, sealed) in &early.sealed {
        assert_eq!(repository.blobs().get(id, 1 << 20).await.unwrap().as_ref(), Some(sealed));
    }
    let cached = Early::read(repository.blobs(), &*clock, true).await.unwrap();
    assert_eq!((cached.listing, cached.sealed.len()), (early.listing.clone(), 0));
    for id in early.sealed.keys() {
        repository.blobs().delete(id).await.unwrap(); // so that it is known where the entries come from
    }
    let opened = open(&repository, early).await.unwrap();
    assert_eq!(
        opened.view().await.unwrap().iter().collect::<Vec<_>>(),
        repository.view().await.unwrap().iter().collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn an_index_blob_that_was_replaced_meanwhile_is_looked_for_again() {
    let (operator, clock) = (memory(), clock());
    let repository = created(&operator, &clock).await;
    put(&repository, b"one").await;
    let mut early = Early::read(repository.blobs(), &*clock, true).await.unwrap();
    put(&repository, b"other").await;
    let gone = BlobId::new("xn0_00112233445566778899aabbccddeeff-s0011223344556677147-c1").unwrap();
    assert_eq!(gone.family(), Family::Uncompacted(0));
    early.listing.push(BlobInfo { id: gone, ..early.listing[0].clone() });
    let opened = open(&repository, early).await.unwrap();
    assert_eq!(
        opened.view().await.unwrap().iter().collect::<Vec<_>>(),
        repository.view().await.unwrap().iter().collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn an_index_blob_that_is_damaged_is_named() {
    let (operator, clock) = (memory(), clock());
    let repository = created(&operator, &clock).await;
    put(&repository, b"one").await;
    let mut early = Early::read(repository.blobs(), &*clock, false).await.unwrap();
    let (id, sealed) = early.sealed.iter_mut().next().unwrap();
    let id = id.clone();
    let mut altered = sealed.to_vec();
    altered[20] ^= 1;
    *sealed = altered.into();
    let error = open(&repository, early).await.unwrap_err();
    assert_eq!((error.kind(), error.to_string().contains(id.as_str())), (ErrorKind::Corrupt, true), "{error}");
}

#[tokio::test]
async fn a_store_without_a_repository_has_an_empty_listing() {
    let clock = clock();
    let early = Early::read(&blobs(memory(), &clock).await, &*clock, false).await.unwrap();
    assert!(early.listing.is_empty() && early.sealed.is_empty());
}
