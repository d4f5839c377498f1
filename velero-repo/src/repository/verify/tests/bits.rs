//! Every byte of every kind of blob, with one bit of it changed: found, or of a class that carries no information.

use super::*;
use crate::repository::index::sealed_blob;
use crate::repository::name::{BlobId, FORMAT, MAINTENANCE};
use std::ops::Range;

/// Members of the format blob that nobody reads.
const SPOKEN: [&str; 3] = ["tool", "buildVersion", "buildInfo"];

/// A repository with blobs of every family, small ones.
async fn full(bench: &Bench) -> Repository {
    let repository = bench.create_for_velero().await;
    bench.write("some/file", b"hello");
    bench.snapshot(&repository).await;
    bench.leave_marker(&repository).await;
    let schedule = br#"{"nextFullMaintenance":"2026-11-22T12:00:00Z","nextQuickMaintenance":"2026-11-21T13:00:00Z","runs":{"snapshot-gc":[{"start":"2026-11-21T12:00:00Z","end":"2026-11-21T12:00:01Z","success":true}]}}"#;
    let schedule = repository.format().seal_schedule(schedule).unwrap();
    let log = sealed_blob(&repository.seal(), "_log_20261121120000_1a2b_", "s0-c1", b"{\"msg\":\"done\"}").unwrap();
    let document = fs::read(bench.path(&BlobId::new(FORMAT).unwrap())).unwrap();
    let blobs: [(&str, Vec<u8>); 6] = [
        (MAINTENANCE, schedule),
        (log.0.as_str(), log.1),
        ("xw1600000000", b"deletion-watermark".to_vec()),
        ("xe0", b"epoch-marker".to_vec()),
        ("kopia.repository.backup.somebody", document),
        ("n00000000000000000000000000000000-repository_unreadable_by_this_kopia_version_upgrade_required", vec![0]),
    ];
    for (name, bytes) in blobs {
        repository.blobs().put(&BlobId::new(name).unwrap(), bytes.into()).await.unwrap();
    }
    repository.refresh().await.unwrap();
    repository
}

/// Changes one bit in each of these bytes in turn; returns those where verifying found nothing, and where what is
/// opened anew is as whole as before.
async fn unnoticed(bench: &Bench, repository: &Repository, id: &BlobId, places: &[usize]) -> Vec<usize> {
    let level = match id.family() {
        Family::Log | Family::Pack(_) => Level::Everything,
        _ => Level::Index,
    };
    let options = VerifyOptions { workers: 1, ..VerifyOptions::new(level) };
    let (path, mut unnoticed) = (bench.path(id), Vec::new());
    let whole = fs::read(&path).unwrap();
    for &at in places {
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        fs::write(&path, damaged).unwrap();
        let report = verify(repository, &options).await.unwrap();
        let damages = report.damages.iter().map(|damage| &damage.what);
        let found: BTreeSet<_> = damages.chain(report.warnings.iter().map(|warning| &warning.what)).collect();
        if found.is_empty() {
            unnoticed.push(at);
            let again = repository.open_like(bench.blobs().await, bench.options()).await;
            let again = again.unwrap_or_else(|error| panic!("{id} at {at}: {error}"));
            assert_eq!(
                again.view().await.unwrap().ordinals(),
                repository.view().await.unwrap().ordinals(),
                "{id} at {at}"
            );
            assert_eq!(again.format().settings, repository.format().settings, "{id} at {at}");
            assert_eq!(again.seal().hash(b"same key")[..], repository.seal().hash(b"same key")[..], "{id} at {at}");
        } else {
            assert!(found.iter().all(|what| what.as_str() == id.as_str()), "{id} at {at}: {found:?}");
        }
    }
    fs::write(&path, whole).unwrap();
    unnoticed
}

/// Where the format blob has nothing to say: between its members, and in those that nobody reads.
fn silent(document: &str) -> Vec<Range<usize>> {
    let lines = document.split_inclusive('\n').scan(0, |at, line| {
        let start = *at;
        *at += line.len();
        Some((start, line))
    });
    let mut silent = Vec::new();
    for (start, line) in lines {
        let (from, to) = (line.len() - line.trim_start().len(), line.trim_end().len());
        let spoken = SPOKEN.iter().any(|name| line.trim_start().starts_with(&format!("\"{name}\"")));
        if spoken {
            silent.push(start..start + line.len());
        } else {
            silent.extend([start..start + from, start + to..start + line.len()]);
            silent.extend(line.find(": ").map(|colon| start + colon + 1..start + colon + 2));
        }
    }
    silent
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bit_in_any_byte_of_a_small_blob_is_found_unless_nobody_reads_it() {
    let bench = Bench::new();
    let repository = full(&bench).await;
    let mut families = BTreeSet::new();
    for blob in repository.blobs().list("").await.unwrap() {
        let family = blob.id.family();
        let new = families.insert(format!("{family:?}").split('(').next().unwrap_or_default().to_owned());
        if matches!(family, Family::Pack(_)) || !new {
            continue;
        }
        let step = if family == Family::FormatBackup { 29 } else { 1 };
        let all: Vec<usize> = (0..blob.length as usize).step_by(step).collect();
        let document = fs::read_to_string(bench.path(&blob.id)).unwrap_or_default();
        let unnoticed = unnoticed(&bench, &repository, &blob.id, &all).await;
        match family {
            Family::Format => {
                let silent = silent(&document);
                let loud: Vec<_> =
                    unnoticed.iter().filter(|at| !silent.iter().any(|range| range.contains(at))).collect();
                assert!(loud.is_empty(), "{loud:?} of {document}");
                assert!(!unnoticed.is_empty(), "the class is not empty");
            }
            // Their names say everything, or nobody ever reads them.
            Family::EpochMarker(_) | Family::Watermark(_) | Family::FormatBackup | Family::Poison => {
                assert_eq!(unnoticed, all, "{}", blob.id);
            }
            _ => assert!(unnoticed.is_empty(), "{} at {unnoticed:?}", blob.id),
        }
    }
    let expected = [
        "BlobSettings",
        "EpochMarker",
        "Format",
        "FormatBackup",
        "InitMarker",
        "Log",
        "Maintenance",
        "Pack",
        "Poison",
        "Session",
        "Uncompacted",
        "Watermark",
    ];
    assert_eq!(families.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    assert!(everything(&repository).await.is_whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bit_in_any_byte_of_a_pack_is_found_unless_it_is_of_the_random_ones() {
    let bench = Bench::new();
    let repository = full(&bench).await;
    for prefix in ["p", "q"] {
        let blob = repository.blobs().list(prefix).await.unwrap().into_iter().next().unwrap();
        let rows = repository.view().await.unwrap();
        let rows = rows.rows().filter(|(_, row)| row.pack == blob.id.as_str());
        let used: Vec<Range<usize>> =
            rows.map(|(_, row)| row.offset as usize..(row.offset + row.packed_length) as usize).collect();
        // Everything from the sealed local index on, which begins at the last full 4096 bytes.
        let trailer = blob.length as usize / 4096 * 4096;
        let carries = |at: &usize| *at >= trailer || used.iter().any(|range| range.contains(at));
        let length = blob.length as usize;
        let informed: Vec<usize> = (0..length).filter(carries).collect();
        let random: Vec<usize> = (0..length).filter(|at| !carries(at)).step_by(89).collect();
        let missed = unnoticed(&bench, &repository, &blob.id, &informed).await;
        assert!(missed.is_empty(), "{} at {missed:?} of {length}", blob.id);
        assert_eq!(unnoticed(&bench, &repository, &blob.id, &random).await, random, "{}", blob.id);
    }
}
