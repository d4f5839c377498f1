"""Buckets with object lock: whoever writes, the store keeps what the repository asks it to keep, and maintenance begins its time anew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import forest
import pytest
import trees
from kube import unique
from pair import Pair
from places import Prefix
from programs import Minio, our_binary

PERIOD = timedelta(hours=48)
KEPT = ("kopia.repository", "kopia.blobcfg", "n", "x", "p", "q")


@pytest.fixture(params=["kopia", "ours"])
def locked(request, oracle, minio: Minio, tmp_path) -> Pair:
    """Both on a repository that one of them made, whose blobs are to be kept for two days."""
    bucket = unique("locked")
    minio.bucket_with_locks(bucket)
    pair = Pair.at(Prefix(minio, bucket, "kopia/"), our_binary(), tmp_path)
    flags = ("--retention-mode=GOVERNANCE", f"--retention-period={PERIOD.total_seconds():.0f}s")
    if request.param == "kopia":
        pair.kopia.create(*flags)
    else:
        pair.ours.create(*flags)
        pair.kopia.connect()
    return pair


def kept(pair: Pair) -> dict[str, datetime]:
    """Until when blobs are kept; those that may go have no time."""
    place = pair.place
    bucket = place.minio.bucket(place.bucket)
    found = {name: bucket.kept_until(place.prefix + name) for name in place.blobs()}
    assert {mode for mode, _ in filter(None, found.values())} == {"GOVERNANCE"}
    return {name: until for name, (_, until) in ((name, one) for name, one in found.items() if one)}


def test_what_ours_writes_is_kept_and_its_maintenance_begins_the_time_anew(locked, tmp_path):
    source = forest.small(tmp_path / "source")
    theirs = locked.kopia.snapshot(source)
    before = set(locked.place.blobs())
    (source / "fresh").write_bytes(forest.noise(100_000, "fresh"))
    begun = datetime.now(UTC)
    mine = locked.ours.snapshot(source)
    written, times = locked.place.blobs().keys() - before, kept(locked)
    assert {name for name in locked.place.blobs() if name.startswith(KEPT)} == times.keys()
    for name in times.keys() & written:
        assert abs(times[name] - begun - PERIOD) < timedelta(minutes=5), name
    assert any(name[0] == "p" for name in written) and any(name[0] == "x" for name in written)
    locked.kopia.forget_cache()
    locked.kopia.verify()
    locked.assert_kopia_restores(mine, trees.read(source))

    locked.ours.maintain("--mode=full", "--take-ownership")
    assert kept(locked)["kopia.repository"] == times["kopia.repository"], "nobody asked for more"
    locked.kopia.run("maintenance", "set", "--extend-object-locks=true").ok()
    report = locked.ours.maintain("--mode=full")
    assert "extendLocks" in str(report), report
    later = kept(locked)
    assert later.keys() >= times.keys() and all(later[name] > times[name] for name in times)
    locked.kopia.own().run("maintenance", "run", "--full").ok()
    locked.ours.verify()
    assert [one.id for one in locked.ours.snapshots()] == [theirs.id, mine.id]


def test_a_bucket_without_locks_refuses_and_nothing_is_said_to_be_saved(locked, oracle, minio, tmp_path):
    """The repository is moved to where the store can not keep anything."""
    plain = unique("plain")
    bucket, old = minio.bucket(plain), locked.place
    for name in old.blobs():
        bucket.put(old.prefix + name, old.get(name))
    moved = Pair.at(Prefix(minio, plain, old.prefix), our_binary(), tmp_path)
    refused = moved.ours.run("snapshot", "create", str(forest.small(tmp_path / "source")))
    assert refused.code == 1, f"{refused}"
    assert moved.ours.snapshots() == []
