//! The reader of tarballs: mutated entries behind right checksums, mutated tar, and mutated gzip.

use super::tape::{self, Entry};
use super::{Random, Target, mutate};
use velero_core::ItemId;
use velero_core::archive::{Limits, Spool};

const WORDS: [&str; 18] = [
    "resources/pods/namespaces/ns/a.json",
    "resources/pods/v1-preferredversion/namespaces/ns/a.json",
    "resources/deployments.apps/namespaces/web/shop.json",
    "resources/nodes/cluster/n.json",
    "metadata/version",
    "../../etc/passwd",
    "/etc/passwd",
    "./resources/pods/cluster/x.json",
    "resources//pods",
    "resources",
    "cluster",
    "namespaces",
    ".json",
    "-preferredversion",
    "18 path=a/b/c.json\n",
    "12 size=100\n",
    "99999999999999999999 path=x\n",
    "25 GNU.sparse.major=1\n\0\0",
];

/// Reads with small limits, so that what exceeds them must be refused.
const LIMITS: Limits = Limits { object: 64 << 10, total: 1 << 20, entries: 64 };

pub struct Archive;

/// A valid archive with every kind of header that is understood.
fn entries() -> Vec<Entry> {
    let long = format!("resources/configmaps/namespaces/ns/{}.json\0", "long-".repeat(40));
    vec![
        Entry::new(b'0', "metadata/version", b"1.1.0\n"),
        Entry::new(b'5', "resources/", b""),
        Entry::new(b'0', WORDS[0], br#"{"kind":"Pod"}"#),
        Entry::new(b'0', WORDS[1], br#"{"kind":"Pod"}"#),
        Entry::new(b'0', WORDS[3], &[b' '; 600]),
        Entry::new(b'L', "././@LongLink", long.as_bytes()),
        Entry::new(b'0', "short", b"{}"),
        Entry::new(b'x', "PaxHeaders.0/x", b"47 path=resources/roles.rbac/namespaces/n/b.json\n"),
        Entry::new(b'0', "y", b""),
    ]
}

impl Target for Archive {
    fn name(&self) -> &'static str {
        "archive"
    }

    fn input(&self, random: &mut Random) -> Vec<u8> {
        let mut entries = entries();
        tape::mutate(random, &mut entries, &WORDS);
        let mut tar = tape::bytes(&entries);
        if random.one_in(4) {
            mutate::havoc(random, &mut tar, &WORDS);
        }
        if random.one_in(50) {
            tar.resize(2 << 20, 0);
        }
        let cut = if random.one_in(4) { random.below(tar.len()) } else { 0 };
        let mut packed = if cut > 0 { tape::gzip(&tar[..cut]) } else { Vec::new() };
        packed.extend(tape::gzip(&tar[cut..]));
        if random.one_in(4) {
            mutate::havoc(random, &mut packed, &WORDS);
        }
        packed
    }

    fn run(&self, input: &[u8]) {
        let spool = match Spool::read(input, &LIMITS) {
            Ok(spool) => spool,
            Err(error) => {
                assert!(error.to_string().len() < 4096, "an error of {} bytes", error.to_string().len());
                return;
            }
        };
        let mut seen = 0;
        for resource in spool.resources() {
            assert!(!resource.to_string().contains('/'), "{resource}");
            for namespace in spool.namespaces(&resource) {
                for name in spool.names(&resource, namespace) {
                    assert!(!name.contains('/') && !namespace.contains('/') && namespace != "..", "{namespace} {name}");
                    let body =
                        spool.get(&ItemId::new(resource.clone(), namespace, name)).expect("the spool is readable");
                    assert!(body.expect("what is listed is there").len() as u64 <= LIMITS.object);
                    seen += 1;
                }
            }
        }
        assert_eq!(seen, spool.len());
        assert!(spool.notes().count() <= 101);
    }
}
