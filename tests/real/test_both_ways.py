"""Each program lists, describes, downloads, restores and deletes the other's backups."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile

from application import assert_same
from kube import unique


def location_phase(original) -> str:
    return original.get("backupstoragelocations.velero.io", "default")["status"]["phase"]


def backup_by_ours(ours, minio, app, *flags: str) -> str:
    name = unique("mine")
    ours("backup", "create", name, f"--include-namespaces={app.namespace}", *flags, store=minio.address()).ok()
    return name


def test_original_restores_our_backup(cluster, original, ours, minio, application, tmp_path):
    before = application.snapshot(cluster)
    name = backup_by_ours(ours, minio, application)
    synced = original.wait_for_sync(name)
    assert synced["status"]["phase"] == "Completed"
    assert synced["status"]["progress"]["itemsBackedUp"] > 10

    described = original.run("backup", "describe", name, "--details").ok().out
    assert "v1/ConfigMap" in described and f"{application.namespace}/settings" in described
    original.run("backup", "logs", name).ok()
    file = tmp_path / "theirs.tar.gz"
    original.run("backup", "download", name, f"--output={file}").ok()
    with tarfile.open(file, "r:gz") as tar:
        assert f"resources/configmaps/namespaces/{application.namespace}/settings.json" in tar.getnames()

    application.remove(cluster)
    restore = original.restore(name)
    assert restore["status"]["phase"] == "Completed", restore["status"]
    assert_same(before, application.snapshot(cluster))
    assert location_phase(original) == "Available"

    original.delete_backup(name)
    assert minio.keys(f"backups/{name}/") == []
    assert not [key for key in minio.keys() if name in key]


def test_ours_restores_the_originals_backup(cluster, original, ours, minio, application, tmp_path):
    before = application.snapshot(cluster)
    name = unique("theirs")
    assert original.create_backup(name, f"--include-namespaces={application.namespace}")["status"]["phase"] == "Completed"
    store = minio.address()

    assert name in ours("backup", "get", store=store).ok().out
    described = ours("backup", "describe", name, "--details", store=store).ok().out
    assert "Completed" in described and f"{application.namespace}/settings" in described
    assert ours("backup", "logs", name, store=store).ok().out.count("\n") > 5
    file = tmp_path / "mine.tar.gz"
    ours("backup", "download", name, f"--output={file}", store=store).ok()
    assert file.read_bytes() == minio.bucket().get(f"backups/{name}/{name}.tar.gz")

    application.remove(cluster)
    ours("restore", "create", f"{name}-back", f"--from-backup={name}", store=store).ok()
    assert_same(before, application.snapshot(cluster))
    assert f"{name}-back" in ours("restore", "get", store=store).ok().out
    assert "Completed" in ours("restore", "describe", f"{name}-back", store=store).ok().out

    ours("backup", "delete", name, "--confirm", store=store).ok()
    assert not [key for key in minio.keys() if name in key]
    original.wait_to_forget(name)
    assert location_phase(original) == "Available"


def test_restores_of_ours_go_with_the_backup_when_the_original_deletes_it(cluster, original, ours, minio, application):
    name = backup_by_ours(ours, minio, application)
    ours("restore", "create", f"{name}-again", f"--from-backup={name}", store=minio.address()).ok()
    original.wait_for_sync(name)
    assert location_phase(original) == "Available"
    original.delete_backup(name)
    assert not [key for key in minio.keys() if name in key]


def test_restores_of_the_original_go_with_the_backup_when_ours_deletes_it(original, ours, minio, application):
    name = unique("theirs")
    original.create_backup(name, f"--include-namespaces={application.namespace}")
    restore = original.restore(name, name=f"again-{name}")
    assert minio.keys(f"restores/{restore['metadata']['name']}/")
    ours("backup", "delete", name, "--confirm", store=minio.address()).ok()
    assert not [key for key in minio.keys() if name in key]


def test_every_reader_takes_our_gzip(ours, minio, application, tmp_path):
    name = unique("gzip")
    ours("backup", "create", name, "--include-namespaces=rich-*", store=tmp_path)
    file = tmp_path / "backups" / name / f"{name}.tar.gz"
    assert subprocess.run(["gzip", "--test", str(file)]).returncode == 0
    plain = subprocess.run(["gzip", "--decompress", "--stdout", str(file)], capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar, tarfile.open(file, "r:gz") as direct:
        assert tar.getnames() == direct.getnames() != []
    listed = subprocess.run(["tar", "--list", "--file", str(file)], capture_output=True, text=True)
    assert listed.returncode == 0 and "metadata/version" in listed.stdout


def test_a_damaged_backup_is_refused(ours, minio, cluster, application):
    name = backup_by_ours(ours, minio, application)
    bucket, key = minio.bucket(), f"backups/{name}/{name}.tar.gz"
    body = bytearray(bucket.get(key))
    body[len(body) // 2] ^= 1
    bucket.put(key, bytes(body))
    result = ours("restore", "create", f"--from-backup={name}", store=minio.address())
    assert result.code == 1, f"{result}"
    assert f"{name}.tar.gz" in result.err, f"{result}"
    ours("backup", "delete", name, "--confirm", store=minio.address()).ok()


def test_wrong_credentials_are_one_clear_line(ours, minio):
    result = ours("backup", "get", store=minio.address(), AWS_SECRET_ACCESS_KEY="obviously-wrong")
    assert result.code == 1
    [line] = result.err.strip().splitlines()
    assert "obviously-wrong" not in result.err
    assert "denied" in line.lower() or "credential" in line.lower() or "signature" in line.lower(), line


def test_our_documents_are_what_the_format_says(ours, minio, application):
    name = backup_by_ours(ours, minio, application)
    bucket = minio.bucket()
    document = json.loads(bucket.get(f"backups/{name}/velero-backup.json"))
    assert document["status"]["formatVersion"] == "1.1.0"
    assert {key.split("/")[0] for key in minio.keys()} <= {"backups", "restores", "kopia", "restic", "metadata", "plugins"}
    ours("backup", "delete", name, "--confirm", store=minio.address()).ok()
