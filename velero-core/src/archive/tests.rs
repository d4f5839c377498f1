mod hostile;

use super::*;
use crate::ItemId;
use std::io::Write;

fn options(threads: usize) -> WriterOptions {
    WriterOptions { threads, level: DEFAULT_LEVEL, modified: 1_700_000_000 }
}

fn pod(namespace: &str, name: &str) -> ItemId {
    ItemId::new("pods", namespace, name)
}

fn archive(objects: &[(ItemId, &[u8])], threads: usize) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), options(threads)).unwrap();
    for (id, body) in objects {
        writer.add(id, "v1", true, body).unwrap();
    }
    writer.finish().unwrap().0
}

#[test]
fn u1_to_u4_paths_of_objects() {
    let id = |namespace| ItemId::new("resource", namespace, "item");
    assert_eq!(object_path(&id(""), ""), "resources/resource/cluster/item.json");
    let rooted = std::path::Path::new("root").join(object_path(&id("namespace"), ""));
    assert_eq!(rooted.to_str().unwrap(), "root/resources/resource/namespaces/namespace/item.json");
    assert_eq!(object_path(&id("namespace"), "v1"), "resources/resource/v1/namespaces/namespace/item.json");
    assert_eq!(object_path(&id(""), "v1"), "resources/resource/v1/cluster/item.json");
}

#[test]
fn what_is_written_is_read_back() {
    let long = "n".repeat(4096);
    let deployment = ItemId::new("deployments.apps", "web", "front");
    let mut writer = Writer::new(Vec::new(), options(2)).unwrap();
    writer.add(&pod("web", &long), "v1", true, b"{\"a\":1}").unwrap();
    writer.add(&deployment, "v1", true, b"{}").unwrap();
    writer.add(&deployment, "v1beta1", false, b"{\"old\":1}").unwrap();
    writer.add(&ItemId::new("clusterroles.rbac.authorization.k8s.io", "", "system:ö b"), "v1", true, b"x").unwrap();
    let (bytes, stats) = writer.finish().unwrap();
    assert_eq!((stats.items, stats.compressed_bytes), (4, bytes.len() as u64));

    let spool = Spool::read(&bytes[..], &Limits::default()).unwrap();
    let resources: Vec<_> = spool.resources().iter().map(ToString::to_string).collect();
    assert_eq!(resources, ["clusterroles.rbac.authorization.k8s.io", "deployments.apps", "pods"]);
    assert_eq!(spool.namespaces(&"pods".into()), ["web"]);
    assert_eq!(spool.namespaces(&resources[0].as_str().into()), [""]);
    assert_eq!(spool.names(&"pods".into(), "web").collect::<Vec<_>>(), [long.as_str()]);
    assert_eq!(spool.get(&pod("web", &long)).unwrap().unwrap(), "{\"a\":1}");
    assert_eq!(spool.get(&deployment).unwrap().unwrap(), "{}");
    assert_eq!(spool.get(&pod("web", "none")).unwrap(), None);
    assert_eq!(spool.versions(&"deployments.apps".into()), [("v1".to_owned(), true), ("v1beta1".to_owned(), false)]);
    assert_eq!((spool.len(), spool.format_version(), spool.notes().count()), (3, Some("1.1.0"), 0));
}

#[test]
fn the_copies_of_a_chosen_version_stand_for_the_objects() {
    let ids = ["a", "b"].map(|name| ItemId::new("widgets.x.io", "web", name));
    let mut writer = Writer::new(Vec::new(), options(1)).unwrap();
    for id in &ids {
        writer.add(id, "v2", true, b"{\"v\":2}").unwrap();
    }
    writer.add(&ids[0], "v1", false, b"{\"v\":1}").unwrap();
    let bytes = writer.finish().unwrap().0;
    let mut spool = Spool::read_versions(&bytes[..], &Limits::default()).unwrap();
    let get =
        |spool: &Spool| ids.clone().map(|id| String::from_utf8(spool.get(&id).unwrap().unwrap().to_vec()).unwrap());
    assert_eq!((spool.len(), get(&spool)), (2, [r#"{"v":2}"#, r#"{"v":2}"#].map(String::from)));
    spool.choose(&ids[0].resource, "v1");
    assert_eq!(get(&spool), [r#"{"v":1}"#, r#"{"v":2}"#], "an object without a copy is as it was");
    spool.choose(&ids[0].resource, "v2");
    assert_eq!(get(&spool), [r#"{"v":2}"#, r#"{"v":2}"#]);
    let mut plain = Spool::read(&bytes[..], &Limits::default()).unwrap();
    plain.choose(&ids[0].resource, "v1");
    assert_eq!(get(&plain), [r#"{"v":2}"#, r#"{"v":2}"#], "copies cost memory and are kept on demand only");
}

#[test]
fn bytes_do_not_depend_on_the_number_of_threads() {
    let body = vec![b'a'; 300_000];
    let objects: Vec<_> = (0..20).map(|i| (pod("ns", &format!("p{i}")), body.as_slice())).collect();
    let one = archive(&objects, 1);
    assert_eq!(one, archive(&objects, 3));
    assert_eq!(one.windows(4).filter(|w| w == b"\x1f\x8b\x08\x00").count(), 11, "members of about 1 MiB");
}

#[test]
fn r19_an_archive_without_resources_is_empty() {
    let spool = Spool::read(&archive(&[], 1)[..], &Limits::default()).unwrap();
    assert!(spool.is_empty() && !spool.has_resources());
}

/// Fails at the n-th write, or panics.
struct Faulty(usize, bool);

impl Write for Faulty {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0 == 0 {
            assert!(!self.1, "the sink panics");
            return Err(std::io::Error::other("disk full"));
        }
        self.0 -= 1;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_failing_or_panicking_sink_is_an_error_and_never_hangs() {
    for (after, panics, text) in [(0, false, "disk full"), (2, false, "disk full"), (1, true, "panicked")] {
        let mut writer = Writer::new(Faulty(after, panics), options(2)).unwrap();
        let noise: Vec<u8> = (0..300_000u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        let outcome = (0..9).try_for_each(|i| writer.add(&pod("ns", &format!("p{i}")), "v1", true, &noise));
        let error = outcome.and_then(|()| writer.finish().map(drop)).unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains(text), "{source}");
    }
}

#[test]
fn names_that_change_the_tree_are_not_written() {
    let mut writer = Writer::new(Vec::new(), options(1)).unwrap();
    for id in [pod("..", "a"), pod("ns", "a/b"), pod("ns", ""), pod("a/b", "c"), pod("ns", "a\0b")] {
        assert!(writer.add(&id, "v1", true, b"{}").is_err(), "{id}");
    }
    assert!(writer.add(&pod("ns", "a"), "../v1", true, b"{}").is_err());
}
