//! Two writers of one name at once.

use super::*;
use crate::fault::{FaultLayer, Pause};
use opendal::{Operator, services};

/// Writes a backup whose every object names `writer`.
async fn write_as(store: BackupStore, writer: &'static str) -> crate::Result<()> {
    let mut backup = store.create(&BackupName::new("web")?).await?;
    let outcome = fill(&mut backup, writer).await;
    match outcome {
        Ok(()) => backup.finish(Bytes::from(format!("backup of {writer}"))).await,
        Err(e) => backup.abort().await.and(Err(e)),
    }
}

async fn fill(backup: &mut crate::store::BackupWriter, writer: &'static str) -> crate::Result<()> {
    let mut sink = backup.contents().await?;
    let sent = tokio::task::spawn_blocking(move || {
        let written = sink.write_all(format!("contents of {writer}").as_bytes());
        written.map_err(|e| e.downcast::<crate::Error>().unwrap())?;
        sink.close()
    });
    sent.await.unwrap()?;
    backup.put(Document::Log, Bytes::from(format!("log of {writer}"))).await?;
    backup.put(Document::Results, Bytes::from_static(b"{}")).await
}

/// Whose backup is visible; panics if it is not whole and of one writer.
async fn visible(store: &BackupStore, case: &str) -> Option<String> {
    let name = BackupName::new("web").unwrap();
    if store.list().await.unwrap().is_empty() {
        return None;
    }
    let text = |bytes: Bytes| String::from_utf8(bytes.to_vec()).unwrap();
    let read = async |document| text(store.read(&name, document, 1000).await.expect(case).expect(case));
    let writer = read(Document::Backup).await.strip_prefix("backup of ").expect(case).to_owned();
    let mut contents = String::new();
    store.open_contents(&name).await.expect(case).read_to_string(&mut contents).await.expect(case);
    assert_eq!(contents, format!("contents of {writer}"), "{case}");
    assert_eq!(read(Document::Log).await, format!("log of {writer}"), "{case}");
    assert_eq!(read(Document::Results).await, "{}", "{case}");
    Some(writer)
}

fn pausing(operator: &Operator, at: u64) -> (BackupStore, FaultLayer, Pause) {
    let (layer, pause) = FaultLayer::paused(at);
    (BackupStore::new(Store::from_operator(operator.clone().layer(layer.clone()), "test")), layer, pause)
}

/// A waits before its operation number `a` while B runs up to its own number `b`; then A ends, then B. Says whether each
/// had so many operations.
async fn interleave(operator: Operator, a: u64, b: u64) -> [bool; 2] {
    let (first, first_layer, first_pause) = pausing(&operator, a);
    let (second, second_layer, second_pause) = pausing(&operator, b);
    let mut one = tokio::spawn(write_as(first, "one"));
    let early = tokio::select! { ended = &mut one => Some(ended.unwrap()), () = first_pause.reached() => None };
    let mut two = tokio::spawn(write_as(second, "two"));
    let second_early = tokio::select! { ended = &mut two => Some(ended.unwrap()), () = second_pause.reached() => None };
    first_pause.go_on();
    let one = match early {
        Some(ended) => ended,
        None => one.await.unwrap(),
    };
    second_pause.go_on();
    let two = match second_early {
        Some(ended) => ended,
        None => two.await.unwrap(),
    };
    let store = BackupStore::new(Store::from_operator(operator, "test"));
    let case = format!("{a} {b}: {one:?}, {two:?}");
    match visible(&store, &case).await.as_deref() {
        Some("one") => assert!(one.is_ok() && two.is_err(), "{case}"),
        Some("two") => assert!(two.is_ok() && one.is_err(), "{case}"),
        _ => assert!(one.is_err() && two.is_err(), "{case}"),
    }
    for error in [one.err(), two.err()].into_iter().flatten() {
        assert!(error.to_string().contains("exists already"), "{case}");
    }
    write_as(store.clone(), "three").await.map_or_else(|e| assert!(e.to_string().contains("exists")), |()| ());
    assert!(visible(&store, &case).await.is_some(), "{case}");
    [first_layer.operations() > a, second_layer.operations() > b]
}

#[tokio::test]
async fn of_two_writers_at_once_one_fails_at_least_and_their_objects_never_mix() {
    for a in 0.. {
        let mut reached = false;
        for b in 0.. {
            let more = interleave(Operator::new(services::Memory::default()).unwrap(), a, b).await;
            reached |= more[0];
            if !more[1] {
                break;
            }
        }
        if !reached {
            assert!(a > 20, "only {a} operations");
            break;
        }
    }
}

#[tokio::test]
async fn the_same_holds_in_a_directory() {
    for a in (0..40).step_by(3) {
        for b in (0..40).step_by(3) {
            let directory = tempfile::tempdir().unwrap();
            let service = services::Fs::default().root(directory.path().to_str().unwrap());
            interleave(Operator::new(service).unwrap(), a, b).await;
        }
    }
}
