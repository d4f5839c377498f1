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
