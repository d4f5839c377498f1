"""What goes wrong around a repository is said in one clear line, and nothing in it changes."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import time
from dataclasses import replace

import forest
import pytest
import trees
from cells import FULL
from kube import environment

ROUNDS, VERIFY_EVERY = (200, 10) if FULL else (10, 4)
BEHIND_A_READ_ONLY_MOUNT = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'


@pytest.fixture
def kept(pair, tmp_path):
    """A repository of kopia's with one snapshot of a small tree: the pair and the snapshot."""
    return pair, pair.kopia.create().snapshot(forest.small(tmp_path / "source"))


def assert_refused(pair, engine, *arguments: str, saying: str) -> None:
    """The command fails with one line that says why, and leaves the repository as it was."""
    before = pair.place.state()
    result = engine.run(*arguments)
    assert result.code == 1, f"{result}"
    [line] = result.err.strip().splitlines()
    assert saying.lower() in line.lower(), line
    assert engine.password not in result.err
    assert pair.place.state() == before


def everything(tmp_path, saved) -> list[list[str]]:
    """A command of each kind: one that looks, one that reads, one that writes, one that deletes."""
    return [
        ["snapshot", "list"],
        ["snapshot", "restore", saved.id, str(tmp_path / "target")],
        ["snapshot", "create", str(tmp_path / "source")],
        ["maintain", "--mode=full", "--confirm"],
    ]


def test_a_wrong_password(kept, tmp_path):
    pair, saved = kept
    for command in everything(tmp_path, saved):
        assert_refused(pair, pair.wrong(), *command, saying="password")


def test_a_place_without_a_repository(pair, tmp_path):
    pair.place.path.mkdir()
    assert_refused(pair, pair.ours, "snapshot", "list", saying="does not exist")


def test_a_repository_is_not_made_over_something_else(kept):
    pair, _ = kept
    assert_refused(pair, pair.ours, "create", saying="exist")


def test_a_repository_that_needs_a_newer_program(kept, tmp_path):
    pair, saved = kept
    newer = replace(pair.kopia, variables={"KOPIA_TESTONLY_FLAGS": "1"})
    newer.run("repository", "set-parameters", "--add-required-feature=time-travel").ok()
    for command in everything(tmp_path, saved):
        assert_refused(pair, pair.ours, *command, saying="time-travel")


def test_a_repository_that_kopia_is_just_upgrading(pair, tmp_path):
    saved = pair.kopia.create("--format-version=1").snapshot(forest.small(tmp_path / "source"))
    pair.kopia.forget_cache()
    upgrading = replace(pair.kopia, variables={"KOPIA_UPGRADE_LOCK_ENABLED": "1"})
    impatient = ["--io-drain-timeout=1s", "--status-poll-interval=1s", "--max-permitted-clock-drift=1s", "--allow-unsafe-upgrade"]
    upgrading.run("repository", "upgrade", "begin", "--upgrade-owner-id=somebody", "--lock-only", *impatient).ok()
    for command in everything(tmp_path, saved):
        assert_refused(pair, pair.ours, *command, saying="upgrad")


def test_a_missing_pack(kept, tmp_path):
    pair, saved = kept
    [pack] = pair.data()
    pair.place.delete(pack)
    assert_refused(pair, pair.ours, "snapshot", "restore", saved.id, str(tmp_path / "target"), saying=pack)
    result = pair.ours.run("verify", "--level=index", "--output=json")
    assert result.code == 1, f"{result}"
    assert pack in json.dumps(result.json())
    report = json.dumps(pair.ours.run("verify", "--level=everything", "--output=json").json(), ensure_ascii=False)
    for name in (pack, saved.id, "prose.txt", "noise", "söme näme"):
        assert name in report, f"{name} is not in {report}"


def test_a_damaged_pack(kept, tmp_path):
    pair, saved = kept
    [pack] = pair.data()
    content = bytearray(pair.place.get(pack))
    content[len(content) // 2] ^= 4
    pair.place.put(pack, bytes(content))
    assert_refused(pair, pair.ours, "snapshot", "restore", saved.id, str(tmp_path / "target"), saying=pack)
    result = pair.ours.run("verify", "--level=everything", "--output=json")
    assert result.code == 1 and pack in result.out and saved.id in result.out, f"{result}"


def test_a_damaged_index_blob(pair, tmp_path):
    """Nothing opens but verification, which names the blob and the files that can not be found without it."""
    source = forest.small(tmp_path / "source")
    pair.kopia.create().snapshot(source)
    indexes = pair.place.blobs("xn")
    index = max(indexes, key=indexes.get)  # the one that names the contents of files
    (source / "late").write_bytes(b"added later")
    saved = pair.kopia.snapshot(source)
    content = bytearray(pair.place.get(index))
    content[len(content) // 2] ^= 4
    pair.place.put(index, bytes(content))
    assert_refused(pair, pair.ours, "snapshot", "restore", saved.id, str(tmp_path / "target"), saying=index)
    result = pair.ours.run("verify", "--output=json")
    assert result.code == 1, f"{result}"
    [damage] = result.json()["damages"]
    assert damage["what"] == index
    [hurt] = damage["hurts"]
    assert hurt["snapshot"] == saved.id and hurt["files"] > 1, damage


def test_a_directory_that_may_only_be_read(kept, tmp_path):
    pair, saved = kept
    frozen = ("unshare", "--mount", "sh", "-c", BEHIND_A_READ_ONLY_MOUNT, str(pair.place.path))
    engine = replace(pair.ours, within=frozen)
    source = str(forest.small(tmp_path / "other", 2))
    assert_refused(pair, engine, "snapshot", "create", source, saying="read-only")
    assert_refused(pair, engine, "snapshot", "delete", saved.id, "--confirm", saying="read-only")
    assert [one.id for one in engine.snapshots()] == [saved.id]
    engine.restore(saved, tmp_path / "target")


@pytest.fixture
def narrow(pair):
    """The repository's directory on a file system of eight MiB."""
    pair.place.path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(pair.place.path)], check=True)
    yield pair
    subprocess.run(["umount", str(pair.place.path)], check=True)


def test_a_full_disk(narrow, tmp_path):
    small = forest.small(tmp_path / "small")
    narrow.ours.create()
    saved = narrow.ours.snapshot(small)
    large = tmp_path / "large"
    large.mkdir()
    (large / "noise").write_bytes(forest.noise(30 * forest.MIB, 1))
    result = narrow.ours.run("snapshot", "create", str(large))
    assert result.code == 1, f"{result}"
    assert "no space" in result.err.lower(), f"{result}"
    assert [one.id for one in narrow.ours.snapshots()] == [saved.id]
    narrow.assert_ours_restores(saved, trees.read(small))
    narrow.kopia.connect().verify()


def test_wrong_credentials_of_the_store(anywhere, tmp_path):
    if not anywhere.place.environment():
        return  # a directory has none
    anywhere.kopia.create()
    result = anywhere.ours.run("snapshot", "list", AWS_SECRET_ACCESS_KEY="obviously-wrong")
    assert result.code == 1, f"{result}"
    [line] = result.err.strip().splitlines()
    assert "obviously-wrong" not in line


def test_kills_at_random_moments_lose_nothing(pair, tmp_path):
    source = forest.small(tmp_path / "source")
    (source / "load").mkdir()
    for number in range(8):
        (source / "load" / f"{number}").write_bytes(forest.noise(2 * forest.MIB, number))
    pair.ours.create()
    pair.kopia.connect().own()
    start = time.monotonic()
    first = pair.ours.snapshot(source)
    longest, expected, seen = time.monotonic() - start, trees.read(source), {first.id}
    for turn in range(ROUNDS):
        (source / "load" / f"{turn % 8}").write_bytes(forest.noise(2 * forest.MIB, f"turn {turn}"))
        kill_at_random(pair.ours.command("snapshot", "create", str(source), "--force-hash"), pair.ours.environment(), longest)
        found = {one.id for one in pair.ours.snapshots()}
        assert found >= seen and len(found) <= len(seen) + 1
        seen = found
        if turn % VERIFY_EVERY == VERIFY_EVERY - 1:
            pair.kopia.forget_cache()
            pair.kopia.verify()
    last = pair.ours.snapshot(source)
    pair.assert_kopia_restores(last, trees.read(source))
    pair.assert_kopia_restores(first, expected)
    pair.assert_kopia_approves()
    pair.assert_ours_restores(first, expected)
    pair.ours.verify()


def kill_at_random(command: list[str], variables: dict[str, str], longest: float) -> None:
    """Starts a program and kills it at a random moment."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, env=environment(**variables), **quiet)
    time.sleep(random.uniform(0, longest * 1.1))
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_a_killed_restore_can_be_given_again(kept, tmp_path):
    pair, saved = kept
    expected, target = trees.read(tmp_path / "source"), tmp_path / "target"
    for _ in range(3):
        shutil.rmtree(target, ignore_errors=True)
        command = ["snapshot", "restore", saved.id, str(target), "--overwrite=all"]
        kill_at_random(pair.ours.command(*command), pair.ours.environment(), 0.3)
        pair.ours.run(*command).ok()
        trees.assert_same(expected, trees.read(target))
