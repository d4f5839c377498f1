//! What a session demands of its store.

use super::*;

async fn try_to_begin(store_clock: &str) -> crate::Result<()> {
    let (operator, clock) = (memory(), clock());
    created(&operator, &clock).await;
    let stores = Arc::new(SettableClock::at(store_clock.parse().unwrap()));
    let repository = Repository::open(blobs(operator, &stores).await, options(&clock)).await?;
    let begun = Session::begin(&repository, SessionOptions::default()).await;
    assert_eq!(names(&repository, |family| family == Family::Session).await.len(), usize::from(begun.is_ok()));
    begun.map(drop)
}

#[tokio::test]
async fn clocks_may_differ_by_five_minutes() {
    for (time, fits) in [
        ("2026-11-21T12:04:59Z", true),
        ("2026-11-21T11:55:01Z", true),
        ("2026-11-21T12:05:01Z", false),
        ("2026-11-21T11:54:59Z", false),
    ] {
        let begun = try_to_begin(time).await;
        assert_eq!(begun.is_ok(), fits, "{time}: {begun:?}");
        if let Err(error) = begun {
            assert!(error.to_string().contains("its clock says"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_repository_of_each_format_version_is_written_and_read() {
    for version in 1..=3 {
        let (operator, clock) = (memory(), clock());
        let choices = CreateOptions { version, ..choices() };
        let repository =
            Repository::create(blobs(operator.clone(), &clock).await, choices, options(&clock)).await.unwrap();
        let session = begin(&repository).await;
        let ids = write(&session, None, plains(1)).await.unwrap();
        session.commit().await.unwrap();
        let again = opened(&operator, &clock).await;
        for (id, plain) in ids.iter().zip(plains(1)) {
            assert_eq!(again.read_content(id).await.unwrap(), plain, "version {version}");
        }
        assert_eq!(again.manifests(&labels([(TYPE, "maintenance")])).await.unwrap().len(), 1);
        assert_eq!(again.change_password(Password::new("another")).await.is_ok(), version > 1);
    }
}

#[tokio::test]
async fn where_blobs_have_to_be_kept_for_a_time_that_the_store_can_not_give_nothing_is_written() {
    use crate::repository::format::{Format, Retention, RetentionMode};
    use crate::repository::name::{BLOB_SETTINGS, BlobId, FORMAT};
    use bytes::Bytes;

    let (operator, clock) = (memory(), clock());
    let period = std::time::Duration::from_secs(48 * 3600);
    let retention = Some(Retention { mode: RetentionMode::Governance, period });
    let choices = CreateOptions { retention, ..choices() };
    let store = blobs(operator.clone(), &clock).await;
    let refused = Repository::create(store.clone(), choices.clone(), options(&clock)).await.unwrap_err();
    assert!(refused.to_string().contains("s3://") && refused.to_string().contains("kopia"), "{refused}");
    assert_eq!(store.list("").await.unwrap(), []);
    // It was made where the store could.
    let (document, settings) = Format::create(&choices).unwrap().documents(&password()).unwrap();
    for (name, bytes) in [(FORMAT, document), (BLOB_SETTINGS, settings)] {
        store.put(&BlobId::new(name).unwrap(), Bytes::from(bytes)).await.unwrap();
    }
    let repository = opened(&operator, &clock).await;
    let before = store.list("").await.unwrap();
    let refused = Session::begin(&repository, SessionOptions::default()).await.map(drop).unwrap_err();
    assert_eq!((refused.kind(), refused.to_string().contains("object lock")), (ErrorKind::Invalid, true));
    assert!(repository.change_password(Password::new("another")).await.is_err());
    assert_eq!(store.list("").await.unwrap(), before);
}
