#!/usr/bin/env python3
"""The repository: ours, kopia and restic on the same trees, interleaved, each with a repository of its own.

    repository.py [--sets everyday,tiny,...] [--scale 1] [--rounds 3] [--only ours,kopia] [--actions first,restore]

Sets: everyday (2 GiB in 4 incompressible files, 1 GiB in 4 log files, 50 000 files of 1 to 20 KiB), tiny (1 000 000 files
of 100 bytes), contents (a repository of 2 000 000 contents: one file is read with empty and with warm caches), one-gib and
sixteen-gib (peak memory of one file). Kopia runs with `--no-auto-maintenance`; compression is off everywhere but for kopia's
and our metadata. The tree is in the page cache, and so is the repository before an action that reads all of it; before each
action everything dirty is written out, what other contenders left is not in the cache, and a GiB of memory was in use a moment
ago, because a virtual machine may get memory from its host slowly. Small files that were
restored stay until the last round is over, because ext4 makes new files slowly for some time after it has removed many. Ratios are of one round
each, and the worst of the rounds is told; seconds and peaks are the worst, too. What takes less than a second has three
turns in each round, of which the median counts. Trees are kept for the next call.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import datasets
from contenders import Contender, Kopia, Ours, Restic
from measure import Failed, Run

from cluster import build, cli

ACTIONS = {
    "first": "first snapshot",
    "opened": "repository opened, snapshots listed",
    "unchanged": "unchanged",
    "rehash": "everything re-hashed",
    "verify": "verify of 100 %",
    "restore": "restore",
}
READING = ("verify", "restore")  # all of the repository
LARGE = ("sixteen-gib",)  # sets of which a disk may not hold several repositories
SHORT = ("opened", "unchanged")  # a moment in which the machine does something else would decide
REPEATED = 3  # turns of what is short, in each round
# How many times faster than kopia, and at most how many MiB, per set and action.
WANTED: dict[str, dict[str, tuple[float, int]]] = {
    "everyday": {"first": (3, 192), "unchanged": (2.5, 192), "rehash": (3, 192), "restore": (5, 192), "verify": (3, 192)},
    "tiny": {"first": (3, 256), "unchanged": (3, 256)},
    "contents": {"cold": (3, 128), "warm": (1, 128)},
    "one-gib": {"first": (3, 192), "rehash": (3, 192), "restore": (5, 192), "verify": (3, 192)},
    "sixteen-gib": {"first": (3, 192), "rehash": (3, 192), "restore": (5, 192), "verify": (3, 192)},
}
FULL = os.environ.get("VELERO_TEST_SCALE") == "full"
OPENED_WANTED = 5.0  # unchanged, counted from the opened repository
Measured = dict[tuple[str, str], list[Run]]  # by contender and action, one for each round


@dataclass(frozen=True)
class Plan:
    """What to run."""

    sets: list[str]
    scale: float
    rounds: int
    only: list[str]
    actions: list[str]
    place: Path


def main() -> None:
    plan = parse()
    cli.oracle()
    if "restic" in plan.only:
        build.install({"restic": "restic"})
    plan.place.mkdir(parents=True, exist_ok=True)
    datasets.warm_guest(max(1, int(8 * min(1, plan.scale))))
    for name in plan.sets:
        source = datasets.make(name, plan.place, plan.scale)
        with tempfile.TemporaryDirectory(prefix=".runs-", dir=plan.place) as folder:
            contenders = chosen(plan, Path(folder))
            measured = one_file(plan, contenders, source) if name == "contents" else rounds(plan, name, contenders, source)
        print(report(name, plan.scale, measured), flush=True)


def parse() -> Plan:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    every = ",".join(datasets.ALL)
    parser.add_argument("--sets", default=every if FULL else "everyday", help=every)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="ours,eight,kopia,restic", help="eight: ours with eight workers and --memory 192MiB")
    parser.add_argument("--actions", default=",".join(ACTIONS))
    parser.add_argument("--place", type=Path, default=Path(tempfile.gettempdir()) / "velero-benchmark")
    given = parser.parse_args()
    return Plan(given.sets.split(","), given.scale, given.rounds, given.only.split(","), given.actions.split(","), given.place)


def chosen(plan: Plan, folder: Path) -> list[Contender]:
    """The contenders, in the order in which they take turns."""
    every = [
        Ours("ours", folder / "ours", ("--parallel=2",)),
        Ours("eight", folder / "eight", ("--parallel=8", "--memory=192MiB")),
        Kopia("kopia", folder / "kopia"),
        Restic("restic", folder / "restic"),
    ]
    return [contender for contender in every if contender.name in plan.only]


def rounds(plan: Plan, name: str, contenders: list[Contender], source: Path) -> Measured:
    """All rounds of all actions that the set has wishes for, the contenders taking turns."""
    measured: Measured = {}
    actions = [action for action in plan.actions if action in WANTED[name] or action in ("first", "opened")]
    # Of a large set, one contender does everything before the next begins.
    groups = [[contender] for contender in contenders] if name in LARGE else [contenders]
    for number in range(plan.rounds):
        for group in groups:
            one_round(number, actions, group, source, measured)
            for contender in group:
                shutil.rmtree(contender.home)
    return measured


def one_round(number: int, actions: list[str], contenders: list[Contender], source: Path, measured: Measured) -> None:
    """All actions once, the contenders taking turns."""
    for contender in contenders:
        attempt(contender.start, f"{contender.name} makes a repository")
    for action in actions:
        times = {contender.name: [] for contender in contenders}
        for _ in range(REPEATED if action in SHORT else 1):
            for contender in contenders:
                times[contender.name] += turn(number, action, contender, source)
        keep(measured, action, times)


def turn(number: int, action: str, contender: Contender, source: Path) -> list[Run]:
    """One action of one contender; nothing if it failed."""
    output = contender.home.parent / f"restored-{contender.name}-{number}"
    datasets.warm(source)
    if action in READING:
        datasets.warm(contender.home)
    done = attempt(lambda: contender.act(action, source, output), f"{contender.name} {action}")
    if done is not None:
        tell(number, contender, action, done)
    datasets.drop_large(output)
    datasets.forget(output)
    if action in READING:
        datasets.forget(contender.home)
    return [] if done is None else [done]


def keep(measured: Measured, action: str, times: dict[str, list[Run]]) -> None:
    """Of each contender's turns in a round, the median counts; and the worst peak."""
    for contender, runs in times.items():
        if runs:
            median = sorted(runs, key=lambda run: run.seconds)[len(runs) // 2]
            kept = replace(median, peak=max(run.peak for run in runs))
            measured.setdefault((contender, action), []).append(kept)


def one_file(plan: Plan, contenders: list[Contender], source: Path) -> Measured:
    """A repository that kopia filled is opened and one file read from it, with empty caches and with warm ones."""
    measured: Measured = {}
    filled = next(contender for contender in contenders if contender.name == "kopia")
    filled.start()
    filled.act("first", source, source)
    for contender in contenders:
        if isinstance(contender, Ours):
            contender.home.mkdir()
            (contender.home / "repository").symlink_to(filled.home / "repository")
            contender.made = filled.made
    for number in range(plan.rounds):
        for action in ("cold", "warm"):
            times = {contender.name: [] for contender in contenders}
            for contender in contenders * REPEATED:
                if isinstance(contender, Restic):
                    continue  # it can not read kopia's repository, and its own takes hours to fill
                if action == "cold":
                    contender.forget_cache()
                done = attempt(lambda: contender.act("one_file", source, source), f"{contender.name} {action}")
                if done is not None:
                    times[contender.name].append(done)
                    tell(number, contender, action, done)
            keep(measured, action, times)
    return measured


def attempt(action, what: str):
    """Runs something; a program that fails costs its row and not the whole measurement."""
    datasets.warm_guest(1)
    try:
        return action()
    except (Failed, KeyError) as failure:
        print(f"{what}: {str(failure)[-400:]}", file=sys.stderr, flush=True)
        return None


def tell(number: int, contender: Contender, action: str, done: Run) -> None:
    """One line for whoever waits."""
    line = f"round {number + 1}: {contender.name} {action}: {done.seconds:.2f} s, processor {done.cpu:.2f} s, peak {done.peak:.0f} MiB"
    print(line, file=sys.stderr, flush=True)


def report(name: str, scale: float, measured: Measured) -> str:
    """The tables of one set."""
    what = (datasets.ALL[name].__doc__ or name).strip().rstrip(".")
    scaled = "" if scale == 1 else f", scaled by {scale:g}"
    names = list(dict.fromkeys(contender for contender, _ in measured))
    actions = list(dict.fromkeys(action for _, action in measured))
    head = ["what", *names, "kopia / ours, worst", "wanted", "our peak wanted"]
    rows = [row(name, action, names, measured) for action in actions]
    rows += opened_row(name, names, measured)
    lines = [f"### {what}{scaled}", "", "Wall seconds, processor seconds, peak MiB; the worst round of each.", ""]
    lines += ["| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines) + "\n"


def row(name: str, action: str, names: list[str], measured: Measured) -> list[str]:
    """One action."""
    runs = [measured.get((contender, action), []) for contender in names]
    faster, peak = WANTED[name].get(action, (None, None))
    ratio = worst_ratio(seconds(measured, "kopia", action), seconds(measured, "ours", action))
    wanted = "" if faster is None else f"at least {faster:g}"
    return [ACTIONS.get(action, f"one file, {action} caches"), *map(worst, runs), ratio, wanted, "" if peak is None else f"at most {peak}"]


def opened_row(name: str, names: list[str], measured: Measured) -> list[list[str]]:
    """Unchanged without what it takes to open the repository, which is mostly the derivation of the key."""
    if "unchanged" not in WANTED[name] or ("ours", "opened") not in measured:
        return []
    net = {}
    for contender in names:
        both = zip(seconds(measured, contender, "unchanged"), seconds(measured, contender, "opened"))
        net[contender] = [max(0.001, whole - opening) for whole, opening in both]
    cells = [f"{max(net[contender]):.2f} s" if net[contender] else "-" for contender in names]
    ratio = worst_ratio(net.get("kopia", []), net.get("ours", []))
    return [["unchanged, from the opened repository", *cells, ratio, f"at least {OPENED_WANTED:g}", ""]]


def seconds(measured: Measured, contender: str, action: str) -> list[float]:
    """The wall seconds of each round."""
    return [run.seconds for run in measured.get((contender, action), [])]


def worst(runs: list[Run]) -> str:
    """The worst of each figure."""
    if not runs:
        return "-"
    return f"{max(run.seconds for run in runs):.2f} s, {max(run.cpu for run in runs):.2f} s, {max(run.peak for run in runs):.0f}"


def worst_ratio(theirs: list[float], ours: list[float]) -> str:
    """The smallest ratio of one round."""
    ratios = [their / our for their, our in zip(theirs, ours)]
    return f"{min(ratios):.1f}" if ratios else "-"


if __name__ == "__main__":
    os.umask(0o077)
    main()
