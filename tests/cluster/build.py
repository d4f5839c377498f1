"""Programs of the cluster: Debian packages and Go builds, kept in the cache between runs."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cluster import settings
from cluster.process import PartFailed, run

# Program that proves a package, and the package. redis-tools carries the server, too, without its service.
PACKAGES = {
    "etcd": "etcd-server",
    "containerd": "containerd",
    "runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "/bin/busybox": "busybox-static",
    "redis-check-rdb": "redis-tools",
    "openssl": "openssl",
    "ip": "iproute2",
    "kubectl": "kubernetes-client",
}
SERVICES = {"etcd-server": "etcd.service", "containerd": "containerd.service"}


@dataclass(frozen=True)
class GoModule:
    """A directory below `modules` whose `tool` directives pin what is built."""

    name: str
    linker_flags: str
    programs: tuple[str, ...]  # import paths
    tags: str = ""  # build tags

    @property
    def directory(self) -> Path:
        """Where its go.mod is."""
        return settings.MODULES / self.name

    @property
    def output(self) -> Path:
        """Where its programs are kept; another version or flag is another directory."""
        digest = hashlib.sha256(f"{self.linker_flags} {self.tags}".strip().encode())
        for name in ("go.mod", "go.sum"):
            digest.update((self.directory / name).read_bytes())
        return settings.CACHE / f"{self.name}-{digest.hexdigest()[:16]}" / "bin"

    def program(self, name: str) -> Path:
        """The path of one built program."""
        return self.output / name


def kubernetes_flags() -> str:
    """The version that the servers and their client library claim; without it they refuse themselves."""
    major, minor, _ = settings.KUBERNETES_VERSION.removeprefix("v").split(".")
    facts = {
        "gitVersion": settings.KUBERNETES_VERSION,
        "gitMajor": major,
        "gitMinor": minor,
        "gitCommit": "0" * 40,
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
    }
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return " ".join(["-s -w", *(f"-X {package}.{key}={value}" for package in packages for key, value in facts.items())])


def velero_flags() -> str:
    """The version and image registry that the original claims."""
    facts = {
        "Version": settings.VELERO_VERSION,
        "GitSHA": "0" * 7,
        "GitTreeState": "clean",
        "ImageRegistry": "velero",
    }
    package = "github.com/vmware-tanzu/velero/pkg/buildinfo"
    return " ".join(["-s -w", *(f"-X {package}.{key}={value}" for key, value in facts.items())])


KUBERNETES = GoModule(
    "kubernetes",
    kubernetes_flags(),
    tuple(
        f"k8s.io/kubernetes/cmd/{program}"
        for program in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet")
    ),
)
MINIO = GoModule("minio", "-s -w", ("github.com/minio/minio",))
KOPIA = GoModule("kopia", "-s -w", ("github.com/kopia/kopia",))
# The same program with a clock and other switches that only its own tests have.
KOPIA_TESTING = GoModule("kopia", "-s -w", ("github.com/kopia/kopia",), tags="testing")
VELERO = GoModule(
    "velero",
    velero_flags(),
    (
        "github.com/vmware-tanzu/velero/cmd/velero",
        "github.com/vmware-tanzu/velero/cmd/velero-helper",
        "github.com/vmware-tanzu/velero/cmd/velero-restore-helper",
        "github.com/vmware-tanzu/velero-plugin-for-aws/velero-plugin-for-aws",
    ),
)


def packages() -> None:
    """Installs the Debian packages whose programs are missing, without leaving their services running."""
    install(PACKAGES)


def install(packages: dict[str, str]) -> None:
    """The same for any packages, by the program that proves each."""
    missing = sorted(package for program, package in packages.items() if shutil.which(program) is None)
    if not missing:
        return
    print(f"cluster: installing {' '.join(missing)}", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run("packages", ["apt-get", "update"], env=quiet)
    run("packages", ["apt-get", "install", "-y", "--no-install-recommends", *missing], env=quiet)
    services = [SERVICES[package] for package in missing if package in SERVICES]
    if services and Path("/run/systemd/system").is_dir():
        run("packages", ["systemctl", "disable", "--now", *services])
    still = [program for program in packages if shutil.which(program) is None]
    if still:
        raise PartFailed("packages", f"still missing after installation: {', '.join(still)}")


def programs(module: GoModule) -> None:
    """Builds what the cache does not hold yet; a killed build leaves nothing that looks finished."""
    for package in module.programs:
        program = module.program(package.rsplit("/", 1)[1])
        if program.exists():
            continue
        if shutil.which("go") is None:
            raise PartFailed("go", "the Go tool is not installed")
        print(f"cluster: building {program.name}", flush=True)
        program.parent.mkdir(parents=True, exist_ok=True)
        unfinished = program.with_name(f".{program.name}.{os.getpid()}")
        command = ["go", "build", "-trimpath", "-ldflags", module.linker_flags, "-tags", module.tags]
        command += ["-o", str(unfinished), package]
        # GOTOOLCHAIN=auto: an older Go fetches the release that the module asks for.
        env = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "auto", "GOFLAGS": "-mod=readonly -buildvcs=false"}
        try:
            run(program.name, command, timeout=3600, cwd=module.directory, env=env)
            unfinished.rename(program)
        finally:
            unfinished.unlink(missing_ok=True)


def everything() -> None:
    """All that any part needs."""
    packages()
    for module in (KUBERNETES, MINIO, VELERO, KOPIA, KOPIA_TESTING):
        programs(module)


def kubectl() -> str:
    """The kubectl of this machine."""
    path = shutil.which("kubectl")
    if path is None:
        raise PartFailed("kubectl", "is not installed; `cluster build` installs it")
    return path


def linked_libraries(program: str) -> list[Path]:
    """The shared libraries and the loader of a program; none for a static one."""
    done = subprocess.run(["ldd", program], capture_output=True, text=True)
    words = (word for line in done.stdout.splitlines() for word in line.split())
    return sorted({Path(word) for word in words if word.startswith("/") and not word.endswith(":")})
