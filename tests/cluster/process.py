"""Long-running processes with a record on disk, so that another command can stop exactly them.

A process counts as ours while its id still runs the recorded command line, which names paths
of our state directory. The child writes its id itself, before it becomes the program: there is
no moment at which it runs unrecorded.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from cluster import settings

RECORD_THEN_BECOME = 'echo $$ > "$0.new" && mv "$0.new" "$0" && exec "$@"'


class PartFailed(Exception):
    """A part of the cluster did not do what it should; carries the end of its log."""

    def __init__(self, part: str, reason: str, log: Path | None = None, output: str = ""):
        super().__init__(f"{part}: {reason}")
        self.part = part
        self.log = log
        self.output = output

    def report(self, lines: int = 30) -> str:
        """The failure, then the last lines of what the part itself said."""
        text = self.output
        if self.log is not None and self.log.exists():
            text += self.log.read_text(errors="replace")
        tail = "\n".join("    " + line for line in text.splitlines()[-lines:])
        where = f" (log {self.log})" if self.log else ""
        return f"failed: {self}{where}\n{tail}".rstrip()


def log_of(name: str) -> Path:
    """Where the process `name` writes what it says."""
    return settings.LOGS / f"{name}.log"


def start(name: str, argv: list[str], env: dict[str, str] | None = None) -> None:
    """Starts `argv` as the process `name`, unless it runs already."""
    if alive(name):
        return
    settings.RECORDS.mkdir(parents=True, exist_ok=True)
    settings.LOGS.mkdir(parents=True, exist_ok=True)
    record = settings.RECORDS / name
    record.with_suffix(".pid").unlink(missing_ok=True)
    record.with_suffix(".json").write_text(json.dumps(argv))
    with open(log_of(name), "ab") as log:
        subprocess.Popen(
            ["/bin/sh", "-c", RECORD_THEN_BECOME, str(record.with_suffix(".pid")), *argv],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=settings.STATE,
            env={**os.environ, "HOME": str(settings.STATE), "NO_PROXY": settings.DIRECT, **(env or {})},
            start_new_session=True,
        )
    deadline = time.monotonic() + 10
    while not alive(name):
        if time.monotonic() > deadline:
            raise PartFailed(name, "did not start", log_of(name))
        time.sleep(0.01)


def recorded() -> list[str]:
    """The names of all processes that were started and not stopped yet."""
    return sorted(path.stem for path in settings.RECORDS.glob("*.json"))


def pid_of(name: str) -> int | None:
    """The id of the process `name` if it still runs what was started under that name."""
    record = settings.RECORDS / name
    try:
        argv = json.loads(record.with_suffix(".json").read_text())
        pid = int(record.with_suffix(".pid").read_text())
    except (OSError, ValueError):
        return None
    return pid if command_line(pid) == argv else None


def alive(name: str) -> bool:
    """Whether the process `name` runs."""
    return pid_of(name) is not None


def command_line(pid: int) -> list[str]:
    """The arguments of a process, empty when it is gone or a zombie."""
    try:
        text = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return []
    return [part.decode(errors="replace") for part in text.split(b"\0")[:-1]]


def everywhere() -> list[int]:
    """The ids of all processes of this machine."""
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def stop(names: Iterable[str], how: signal.Signals = signal.SIGTERM, grace: float = 15) -> None:
    """Stops these processes together; those that outlive `grace` seconds are killed."""
    names = list(names)
    send(names, how)
    deadline = time.monotonic() + grace
    while any(alive(name) for name in names) and time.monotonic() < deadline:
        time.sleep(0.02)
    send(names, signal.SIGKILL)
    wait_until("stop", "the processes to end", lambda: not any(alive(name) for name in names))
    for name in names:
        for suffix in (".json", ".pid"):
            (settings.RECORDS / name).with_suffix(suffix).unlink(missing_ok=True)


def send(names: Iterable[str], which: signal.Signals) -> None:
    """Sends a signal to those of the processes that still run."""
    for name in names:
        pid = pid_of(name)
        if pid is not None:
            kill(pid, which, lambda name=name: alive(name))


def kill(pid: int, which: signal.Signals, still_ours: Callable[[], bool]) -> None:
    """Signals one process through a handle, so that a reused id is never hit."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if still_ours():
            signal.pidfd_send_signal(handle, which)
    except ProcessLookupError:
        pass
    finally:
        os.close(handle)


def wait_until(
    part: str,
    what: str,
    probe: Callable[[], bool],
    seconds: float = settings.WAIT_SECONDS,
    needs: Iterable[str] = (),
) -> None:
    """Waits for `probe`; fails at once when a process it `needs` has died."""
    needs = list(needs)
    deadline = time.monotonic() + seconds
    while not probe():
        dead = [name for name in needs if not alive(name)]
        if dead:
            raise PartFailed(dead[0], f"died while {part} waited for {what}", log_of(dead[0]))
        if time.monotonic() > deadline:
            log = log_of(needs[0]) if needs else None
            raise PartFailed(part, f"waited {seconds:.0f} s for {what}", log)
        time.sleep(0.1)


def run(part: str, argv: list[str], timeout: float = 600, **more) -> str:
    """Runs a short command to its end and returns what it printed on standard output."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, **more)
    if done.returncode != 0:
        command = " ".join(argv[:6])
        raise PartFailed(part, f"`{command}` ended with {done.returncode}", output=done.stdout + done.stderr)
    return done.stdout
