//! Names in a listing, identities in text, and what is concluded from a listing.

use crate::fuzz::{Random, Target, mutate};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::path::Component;
use velero_repo::repository::blob::{BlobInfo, Shards};
use velero_repo::repository::content::ContentId;
use velero_repo::repository::epoch::{IndexWrite, State, v0};
use velero_repo::repository::format::EpochParameters;
use velero_repo::repository::gojson::Time;
use velero_repo::repository::manifest::ManifestId;
use velero_repo::repository::name::{BlobId, Family};
use velero_repo::repository::object::ObjectId;

const WORDS: [&str; 30] = [
    "kopia.repository\n",
    "kopia.blobcfg\n",
    "kopia.repository.backup.x\n",
    "p0123456789abcdef0123456789abcdef-s0123\n",
    "q0123456789abcdef0123456789abcdef-s0123\n",
    "xn0_0123456789abcdef0123456789abcdef-s1-c1\n",
    "xn7_0123456789abcdef0123456789abcdef-s1-c2\n",
    "xs5_0123456789abcdef0123456789abcdef-s2-c1\n",
    "xr0_5_0123456789abcdef0123456789abcdef-s3-c1\n",
    "xr6_6_0123456789abcdef0123456789abcdef\n",
    "xe6\n",
    "xe4294967295\n",
    "xw1700000000\n",
    "xw-9223372036854775808\n",
    "n0123456789abcdef0123456789abcdef\n",
    "m0123456789abcdef0123456789abcdef-s1-c1\n",
    "_log_20261121_0123_abcd_1_2_1_x\n",
    "s0123456789abcdef0123456789abcdef-s4\n",
    "{\"inputMetadata\":[{\"id\":\"n1\"}],\"outputMetadata\":[{\"id\":\"n2\"}]}\n",
    "Ix048cfe1c163b716bf2bdfa5777ae356a\n",
    "k048cfe1c163b716bf2bdfa5777ae356a\n",
    "2026-11-21T12:00:00.123456789+02:30\n",
    "{\"default\":[2,1],\"maxNonShardedLength\":3,\"overrides\":[{\"prefix\":\"p\",\"shards\":[1,2]}]}\n",
    "../..\n",
    "18446744073709551616",
    "-s",
    "-c0",
    "_",
    "ä",
    "\n",
];

pub struct Names;

impl Target for Names {
    fn name(&self) -> &'static str {
        "names"
    }

    fn memory(&self) -> usize {
        64 << 20 // listings of up to 20 000 names, in several shapes
    }

    fn input(&self, random: &mut Random) -> Vec<u8> {
        let count = 1 + random.below(24);
        let mut listing: Vec<u8> = (0..count).flat_map(|_| random.pick(&WORDS).bytes()).collect();
        if !random.one_in(8) {
            mutate::havoc(random, &mut listing, &WORDS);
        }
        listing
    }

    fn run(&self, input: &[u8]) {
        let text = String::from_utf8_lossy(input);
        let names: BTreeSet<&str> = text.lines().collect();
        names.iter().for_each(|line| identities(line));
        let blobs = names.iter().enumerate().filter_map(|(place, name)| {
            let modified = Timestamp::from_second(1_700_000_000 + place as i64 * 1_000).ok()?;
            Some(BlobInfo { id: BlobId::new(*name).ok()?, length: 1 << (place % 64), modified })
        });
        let listing: Vec<BlobInfo> = blobs.collect();
        epochs(&listing);
        let stored = names.iter().filter_map(|line| Shards::parse(line.as_bytes()).ok());
        stored.chain([Shards::new(), Shards::absent()]).for_each(|shards| places(&shards, &listing));
        without_epochs(&listing);
        assert!(v0::compaction_logs(&listing).count() <= listing.len());
    }
}

/// The listing of a repository without epochs, each log in it merging some index blobs into the others.
fn without_epochs(listing: &[BlobInfo]) {
    let indexes: Vec<BlobInfo> = listing.iter().filter(|blob| blob.id.family() == Family::Index).cloned().collect();
    let logs = v0::compaction_logs(listing).enumerate().filter_map(|(number, log)| {
        let (inputs, outputs) = indexes.split_at(number % (indexes.len() + 1)); // not beyond the end
        Some((log.clone(), v0::CompactionLog::new(inputs, outputs).ok()?))
    });
    let state = v0::State::of(listing, logs.collect());
    assert!(state.active().iter().all(|blob| blob.id.family() == Family::Index));
    assert!(state.compaction(1 << 20).len() <= indexes.len());
    let steps = state.superseded(Timestamp::MAX);
    assert!(steps.iter().map(Vec::len).sum::<usize>() <= indexes.len());
    assert!(state.over(Timestamp::MAX).all(|log| log.id.family() == Family::CompactionLog));
}

fn identities(text: &str) {
    if let Ok(id) = BlobId::new(text) {
        let _ = (id.family(), id.session(), id.set(), id.iv());
        assert_eq!(id.as_str(), text);
    }
    if let Ok(id) = ContentId::parse(text) {
        assert_eq!(ContentId::parse(&id.to_string()).ok(), Some(id));
        assert_eq!(ContentId::from_key(id.key()).ok(), Some(id));
    }
    if let Ok(id) = ObjectId::parse(text) {
        assert_eq!(ObjectId::parse(&id.to_string()).ok(), Some(id));
    }
    if let Ok(time) = Time::parse(text) {
        assert_eq!(Time::parse(&time.to_string()).ok(), Some(time));
    }
    if let Ok(id) = ManifestId::parse(text) {
        assert!(!id.as_str().contains(['/', '.']));
    }
}

/// Every blob lies in the repository, and its path tells its name.
fn places(shards: &Shards, listing: &[BlobInfo]) {
    for blob in listing {
        let Ok(path) = shards.path(&blob.id) else { continue };
        let parts: Vec<_> = path.components().collect();
        assert!(parts.iter().all(|part| matches!(part, Component::Normal(_))), "{path:?}");
        let name: String = parts.iter().map(|part| part.as_os_str().to_string_lossy()).collect();
        assert_eq!(name.strip_suffix(".f"), Some(blob.id.as_str()));
    }
}

/// Every blob that was written in an epoch is active unless others replace it, and none is active twice.
fn epochs(listing: &[BlobInfo]) {
    let (taken, parameters) = (Timestamp::UNIX_EPOCH, EpochParameters::default());
    let state = State::of(listing, taken, &parameters);
    let active = state.active();
    let names: BTreeSet<_> = active.iter().map(|blob| &blob.id).collect();
    assert_eq!(names.len(), active.len(), "a blob is active twice");
    assert!(active.iter().all(|blob| listing.contains(blob)));
    let replaced = |blob: &BlobInfo| matches!(blob.id.family(), Family::Single(_) | Family::Range(..));
    if !listing.iter().any(replaced) {
        let written = listing.iter().filter(|blob| matches!(blob.id.family(), Family::Uncompacted(_)));
        assert_eq!(written.count(), active.len(), "a blob was left out that nothing replaces");
    }
    let _ = (state.advance(), state.watermark(), state.is_settled(u64::MAX), state.raise_watermark(taken));
    let _ =
        IndexWrite::begin(&state, taken).map(|write| (write.before_put(&state, taken), write.after_last_put(&state)));
    for compaction in state.single_compaction().into_iter().chain(state.range_compaction()) {
        assert!(
            compaction.first <= compaction.last && state.is_settled(compaction.last) && !compaction.inputs.is_empty()
        );
    }
    for gone in state.cleanup() {
        assert!(listing.iter().any(|blob| blob.id == gone), "{gone} is not there");
    }
}
