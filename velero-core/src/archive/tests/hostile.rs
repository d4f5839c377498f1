use super::*;
use crate::ErrorKind;
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use tar::{EntryType, Header};

const POD: &str = "resources/pods/namespaces/ns/a.json";

/// One tar entry, padded, with whatever name and type.
fn entry(path: &[u8], kind: EntryType, body: &[u8]) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..path.len()].copy_from_slice(path);
    header.set_entry_type(kind);
    header.set_mode(0o755);
    header.set_size(body.len() as u64);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(body);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn file(path: &str, body: &[u8]) -> Vec<u8> {
    entry(path.as_bytes(), EntryType::Regular, body)
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// The entries as an archive with its proper end.
fn archive_of(entries: &[Vec<u8>]) -> Vec<u8> {
    gzip(&[entries.concat(), vec![0; 1024]].concat())
}

fn read(bytes: &[u8]) -> crate::Result<Spool> {
    Spool::read(bytes, &Limits::default())
}

#[track_caller]
fn refused(bytes: &[u8], entry: &str, reason: &str) {
    let Err(error) = read(bytes) else { panic!("{entry}: {reason}: accepted") };
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    let text = error.to_string();
    assert!(text.contains(entry) && text.contains(reason), "{text} lacks {entry:?} or {reason:?}");
}

#[test]
fn entries_that_lead_astray_are_refused_by_name() {
    let one = |path: &str, kind| archive_of(&[entry(path.as_bytes(), kind, b"")]);
    for (path, reason) in [
        ("../resources/pods/cluster/a.json", "leaves"),
        ("resources/pods/../../a.json", "leaves"),
        ("/resources/pods/cluster/a.json", "absolute"),
        ("resources//pods/a.json", "empty segment"),
        ("resources/./pods/a.json", "empty segment"),
        ("resources/pods/cluster/a.json/", "slash"),
    ] {
        refused(&one(path, EntryType::Regular), path, reason);
    }
    for kind in [EntryType::Symlink, EntryType::Link, EntryType::Char, EntryType::Block, EntryType::Fifo] {
        refused(&one(POD, kind), POD, "neither a file nor a directory");
    }
    refused(&one(POD, EntryType::GNUSparse), POD, "neither");
    refused(&archive_of(&[entry(b"resources/\xff", EntryType::Regular, b"")]), "resources/", "UTF-8");
    refused(&archive_of(&[entry(b"resources", EntryType::Directory, b"x")]), "resources", "directory with content");
}

#[test]
fn damage_is_refused() {
    let whole = archive(&[(pod("ns", "a"), b"{\"a\":1}"), (pod("ns", "b"), b"{}")], 1);
    for cut in 0..whole.len() {
        assert_eq!(read(&whole[..cut]).err().map(|e| e.kind()), Some(ErrorKind::Corrupt), "cut at {cut}");
    }
    refused(&[&whole[..], b"garbage"].concat(), "", "gzip");
    refused(&[&whole[..], b"\0\0\0\0\0\0\0\0\0\0\0\0"].concat(), "", "gzip");
    refused(&gzip(&[file(POD, b"{}"), vec![0; 1024], file(POD, b"{}")].concat()), "end of the archive", "data behind");
    refused(&gzip(&[file(POD, b"{}"), vec![0; 512]].concat()), POD, "cut off");
    refused(&gzip(&file(POD, b"{}")), POD, "cut off");
    let mut damaged = file(POD, b"{}");
    damaged[5] ^= 1;
    refused(&archive_of(&[damaged]), "start", "header");
}

#[test]
fn limits_hold() {
    let bytes = archive_of(&[file(POD, &[b' '; 2000]), file("resources/pods/namespaces/ns/b.json", b"{}")]);
    let refused = |limits: Limits, entry: &str| {
        let text = Spool::read(&bytes[..], &limits).err().unwrap().to_string();
        assert!(text.contains(entry), "{text}");
    };
    refused(Limits { object: 1999, ..Limits::default() }, POD);
    refused(Limits { entries: 1, ..Limits::default() }, POD);
    refused(Limits { total: 3000, ..Limits::default() }, POD);
    let bomb = Limits { total: 1 << 20, ..Limits::default() };
    assert!(Spool::read(&gzip(&vec![0; 8 << 20])[..], &bomb).is_err(), "zeros behind the end count too");
    let long = entry(b"././@LongLink", EntryType::GNULongName, &vec![b'a'; 70_000]);
    super::hostile::refused(&archive_of(&[long]), "start", "70000 bytes");
}

#[test]
fn an_object_may_come_twice_only_with_the_same_bytes() {
    let twice = |second: &[u8]| archive_of(&[file(POD, b"{}"), file(POD, second)]);
    refused(&twice(b"{ }"), POD, "twice with different content");
    let spool = read(&twice(b"{}")).unwrap();
    assert_eq!(spool.len(), 1);
    assert_eq!(spool.notes().collect::<Vec<_>>(), ["pods ns/a comes twice with the same content; one copy was kept"]);
}

#[test]
fn unknown_files_are_ignored_and_noted() {
    let unknown = ["resources/x.json", "resources/pods/namespaces/ns/a.yaml", "resources/pods/cluster/deep/a.json"];
    let mut entries: Vec<_> = unknown.iter().map(|path| file(path, b"?")).collect();
    entries.push(entry(b"resources/pods/namespaces/ns/", EntryType::Directory, b""));
    entries.push(file(&format!("./{POD}"), b"{}"));
    let spool = read(&archive_of(&entries)).unwrap();
    assert_eq!((spool.len(), spool.format_version()), (1, None));
    let notes: Vec<_> = spool.notes().collect();
    assert_eq!(notes.len(), 3);
    assert!(unknown.iter().all(|path| notes.iter().any(|note| note.starts_with(path))), "{notes:?}");
}

/// What Go writes: PAX records for long or non-ASCII names, USTAR prefixes for others.
#[test]
fn headers_as_velero_writes_them_are_understood() {
    let path = format!("resources/pods/namespaces/ns/{}.json", "ö".repeat(200));
    let record = |length: usize| format!("{length} path={path}\n");
    let length = (1..999).find(|&length| record(length).len() == length).unwrap();
    let pax = entry(b"PaxHeaders.0/x", EntryType::XHeader, record(length).as_bytes());
    let mut header = Header::new_ustar();
    let prefixed = format!("resources/pods/namespaces/{}/{}.json", "n".repeat(60), "p".repeat(60));
    header.set_path(&prefixed).unwrap();
    header.set_entry_type(EntryType::Regular);
    header.set_size(0);
    header.set_cksum();
    let spool = read(&archive_of(&[pax, file("short", b"{}"), header.as_bytes().to_vec()])).unwrap();
    assert_eq!(spool.get(&pod("ns", &"ö".repeat(200))).unwrap().unwrap(), "{}");
    assert_eq!(spool.get(&pod(&"n".repeat(60), &"p".repeat(60))).unwrap().unwrap(), "");
    let broken = entry(b"x", EntryType::XHeader, b"99 path=a\n");
    refused(&archive_of(&[broken, file("short", b"")]), "start", "PAX");
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z0-9]([a-z0-9.:-]{0,30}[a-z0-9])?",
        1 => "[a-z]{90,300}",
        1 => "[^/\0]{1,40}",
    ]
}

/// An object, its version, whether that one is preferred, and its body.
fn object() -> impl Strategy<Value = (ItemId, bool, Vec<u8>)> {
    let resource = prop_oneof![Just("pods"), Just("deployments.apps"), Just("roles.rbac.authorization.k8s.io")];
    let namespace = prop_oneof![Just(String::new()), "[a-z][a-z0-9-]{0,20}"];
    let body = prop_oneof![
        9 => prop::collection::vec(any::<u8>(), 0..2000),
        1 => (0..60_000usize).prop_map(|size| vec![b'{'; size]),
    ];
    let id = (resource, namespace, name()).prop_map(|(r, ns, n)| ItemId::new(r, ns, n));
    (id, any::<bool>(), body)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_objects_survive(objects in prop::collection::vec(object(), 0..40), threads in 1usize..5) {
        let mut expected = std::collections::BTreeMap::new();
        let mut writer = Writer::new(Vec::new(), options(threads)).unwrap();
        for (id, preferred, body) in objects {
            if let std::collections::btree_map::Entry::Vacant(slot) = expected.entry(id) {
                writer.add(slot.key(), "v1", preferred, &body).unwrap();
                slot.insert(preferred.then_some(body));
            }
        }
        let bytes = writer.finish().unwrap().0;
        let spool = read(&bytes).unwrap();
        prop_assert_eq!(spool.len(), expected.values().flatten().count());
        for (id, body) in &expected {
            prop_assert_eq!(spool.get(id).unwrap(), body.clone().map(Into::into));
        }
        let listed: Vec<_> = spool.resources().into_iter().flat_map(|resource| {
            let spool = &spool;
            spool.namespaces(&resource).into_iter().flat_map(move |namespace| {
                let resource = resource.clone();
                spool.names(&resource.clone(), namespace).map(move |name| ItemId::new(resource.clone(), namespace, name))
            })
        }).collect();
        let stored: std::collections::BTreeSet<_> = expected.iter().filter(|(_, b)| b.is_some()).map(|(id, _)| id.clone()).collect();
        prop_assert_eq!(listed.len(), stored.len());
        prop_assert!(listed.iter().all(|id| stored.contains(id)));
    }

    /// Changing the tar under an intact gzip and with good checksums is what a hostile writer can do.
    #[test]
    fn mutated_archives_never_panic(flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let plain = [file(POD, b"{\"a\":1}"), entry(b"././@LongLink", EntryType::GNULongName, b"resources/pods/cluster/x.json\0"),
            file("x", b"{}"), entry(b"p", EntryType::XHeader, b"12 path=abc\n"), file("y", b"{}"), vec![0; 1024]].concat();
        let mut tar = plain.clone();
        let mut packed = gzip(&plain);
        for (at, value) in &flips {
            tar[at.index(plain.len())] = *value;
            let at = at.index(packed.len());
            packed[at] = *value;
        }
        for at in (0..5 * 1024).step_by(1024) {
            let mut header = Header::from_byte_slice(&tar[at..at + 512]).clone();
            header.set_cksum();
            tar[at..at + 512].copy_from_slice(header.as_bytes());
        }
        for bytes in [gzip(&tar), packed] {
            if let Ok(spool) = read(&bytes) {
                for resource in spool.resources() {
                    let all = spool.namespaces(&resource).into_iter().map(|namespace| spool.names(&resource, namespace).count());
                    prop_assert!(all.sum::<usize>() <= spool.len());
                }
            }
        }
    }
}
