"""The oracle itself works: without this, agreement with it would mean nothing."""

from kube import unique


def test_location_is_available(original):
    location = original.get("backupstoragelocations.velero.io", "default")
    assert location["status"]["phase"] == "Available"
    assert location["spec"]["backupSyncPeriod"] == "10s"


def test_backup_of_a_config_map_completes_and_restores(original, cluster, minio, namespace):
    settings = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": namespace},
        "data": {"color": "blue"},
    }
    cluster.create(settings)
    name = unique("oracle")
    backup = original.create_backup(name, f"--include-namespaces={namespace}")
    assert backup["status"]["phase"] == "Completed", backup["status"]
    keys = minio.keys(f"backups/{name}/")
    assert f"backups/{name}/velero-backup.json" in keys
    assert f"backups/{name}/{name}.tar.gz" in keys

    cluster.delete_namespace(namespace)
    restore = original.restore(name)
    assert restore["status"]["phase"] == "Completed", restore["status"]
    found = cluster.kubectl("get", f"--namespace={namespace}", "configmap", "settings")
    assert found["data"] == {"color": "blue"}

    original.delete_backup(name)
    assert minio.keys(f"backups/{name}/") == []


def test_file_system_backup_brings_volume_data_back(original, cluster, minio, namespace):
    cluster.create(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "notes", "namespace": namespace},
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "containers": [
                    {
                        "name": "main",
                        "image": "busybox:latest",
                        "imagePullPolicy": "IfNotPresent",
                        "command": ["sleep", "3600"],
                        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                    }
                ],
                "volumes": [{"name": "data", "emptyDir": {}}],
            },
        }
    )
    cluster.wait_for_pod(namespace, "notes")
    cluster.exec(namespace, "notes", "sh", "-c", "printf kept > /data/note")
    name = unique("oracle")
    backup = original.create_backup(name, f"--include-namespaces={namespace}", "--default-volumes-to-fs-backup")
    assert backup["status"]["phase"] == "Completed", backup["status"]
    assert minio.keys(f"kopia/{namespace}/kopia.repository")

    cluster.delete_namespace(namespace)
    restore = original.restore(name)
    assert restore["status"]["phase"] == "Completed", restore["status"]
    cluster.wait_for_pod(namespace, "notes")
    assert cluster.exec(namespace, "notes", "cat", "/data/note") == "kept"
    original.delete_backup(name)


def test_second_cluster_shares_nothing_with_the_first(cluster, second, namespace):
    assert cluster.has("namespace", namespace)
    assert not second.has("namespace", namespace)
    with second.namespace() as name:
        second.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token", "namespace": name}})
        assert second.items("secret", f"--namespace={name}")[0]["metadata"]["name"] == "token"
        assert not cluster.has("namespace", name)
