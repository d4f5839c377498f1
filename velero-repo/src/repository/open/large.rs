//! For tests: a repository whose index is one large blob.

use super::Repository;
use crate::repository::index::{Entry, encode, sealed_blob};
use crate::repository::name::BlobId;

/// Replaces the index blobs of a repository by one that has `more` entries besides, which lead nowhere.
pub(super) async fn merge_index(repository: &Repository, more: u32) -> BlobId {
    let mut entries: Vec<Entry> = repository.view().await.unwrap().iter().collect();
    let like = entries[0].clone();
    entries.extend((0..more).map(|number| {
        let content = repository.seal().content_id(None, &number.to_be_bytes());
        Entry { content, ..like.clone() }
    }));
    let payload = encode(2, &mut entries, &[]).unwrap();
    let (index, sealed) = sealed_blob(&repository.seal(), "xn0_", "s0011223344556677147-c1", &payload).unwrap();
    for blob in repository.blobs().list("xn").await.unwrap() {
        repository.blobs().delete(&blob.id).await.unwrap();
    }
    repository.blobs().put(&index, sealed.into()).await.unwrap();
    repository.refresh().await.unwrap();
    index
}
