"""Running programs under the clock: wall time, processor time and peak memory of each, and how results are told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "real")]

from kube import environment  # noqa: E402 - the path is set above


@dataclass(frozen=True)
class Run:
    """One program's run. `peak` is the kernel's VmHWM of the process in MiB."""

    seconds: float
    cpu: float
    peak: float
    out: str


class Failed(SystemExit):
    """A program that ended with an error; uncaught, it ends the benchmark with what the program said."""


def target() -> Path:
    """Where cargo puts its binaries."""
    return Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target") / "release"


def run(command: list[str], **variables: str) -> Run:
    """Runs a program to its end; a failure ends the benchmark with what it said."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.monotonic()
        process = subprocess.Popen(command, stdout=out, stderr=err, stdin=subprocess.DEVNULL, env=environment(**variables))
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if process.returncode != 0:
            raise Failed(f"{' '.join(command)} ended with {process.returncode}: {err.read().decode()[-2000:]}")
        return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, out.read().decode(errors="replace"))


def velero(kubeconfig: Path | str, store: Path | str, *arguments: str) -> Run:
    """Our binary."""
    return run([str(target() / "velero"), *arguments, f"--store={store}"], KUBECONFIG=str(kubeconfig))


def baseline(kubeconfig: Path | str, *arguments: str) -> dict:
    """The bare client; returns the line of JSON that it prints."""
    return json.loads(run([str(target() / "baseline"), *arguments], KUBECONFIG=str(kubeconfig)).out)


def table(title: str, rows: list[tuple[str, str]]) -> str:
    """A table for `docs/benchmarks.md`."""
    lines = [f"### {title}", "", "| what | measured |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in rows]
    return "\n".join(lines) + "\n"
