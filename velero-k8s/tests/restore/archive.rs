//! Backups made for a test, object by object.

use bytes::Bytes;
use serde_json::{Value, json};
use velero_core::archive::{Writer, WriterOptions};
use velero_core::{ItemId, api};
use velero_k8s::Cluster;
use velero_k8s::offline::Offline;
use velero_repo::store::StoreOptions;
use velero_repo::{BackupName, BackupStore, Document, Store};

/// What a backup of the name `b` holds.
#[derive(Default)]
pub struct Archive {
    /// Identity, version, whether that is the preferred one, and bytes.
    pub objects: Vec<(ItemId, String, bool, Vec<u8>)>,
    pub volume_infos: Option<Vec<Value>>,
    pub pod_volume_backups: Vec<Value>,
    pub snapshots: Vec<Value>,
}

impl Archive {
    /// Adds objects of built-in kinds.
    pub async fn with(mut self, objects: impl IntoIterator<Item = Value>) -> Self {
        let table = Offline::in_memory().discover().await.unwrap().table;
        for object in objects {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let row = table.by_kind(&text(&object["apiVersion"]), &text(&object["kind"])).expect("a built-in kind");
            let metadata = &object["metadata"];
            let id = ItemId::new(row.group_resource(), text(&metadata["namespace"]), text(&metadata["name"]));
            self.objects.push((id, row.version.clone(), true, object.to_string().into_bytes()));
        }
        self
    }

    /// Adds any bytes.
    pub fn raw(self, resource: &str, namespace: &str, name: &str, body: &str) -> Self {
        self.copy(ItemId::new(resource, namespace, name), "v1", true, body)
    }

    /// Adds any bytes as the copy of one version.
    pub fn copy(mut self, id: ItemId, version: &str, preferred: bool, body: &str) -> Self {
        self.objects.push((id, version.into(), preferred, body.as_bytes().to_vec()));
        self
    }

    /// A store in memory with this backup.
    pub async fn store(self) -> BackupStore {
        let store = BackupStore::new(Store::open("memory://", &StoreOptions::default()).unwrap());
        self.save(&store).await;
        store
    }

    /// Puts this backup into `store`.
    pub async fn save(self, store: &BackupStore) {
        let mut writer = store.create(&BackupName::new("b").unwrap()).await.unwrap();
        let sink = writer.contents().await.unwrap();
        let objects = self.objects;
        let write = move || {
            let mut archive = Writer::new(sink, WriterOptions { threads: 1, level: 1, modified: 0 }).unwrap();
            for (id, version, preferred, body) in objects {
                archive.add(&id, &version, preferred, &body).unwrap();
            }
            archive.finish().unwrap().0.close().unwrap();
        };
        tokio::task::spawn_blocking(write).await.unwrap();
        let bytes = |value: &Vec<Value>| Bytes::from(json!(value).to_string());
        if let Some(infos) = &self.volume_infos {
            writer.put(Document::VolumeInfo, bytes(infos)).await.unwrap();
        }
        writer.put(Document::PodVolumeBackups, bytes(&self.pod_volume_backups)).await.unwrap();
        writer.put(Document::VolumeSnapshots, bytes(&self.snapshots)).await.unwrap();
        let mut backup = api::Backup::new("b", api::BackupSpec::default());
        backup.status.phase = Some(api::BackupPhase::Completed);
        writer.finish(Bytes::from(serde_json::to_vec(&backup).unwrap())).await.unwrap();
    }
}
