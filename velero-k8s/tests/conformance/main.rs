//! One table of behaviours for every implementation of the `Cluster` port.
//!
//! Comes in: the cases in `cases/*.yaml`, whose grammar is [`case`]. Each runs in a namespace of its own against the offline
//! cluster, and against a real API server when `VELERO_TEST_KUBECONFIG` names one. The real server decides what is right:
//! a case that fails there is a wrong case. All failing cases are named at once.

mod case;
mod compare;
mod run;

use case::Case;
use futures::StreamExt;
use run::Place;
use std::path::PathBuf;
use std::sync::Arc;
use velero_k8s::Cluster;
use velero_k8s::live::Live;
use velero_k8s::offline::Offline;

const CASES: [(&str, &str); 6] = [
    ("custom", include_str!("cases/custom.yaml")),
    ("defaults", include_str!("cases/defaults.yaml")),
    ("fixed", include_str!("cases/fixed.yaml")),
    ("namespaces", include_str!("cases/namespaces.yaml")),
    ("objects", include_str!("cases/objects.yaml")),
    ("services", include_str!("cases/services.yaml")),
];
/// Cases that run at the same time.
const WIDTH: usize = 6;

#[tokio::test]
async fn the_offline_cluster_conforms() {
    conforms(Arc::new(Offline::in_memory())).await;
}

#[tokio::test]
async fn a_directory_conforms() {
    let folder = tempfile::tempdir().expect("a directory");
    conforms(Arc::new(Offline::open(folder.path()).expect("opened"))).await;
    Offline::open(folder.path()).expect("what the cases left behind opens again");
}

#[tokio::test]
#[ignore = "real: needs VELERO_TEST_KUBECONFIG"]
async fn real_cluster_conforms() {
    let kubeconfig = PathBuf::from(std::env::var_os("VELERO_TEST_KUBECONFIG").expect("VELERO_TEST_KUBECONFIG is set"));
    let live = Live::connect(Some(&kubeconfig), None).await.expect("connected");
    conforms(Arc::new(live)).await;
}

async fn conforms(cluster: Arc<dyn Cluster>) {
    let only = std::env::var("VELERO_TEST_CASE").unwrap_or_default();
    let mut cases = Vec::new();
    for (file, text) in CASES {
        let found = Case::read(file, text).unwrap_or_else(|e| panic!("cases/{file}.yaml: {e}"));
        cases.extend(found.into_iter().filter(|case| case.name.contains(&only)));
    }
    assert!(cases.len() >= 60 || !only.is_empty(), "the table has {} cases", cases.len());
    let runs = cases.iter().map(|case| {
        let cluster = cluster.clone();
        async move { Place::run(cluster, case).await.err().map(|why| format!("{}: {why}", case.name)) }
    });
    let failures: Vec<_> =
        futures::stream::iter(runs).buffer_unordered(WIDTH).filter_map(|f| async { f }).collect().await;
    assert!(failures.is_empty(), "{} of {} cases fail:\n  {}", failures.len(), cases.len(), failures.join("\n  "));
}
