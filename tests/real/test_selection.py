"""The same filters select the same objects as in the original, object by object, byte for byte as JSON."""

from __future__ import annotations

import json

import pytest
import rich
from archives import Archive, differences
from kube import unique

POLICIES = """
version: v1
includeExcludePolicy:
  includedClusterScopedResources: [storageclasses]
  excludedNamespaceScopedResources: [secrets, configmaps]
"""

FILTER_POLICIES = """
version: v1
clusterScopedFilterPolicy:
  resourceFilters:
  - kinds: [clusterroles]
    names: ["rich*"]
    excludedNames: ["*-unbound"]
namespacedFilterPolicies:
- namespaces: ["rich-?"]
  resourceFilters:
  - kinds: [Secret, cm]
  - kinds: []
    orLabelSelectors: [{matchLabels: {app: web}}, {matchLabels: {app: db}}]
- namespaces: [rich-a]
  resourceFilters:
  - kinds: [deploy, pods]
    labelSelector: {matchLabels: {app: web}}
  - kinds: [configmaps]
    excludedNames: ["kube-root-ca*"]
"""

FILTERS = {
    "everything": [],
    "one_namespace": ["--include-namespaces", "rich-a"],
    "two_namespaces": ["--include-namespaces", "rich-a,rich-b"],
    "all_but_one": ["--exclude-namespaces", "rich-b"],
    "namespace_star": ["--include-namespaces", "rich-*"],
    "namespace_question_mark_and_exclude": ["--include-namespaces", "rich-?", "--exclude-namespaces", "rich-b"],
    "namespace_class": ["--include-namespaces", "rich-[ab]"],
    "namespace_wildcard_exclude": ["--exclude-namespaces", "rich-*,velero"],
    "namespace_wildcard_without_match": ["--include-namespaces", "nobody-*"],
    "namespace_that_is_missing": ["--include-namespaces", "rich-a,nobody"],
    "pods": ["--include-resources", "pods"],
    "two_resources_in_one_namespace": ["--include-resources", "deployments,configmaps", "--include-namespaces", "rich-a"],
    "short_names": ["--include-resources", "po,svc,deploy,sa", "--include-namespaces", "rich-*"],
    "kind_and_singular_names": ["--include-resources", "Secret,configmap", "--include-namespaces", "rich-b"],
    "all_resources_with_cluster": ["--include-resources", "*", "--include-cluster-resources=true"],
    "cluster_resources_beside_one_namespace": ["--include-cluster-resources=true", "--include-namespaces", "rich-a"],
    "no_cluster_resources": ["--include-cluster-resources=false"],
    "excluded_resources": ["--exclude-resources", "secrets,configmaps,po", "--include-namespaces", "rich-a,rich-c"],
    "custom_resources": ["--include-resources", f"widgets.{rich.GROUP}"],
    "custom_resources_by_glob": ["--include-resources", f"*.{rich.GROUP}"],
    "ingresses_without_group": ["--include-resources", "ingresses"],
    "ingresses_of_the_other_group": ["--include-resources", f"ingresses.{rich.OTHER_GROUP}"],
    "unknown_resource": ["--include-resources", "unicorns"],
    "claims_and_volumes": ["--include-resources", "pvc,pv", "--include-namespaces", "rich-a"],
    "claims_bring_their_volumes": ["--include-namespace-scoped-resources", "pvc", "--include-namespaces", "rich-a"],
    "accounts_bring_cluster_roles": ["--include-namespace-scoped-resources", "serviceaccounts", "--include-namespaces", "rich-a"],
    "label": ["--selector", "app=web"],
    "label_set": ["--selector", "tier in (gold,silver)"],
    "label_in_one_namespace": ["--selector", "app=web", "--include-namespaces", "rich-a"],
    "either_label": ["--or-selector", "app=web or app=db"],
    "all_cluster_scoped": ["--include-cluster-scoped-resources", "*"],
    "some_cluster_scoped": ["--include-cluster-scoped-resources", "storageclasses,clusterroles", "--include-namespaces", "rich-a"],
    "no_cluster_scoped": ["--exclude-cluster-scoped-resources", "*", "--include-namespaces", "rich-a"],
    "some_namespaced": ["--include-namespace-scoped-resources", "deployments,services"],
    "not_some_namespaced": ["--exclude-namespace-scoped-resources", "secrets,pods", "--include-namespaces", "rich-a"],
    "definitions_only_as_extra": ["--include-namespace-scoped-resources", "*", "--include-cluster-scoped-resources", "crd"],
    "ordered": ["--ordered-resources", "pods=rich-a/p2,rich-a/p1", "--include-namespaces", "rich-a"],
    "policy": ["--resource-policies-configmap", "rich-policy", "--include-namespaces", "rich-a"],
    "filter_policies": ["--resource-policies-configmap", "rich-filters", "--include-cluster-scoped-resources", "*"],
    "filter_policies_by_namespace": ["--resource-policies-configmap", "rich-filters", "--include-namespaces", "rich-a,rich-b", "--selector", "app=db"],
    "events": ["--include-resources", "events", "--include-namespaces", "rich-a"],
}


@pytest.fixture(scope="module")
def rich_cluster(cluster, original):
    """The first cluster, filled."""
    rich.build(cluster)
    for name, text in [("rich-policy", POLICIES), ("rich-filters", FILTER_POLICIES)]:
        policy = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "velero"}, "data": {"policy": text}}
        rich.apply(cluster, [policy])
    return cluster


def test_there_are_enough_combinations():
    assert len(FILTERS) >= 25


@pytest.mark.parametrize("name", FILTERS)
def test_same_selection(name, rich_cluster, original, ours, minio, tmp_path):
    flags = FILTERS[name]
    theirs = unique(f"sel-{name.replace('_', '-')}"[:50])
    status = original.create_backup(theirs, "--snapshot-volumes=false", *flags)["status"]
    result = ours("backup", "create", "mine", *flags, "--report", "json", store=tmp_path)
    assert phase_of(tmp_path) == status["phase"], f"{status}\n{result}"
    folder = tmp_path / "backups" / "mine"
    mine = Archive.read((folder / "mine.tar.gz").read_bytes(), (folder / "mine-resource-list.json.gz").read_bytes())
    bucket = minio.bucket()
    parts = [bucket.get(f"backups/{theirs}/{theirs}{ending}") for ending in (".tar.gz", "-resource-list.json.gz")]
    found = differences(Archive.read(*parts), mine)
    assert not found, "\n".join(found[:40])


def phase_of(store) -> str:
    """The phase in our document."""
    return json.loads((store / "backups" / "mine" / "velero-backup.json").read_text())["status"]["phase"]
