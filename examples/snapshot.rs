//! Takes a snapshot of a directory, loses the directory, restores it and verifies the repository, which is in Kopia's
//! format and can be opened with `kopia` as well.
//!
//! `cargo run -p examples --example snapshot`; replace the store's address by your own, such as `s3://bucket/prefix`.

use std::fs;
use std::sync::Arc;
use velero_repo::repository::blob::BlobStore;
use velero_repo::repository::browse::Found;
use velero_repo::repository::download::Download;
use velero_repo::repository::format::{CreateOptions, Password};
use velero_repo::repository::manifest::{TYPE, labels};
use velero_repo::repository::open::{OpenOptions, Repository};
use velero_repo::repository::policy::Policy;
use velero_repo::repository::snapshot::{SNAPSHOT, Snapshot, Source};
use velero_repo::repository::tree::{LocalOptions, LocalSink, LocalSource};
use velero_repo::repository::upload::Upload;
use velero_repo::repository::verify::{Level, VerifyOptions, verify};
use velero_repo::{Store, StoreOptions};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let place = tempfile::tempdir()?;
    let (notes, blobs) = (place.path().join("notes"), place.path().join("repository"));
    fs::create_dir(&notes)?;
    fs::create_dir(&blobs)?;
    fs::write(notes.join("today"), "the color is blue")?;

    let store = Store::open(&format!("file://{}", blobs.display()), &StoreOptions::default())?;
    let blobs = BlobStore::open(&store).await?;
    let password = Password::new("correct horse battery staple");
    let repository =
        Repository::create(blobs, CreateOptions::new(password.clone()), OpenOptions::new(password)).await?;

    let source = Source::new("laptop", "me", notes.display().to_string());
    let upload = Upload::new(source, Policy::kopia_default());
    let taken = upload.run(&repository, Arc::new(LocalSource::open(&notes, LocalOptions::default())?)).await?;
    println!("snapshot {}: {} files", taken.id, taken.snapshot.stats.file_count);
    fs::remove_dir_all(&notes)?;

    for record in repository.manifests(&labels([(TYPE, SNAPSHOT)])).await?.iter() {
        let snapshot = Snapshot::from_record(record)?;
        println!("{} {} {} bytes", snapshot.start_time, snapshot.source, snapshot.stats.total_size);
    }

    fs::create_dir(&notes)?;
    let restore = Download::new(Found::root(taken.id, taken.snapshot)?);
    restore.run(&repository, Arc::new(LocalSink::open(&notes)?)).await?;
    let report = verify(&repository, &VerifyOptions::new(Level::Everything)).await?;
    anyhow::ensure!(report.is_whole(), "the repository is damaged: {:?}", report.damages);
    anyhow::ensure!(fs::read_to_string(notes.join("today"))? == "the color is blue", "the notes did not come back");
    println!("the notes are back");
    Ok(())
}
