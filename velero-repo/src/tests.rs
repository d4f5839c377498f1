//! Behaviour of whole backups in healthy stores.

mod faults;
mod stores;
mod writers;

use crate::{BackupName, BackupStore, Document, Store, StoreOptions};
use bytes::Bytes;
use std::io::Write;
use tokio::io::AsyncReadExt;

/// A backup whose tarball has more than one part.
async fn write(store: &BackupStore, name: &str) -> crate::Result<()> {
    let mut writer = store.create(&BackupName::new(name)?).await?;
    let mut sink = writer.contents().await?;
    let sent = tokio::task::spawn_blocking(move || {
        for chunk in contents().chunks(10_000) {
            sink.write_all(chunk).map_err(|e| e.downcast::<crate::Error>().unwrap())?;
        }
        sink.close()
    });
    let sent = sent.await.unwrap();
    let sent = match sent {
        Ok(()) => writer.put(Document::Results, Bytes::from_static(b"{}")).await,
        Err(e) => Err(e),
    };
    match sent {
        Ok(()) => writer.finish(Bytes::from_static(b"{\"kind\":\"Backup\"}")).await,
        Err(e) => {
            let _ = writer.abort().await;
            Err(e)
        }
    }
}

fn contents() -> Vec<u8> {
    (0..20_000u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

fn memory() -> BackupStore {
    BackupStore::new(Store::open("memory://", &StoreOptions::default()).unwrap())
}

async fn assert_whole(store: &BackupStore, name: &str) {
    let name = BackupName::new(name).unwrap();
    let mut bytes = Vec::new();
    store.open_contents(&name).await.unwrap().read_to_end(&mut bytes).await.unwrap();
    assert!(bytes == contents());
    assert_eq!(store.read(&name, Document::Results, 10).await.unwrap().unwrap(), "{}");
    assert_eq!(store.read(&name, Document::Backup, 100).await.unwrap().unwrap(), "{\"kind\":\"Backup\"}");
}
