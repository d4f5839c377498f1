//! What valid repositories are made of.

use crate::fuzz::Random;
use std::sync::OnceLock;
use velero_repo::repository::content::ContentId;
use velero_repo::repository::format::{EpochParameters, Key, Parameters};
use velero_repo::repository::index::Entry;
use velero_repo::repository::name::BlobId;
use velero_repo::repository::seal::Seal;

/// Hash, encryption and percent of error correction of the repositories that are attacked.
const ALGORITHMS: [(&str, &str, u32); 4] = [
    ("BLAKE2B-256-128", "AES256-GCM-HMAC-SHA256", 0),
    ("HMAC-SHA256", "CHACHA20-POLY1305-HMAC-SHA256", 0),
    ("BLAKE3-256", "AES256-GCM-HMAC-SHA256", 1),
    ("BLAKE2S-256", "AES256-GCM-HMAC-SHA256", 20),
];

/// Made when they are first asked for: error correction takes a moment to set up.
static SEALS: [OnceLock<Seal>; ALGORITHMS.len()] = [const { OnceLock::new() }; ALGORITHMS.len()];

fn parameters(&(hash, encryption, percent): &(&str, &str, u32)) -> Parameters {
    Parameters {
        hash: hash.to_owned(),
        encryption: encryption.to_owned(),
        ecc: if percent > 0 { "REED-SOLOMON-CRC32".to_owned() } else { String::new() },
        ecc_overhead_percent: percent,
        secret: Key::new([1; 32]),
        master_key: Key::new([2; 32]),
        version: 3,
        max_pack_size: 20 << 20,
        index_version: 2,
        epochs: EpochParameters::default(),
        enable_password_change: true,
        splitter: "DYNAMIC-4M-BUZHASH".to_owned(),
        upgrade_lock: None,
        required_features: Vec::new(),
        unknown: serde_json::Map::new(),
    }
}

/// One of the ways in which repositories seal.
pub fn seal(choice: u8) -> &'static Seal {
    let choice = usize::from(choice) % SEALS.len();
    SEALS[choice].get_or_init(|| Seal::new(&parameters(&ALGORITHMS[choice])).expect("these algorithms are known"))
}

/// Whether the repository of that choice repairs what it reads.
pub fn repairs(choice: u8) -> bool {
    ALGORITHMS[usize::from(choice) % ALGORITHMS.len()].2 > 0
}

/// An identity with a hash of `length` bytes, 1 to 32.
pub fn content(random: &mut Random, length: usize) -> ContentId {
    let mut hash = [0; 32];
    hash.chunks_mut(8).for_each(|word| word.copy_from_slice(&random.number().to_be_bytes()));
    let prefix = *random.pick(&[None, Some(b'k'), Some(b'm'), Some(b'x'), Some(b'g'), Some(b'z')]);
    ContentId::new(prefix, &hash[..length]).expect("prefix and length are right")
}

/// Entries that fit into an index of `version`.
pub fn entries(random: &mut Random, version: u8) -> Vec<Entry> {
    let hash = *random.pick(&[16, 16, 20, 32, 1]);
    let many = if random.one_in(20) { 300 } else { 12 };
    (0..1 + random.below(many)).map(|_| entry(random, version, hash)).collect()
}

fn entry(random: &mut Random, version: u8, hash: usize) -> Entry {
    let pack = format!("{}{:032x}-s{:x}", ["p", "q"][random.below(2)], random.below(4), random.below(3));
    let long = if random.one_in(10) { 1 << 28 } else { 1 << 23 };
    let packed_length = 28 + random.below(long - 28) as u32;
    Entry {
        content: content(random, hash),
        pack: BlobId::new(pack).expect("a name of letters and digits"),
        offset: random.below(1 << 30) as u32,
        packed_length,
        original_length: if version == 1 { packed_length - 28 } else { random.below(long) as u32 },
        timestamp: i64::from(random.number() as u32),
        deleted: random.one_in(4),
        compression: if version == 1 { 0 } else { *random.pick(&[0, 0x1000, 0x1101, 0x1200]) },
        format_version: 1 + random.below(3) as u8,
        key_id: 0,
    }
}
