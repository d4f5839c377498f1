"""What goes wrong around a repository is said in one clear line, and nothing in it changes."""

from __future__ import annotations

import hashlib
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

NOTHING = hashlib.sha256(b"").digest()
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
    """Nothing opens but verification, which names the blob and the files that can not be found without it, also those of a
    snapshot that only this blob knows of."""
    source = forest.small(tmp_path / "source")
    lost = pair.kopia.create().snapshot(source)
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
    hurt = {one["snapshot"]: one["files"] for one in damage["hurts"]}
    assert set(hurt) == {saved.id, lost.id} and hurt[saved.id] > 1, damage


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


def test_a_killed_restore_can_be_given_again(anywhere, tmp_path):
    source = forest.small(tmp_path / "source")
    for number in range(6):
        (source / f"large-{number}").write_bytes(forest.noise(3 * forest.MIB, number))
    saved = anywhere.kopia.create().snapshot(source)
    expected, target = trees.read(source), tmp_path / "target"
    command = ["snapshot", "restore", saved.id, str(target), "--overwrite=all"]
    start = time.monotonic()
    anywhere.ours.run(*command).ok()
    longest = time.monotonic() - start
    for _ in range(5 if FULL else 3):
        shutil.rmtree(target, ignore_errors=True)
        kill_at_random(anywhere.ours.command(*command), anywhere.ours.environment(), longest)
        whole = {path: entry for path, entry in trees.read(target).items() if path in expected} if target.exists() else {}
        assert all(same_file(entry, expected[path]) for path, entry in whole.items()), "no half file has its final name"
        anywhere.ours.run(*command).ok()
        trees.assert_same(expected, finished(trees.read(target)))


def same_file(found, wanted) -> bool:
    """Whether a file that has its final name has its bytes, unless it is still empty."""
    return found.kind not in ("file", "link") or found.content in (wanted.content, NOTHING)


def finished(tree: trees.Tree) -> trees.Tree:
    """Without what a killed restore left beside the places where it belongs."""
    return {path: entry for path, entry in tree.items() if b".velero-restore-" not in path}


@pytest.mark.parametrize("turn", range(3))
def test_two_maintenance_runs_at_once_are_one(anywhere, tmp_path, turn):
    """A bucket takes conditional writes, a directory a lock: only one of two that begin together does the work."""
    anywhere.ours.create()
    for number in range(3):
        anywhere.ours.snapshot(forest.small(tmp_path / f"source-{number}", number))
    command = anywhere.ours.command("maintain", "--mode=full", "--confirm")
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": environment(**anywhere.ours.environment())}
    running = [subprocess.Popen(command, **how, text=True) for _ in range(3)]
    ended = [(process.communicate(timeout=120), process.returncode) for process in running]
    assert any(code == 0 for _, code in ended), ended
    for (_, said), code in ended:
        assert code == 0 or any(reason in said for reason in ("under way", "begun meanwhile", "at present")), said
    anywhere.ours.verify()
    anywhere.kopia.connect()
    anywhere.kopia.verify()
