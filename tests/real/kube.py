"""A cluster as the tests see it: kubectl that speaks JSON, and namespaces that go away."""

from __future__ import annotations

import json
import os
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster import build, settings

WAIT_SECONDS = settings.WAIT_SECONDS
SPEAKS_JSON = ("get", "create", "apply", "patch", "replace", "label", "annotate", "scale")


@dataclass(frozen=True)
class Cluster:
    """One API server and the administrator's way in."""

    kubeconfig: Path

    def text(self, *arguments: str, stdin: str | None = None, timeout: float = 300) -> str:
        """Runs kubectl and returns what it printed; a failure carries what it said."""
        access = [f"--kubeconfig={self.kubeconfig}", f"--cache-dir={settings.KUBECTL_CACHE}"]
        command = [build.kubectl(), *access, *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout, env=environment())
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def kubectl(self, *arguments: str, stdin: str | None = None) -> dict:
        """Runs a kubectl command that reads or writes objects and returns them as JSON.

        What is missing gives an empty mapping for `get --ignore-not-found`.
        """
        assert arguments[0] in SPEAKS_JSON, f"kubectl {arguments[0]} has no JSON: use `text`"
        printed = self.text(*arguments, "--output=json", stdin=stdin)
        return json.loads(printed) if printed.strip() else {}

    def items(self, kind: str, *arguments: str) -> list[dict]:
        """All objects of a kind; `arguments` are namespaces and selectors."""
        return self.kubectl("get", kind, *arguments)["items"]

    def create(self, *objects: dict) -> None:
        """Creates these objects in their order."""
        for one in objects:
            self.kubectl("create", "--filename=-", stdin=json.dumps(one))

    @contextmanager
    def namespace(self, prefix: str = "test") -> Iterator[str]:
        """A namespace with a name of its own; its removal begins at the end, which nobody waits for."""
        name = unique(prefix)
        self.kubectl("create", "namespace", name)
        self.wait(f"the service account of {name}", lambda: self.has("serviceaccount/default", f"--namespace={name}"))
        try:
            yield name
        finally:
            self.text("delete", "namespace", name, "--ignore-not-found", "--wait=false")

    def delete_namespace(self, name: str) -> None:
        """Deletes a namespace, if it is there, and waits until it is gone."""
        timeout = f"--timeout={WAIT_SECONDS:.0f}s"
        self.text("delete", "namespace", name, "--ignore-not-found", "--wait", timeout)

    def has(self, *arguments: str) -> bool:
        """Whether the named object is there."""
        return bool(self.kubectl("get", "--ignore-not-found", *arguments))

    def wait_for_pod(self, namespace: str, name: str) -> None:
        """Waits until a pod is ready."""
        timeout = f"--timeout={WAIT_SECONDS:.0f}s"
        self.text("wait", f"--namespace={namespace}", f"pod/{name}", "--for=condition=Ready", timeout)

    def exec(self, namespace: str, pod: str, *command: str) -> str:
        """Runs a command in the first container of a pod and returns what it printed.

        It has no input: on a busy machine kubectl now and then loses a short one, and says nothing (8 % of 240 tries).
        """
        return self.text("exec", f"--namespace={namespace}", pod, "--", *command)

    @staticmethod
    def wait(what: str, probe: Callable[[], bool], seconds: float = WAIT_SECONDS) -> None:
        """Waits until `probe` is true, or fails naming what it waited for."""
        deadline = time.monotonic() + seconds
        while not probe():
            assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
            time.sleep(0.2)


def environment(**more: str) -> dict[str, str]:
    """This process's environment, keeping any proxy away from the cluster's addresses."""
    return {**os.environ, "NO_PROXY": settings.DIRECT, "no_proxy": settings.DIRECT, **more}


def unique(prefix: str) -> str:
    """A name that no other test has."""
    return f"{prefix}-{uuid.uuid4().hex[:8]}"
