use super::*;
use crate::{ErrorKind, RestoreDocument, RestoreName};

#[tokio::test]
async fn a_backup_is_read_as_it_was_written() {
    let directory = tempfile::tempdir().unwrap();
    let on_disk = Store::open(directory.path().to_str().unwrap(), &StoreOptions::default()).unwrap();
    for store in [memory(), BackupStore::new(on_disk)] {
        write(&store, "web").await.unwrap();
        assert_whole(&store, "web").await;
        assert_eq!(store.list().await.unwrap(), [BackupName::new("web").unwrap()]);
        assert_eq!(write(&store, "web").await.unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_whole(&store, "web").await;
        let digests = store.digests(&BackupName::new("web").unwrap()).await.unwrap().unwrap();
        let files: Vec<_> = digests.objects.keys().map(String::as_str).collect();
        assert_eq!(files, ["velero-backup.json", "web-results.gz", "web.tar.gz"]);
    }
    let seen: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(seen, ["backups"], "Velero refuses a location with other directories");
}

#[tokio::test]
async fn deleting_a_backup_leaves_nothing_of_it_and_of_its_restores() {
    let directory = tempfile::tempdir().unwrap();
    let on_disk = Store::open(directory.path().to_str().unwrap(), &StoreOptions::default()).unwrap();
    for store in [memory(), BackupStore::new(on_disk)] {
        write(&store, "a").await.unwrap();
        write(&store, "b").await.unwrap();
        let (a, restore) = (BackupName::new("a").unwrap(), RestoreName::new("r").unwrap());
        store.put_restore(&a, &restore, RestoreDocument::Log, Bytes::from_static(b"line\n")).await.unwrap();
        assert_eq!(store.restores().await.unwrap(), [(restore.clone(), Some(a.clone()))]);
        assert_eq!(store.read_restore(&restore, RestoreDocument::Log, 10).await.unwrap().unwrap(), "line\n");
        assert_eq!(store.restore_objects(&restore).await.unwrap().len(), 1);

        store.delete(&store.objects(&a).await.unwrap()).await.unwrap();
        assert_eq!(store.list().await.unwrap(), [BackupName::new("b").unwrap()]);
        assert_eq!((store.leftovers().await.unwrap().len(), store.restores().await.unwrap().len()), (0, 0));
        assert_whole(&store, "b").await;
    }
}

#[tokio::test]
async fn odd_directories_are_leftovers_and_hide_no_backup() {
    let store = memory();
    write(&store, "web").await.unwrap();
    for key in ["backups/half/half.tar.gz", "backups/Odd Name/velero-backup.json"] {
        store.store().operator().write(key, "x").await.unwrap();
    }
    assert_eq!(store.list().await.unwrap(), [BackupName::new("web").unwrap()]);
    let leftovers: Vec<_> = store.leftovers().await.unwrap().into_iter().map(|l| l.name).collect();
    assert_eq!(leftovers, ["Odd Name", "half"]);
    write(&store, "half").await.unwrap();
    assert_whole(&store, "half").await;
}

#[tokio::test]
async fn damage_behind_our_back_is_found_when_read() {
    let store = memory();
    write(&store, "web").await.unwrap();
    let name = BackupName::new("web").unwrap();
    let mut bytes = contents();
    bytes[70_000] ^= 1;
    store.store().operator().write(&Document::Contents.key(&name), bytes).await.unwrap();
    store.store().operator().write(&Document::Results.key(&name), "x").await.unwrap();
    let mut stream = store.open_contents(&name).await.unwrap();
    let error = stream.read_to_end(&mut Vec::new()).await.unwrap_err();
    assert!(error.to_string().contains("SHA-256"), "{error}");
    let error = store.read(&name, Document::Results, 10).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    store.store().operator().delete(&Document::Results.key(&name)).await.unwrap();
    assert_eq!(store.read(&name, Document::Results, 10).await.unwrap_err().kind(), ErrorKind::Corrupt);
}

#[tokio::test]
async fn a_backup_without_its_whole_tarball_is_not_finished() {
    let store = memory();
    let name = BackupName::new("web").unwrap();
    let mut writer = store.create(&name).await.unwrap();
    let mut sink = writer.contents().await.unwrap();
    tokio::task::spawn_blocking(move || sink.write_all(b"half").unwrap()).await.unwrap();
    assert!(writer.finish(Bytes::from_static(b"{}")).await.is_err());
    assert_eq!(store.objects(&name).await.unwrap(), []);
}

#[tokio::test]
async fn documents_larger_than_their_limit_are_refused() {
    let store = memory();
    let name = BackupName::new("web").unwrap();
    let bomb = crate::objects::gzip("bomb", &vec![0; 1 << 20]).await.unwrap();
    store.store().operator().write(&Document::Log.key(&name), bomb).await.unwrap();
    assert_eq!(store.read(&name, Document::Log, 1 << 16).await.unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(store.read(&name, Document::Log, 1 << 20).await.unwrap().unwrap().len(), 1 << 20);
}
