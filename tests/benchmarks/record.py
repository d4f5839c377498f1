#!/usr/bin/env python3
"""Runs benchmarks and keeps what they measured: replaces their sections of `docs/benchmarks.md`.

    record.py speed.py memory.py

A section is named after its program, says when and on which machine it was measured, and holds the tables as printed.
Text outside of the sections stays.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "docs" / "benchmarks.md"
HEAD = "# Benchmarks\n\nMeasured by `tests/long`; seconds are of the machine named, only ratios carry over to others.\n"


def machine() -> str:
    """Processor, cores, memory and kernel."""
    names = re.findall(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cpu = names[0] if names else platform.machine()
    return f"{cpu}, {os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release()}"


def section(program: str, tables: str, when: str, where: str) -> str:
    """What the page says of one program, between marks by which the next run finds it."""
    tables = tables[tables.index("### ") :].strip()  # before the first one there may be word of the cluster's start
    text = f"## {program}\n\n{when}, {where}.\n\n{tables}\n"
    return f"<!-- begin {program} -->\n{text}<!-- end {program} -->\n"


def replaced(page: str, program: str, new: str) -> str:
    """The page with the section of `program` replaced, or put behind the others."""
    old = re.compile(rf"<!-- begin {re.escape(program)} -->\n.*?<!-- end {re.escape(program)} -->\n", re.DOTALL)
    if old.search(page):
        return old.sub(lambda _: new, page)
    return f"{page.rstrip()}\n\n{new}"


def main(programs: list[str]) -> None:
    if not programs:
        raise SystemExit(__doc__)
    for program in programs:
        run = subprocess.run([sys.executable, str(HERE / program)], stdout=subprocess.PIPE, text=True, check=True)
        print(run.stdout, flush=True)
        page = PAGE.read_text() if PAGE.exists() else HEAD
        when = datetime.now(UTC).strftime("%Y-%m-%d")
        PAGE.write_text(replaced(page, program, section(program, run.stdout, when, machine())))


if __name__ == "__main__":
    main(sys.argv[1:])
