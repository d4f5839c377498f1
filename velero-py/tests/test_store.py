"""The module as installed: open a store, list and read backups, blocking and awaitable."""

import asyncio
import gzip
import json

import pytest

import velero


@pytest.fixture
def bucket(tmp_path):
    """A bucket as Velero lays it out, with one backup."""
    folder = tmp_path / "bucket" / "backups" / "web"
    folder.mkdir(parents=True)
    document = {
        "apiVersion": "velero.io/v1",
        "kind": "Backup",
        "metadata": {"name": "web", "namespace": "velero", "labels": {"team": "shop"}},
        "spec": {"includedNamespaces": ["web"], "aFieldOfTomorrow": {"kept": True}},
        "status": {"phase": "Completed", "warnings": 1, "progress": {"totalItems": 3, "itemsBackedUp": 3}},
    }
    (folder / "velero-backup.json").write_text(json.dumps(document))
    (folder / "web-logs.gz").write_bytes(gzip.compress(b"line one\n"))
    return str(tmp_path / "bucket")


def test_version_is_told():
    assert velero.__version__.count(".") == 2


def test_backups_are_listed_and_read(bucket):
    [backup] = velero.Store(bucket).backups()
    assert (backup.name, backup.phase, backup.warnings, backup.errors, backup.items) == ("web", "Completed", 1, 0, 3)
    assert backup.labels == {"team": "shop"}
    assert backup.document["spec"]["aFieldOfTomorrow"] == {"kept": True}
    assert "web" in repr(backup)


def test_documents_come_unzipped(bucket):
    assert velero.Store(bucket).read("web", "logs") == b"line one\n"


def test_every_call_has_an_awaitable_twin(bucket):
    async def run():
        store = velero.Store(bucket)
        [backup] = await store.backups_async()
        assert (await store.backup_async("web")).name == backup.name
        return await store.read_async("web", "logs")

    assert asyncio.run(run()) == b"line one\n"


def test_what_is_missing_is_named(bucket):
    store = velero.Store(bucket)
    with pytest.raises(velero.NotFound, match="nope") as caught:
        store.backup("nope")
    assert isinstance(caught.value, velero.Error)
    assert isinstance(caught.value, LookupError)
    with pytest.raises(velero.NotFound, match="web"):
        store.read("web", "results")


def test_bad_input_is_refused(bucket):
    with pytest.raises(velero.Invalid):
        velero.Store("ftp://nowhere/at/all")
    with pytest.raises(ValueError, match="document"):
        velero.Store(bucket).read("web", "poem")
    with pytest.raises(velero.Invalid):
        velero.Store(bucket).backup("../../etc")


def test_a_document_that_is_no_backup_is_corrupt(bucket, tmp_path):
    (tmp_path / "bucket" / "backups" / "web" / "velero-backup.json").write_text("[]")
    with pytest.raises(velero.Corrupt, match="web"):
        velero.Store(bucket).backup("web")
