//! A repository in Kopia's format: snapshots of trees, deduplicated, encrypted, in any object store.
//!
//! ```text
//! out  tree > upload > object > splitter > content > seal > pack > index > manifest > blob
//! in   blob > manifest > index > pack > seal > content > object > download > tree
//! ```
//!
//! Comes in: trees through [`tree`], a store, a password. Goes out: blobs that Kopia and Velero read as their own, and
//! the other way round. Only [`blob`] and what moves bytes through it is asynchronous; hashing, sealing and splitting
//! happen on plain threads. `docs/formats.md` describes the bytes.
//!
//! ```
//! use velero_repo::repository::{blob::BlobStore, format::Password, open::{OpenOptions, Repository}};
//! use velero_repo::repository::session::{Session, SessionOptions};
//! use velero_repo::{Result, Store, StoreOptions};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<()> {
//! let store = Store::open("memory://", &StoreOptions::default())?;
//! let blobs = BlobStore::of_namespace(&store, "web").await?;
//! let options = OpenOptions::new(Password::new("correct horse"));
//! let repository = Repository::create_for_velero(blobs, options).await?;
//!
//! let session = Session::begin(&repository, SessionOptions::default()).await?;
//! let mut writer = session.writer();
//! let written = std::thread::spawn(move || writer.write(None, b"hello", None)).join();
//! let id = written.expect("the thread ends")?;
//! session.commit().await?;
//! assert_eq!(repository.read_content(&id).await?, "hello");
//! # Ok(())
//! # }
//! ```

mod ancestors;
pub mod blob;
pub mod browse;
pub mod clock;
pub mod content;
pub mod diff;
mod direct;
pub mod directory;
pub mod download;
pub mod epoch;
pub mod format;
pub mod gojson;
pub mod index;
pub mod lanes;
pub mod maintenance;
pub mod manifest;
pub mod name;
pub mod object;
pub mod open;
pub mod pack;
pub mod policy;
pub mod rules;
pub mod seal;
pub mod session;
pub mod snapshot;
pub mod splitter;
pub mod status;
pub mod tree;
pub mod upload;
pub mod verify;
