"""Session fixtures of the tests against real parts; what is not running is started, what is missing fails."""

from __future__ import annotations

from pathlib import Path

import pytest
from application import Application
from kube import Cluster, unique
from pair import Pair
from places import Directory, Prefix
from programs import Minio, Original, Ours, our_binary

from cluster import cli, settings


def pytest_sessionstart(session):
    """Nothing here makes sense without our binary: a missing one fails the whole run."""
    if not our_binary().is_file():
        pytest.exit(f"{our_binary()} is missing; `cargo build --release` makes it", returncode=1)


def needs_no_cluster(file: str) -> bool:
    """Whether the tests of a file have kopia for an oracle, beside which anything may run."""
    return Path(file).name.startswith(("test_repository", "test_together"))


def pytest_collection_modifyitems(items):
    """The longest test comes first, so that nobody waits for it at the end."""
    for item in items:
        if needs_no_cluster(item.path.name) and {"cluster", "second"} & set(item.fixturenames):
            raise pytest.UsageError(f"{item.nodeid} uses a cluster, which tests in other files have for themselves")
    items.sort(key=lambda item: item.path.stem != "test_together")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Of several processes one has all tests that see the cluster, because some of them save all of it.

    The others are shared out one by one: they compute while those mostly wait.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return nodeid if needs_no_cluster(nodeid.partition("::")[0]) else "cluster"

    return Scheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Here a skipped test is a failed one."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which this suite does not allow: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The first cluster: API server, controllers, scheduler and one node."""
    cli.up()
    return Cluster(settings.FIRST.kubeconfig)


@pytest.fixture(scope="session")
def second() -> Cluster:
    """A second API server with controllers and no node."""
    cli.up(["second"])
    return Cluster(settings.SECOND.kubeconfig)


@pytest.fixture(scope="session")
def minio() -> Minio:
    """The S3 server, alone if nothing else runs; `minio.bucket(NAME)` makes a bucket that the original does not know."""
    cli.store()
    return Minio()


@pytest.fixture(scope="session")
def original(cluster: Cluster, minio: Minio) -> Original:
    """The original Velero, installed in the first cluster with its location in `minio`."""
    cli.up(["velero"])
    return Original(cluster)


@pytest.fixture(scope="session")
def ours(cluster: Cluster, minio: Minio) -> Ours:
    """Our binary; call it with its arguments."""
    return Ours(our_binary(), cluster, minio)


@pytest.fixture(scope="session")
def oracle() -> None:
    """The real kopia, built."""
    cli.oracle()


@pytest.fixture
def pair(oracle, tmp_path) -> Pair:
    """Kopia and ours on one repository in a directory; neither made nor connected yet. Needs no cluster."""
    return Pair.at(Directory(tmp_path / "repository"), our_binary(), tmp_path)


@pytest.fixture(params=["directory", "s3"])
def anywhere(request, oracle, tmp_path) -> Pair:
    """The same, once in a directory and once in the S3 server."""
    place = Directory(tmp_path / "repository")
    if request.param == "s3":
        minio: Minio = request.getfixturevalue("minio")
        minio.bucket("repositories")
        place = Prefix(minio, "repositories", f"kopia/{unique('test')}/")
    return Pair.at(place, our_binary(), tmp_path)


@pytest.fixture
def namespace(cluster: Cluster):
    """A namespace of the first cluster for one test."""
    with cluster.namespace() as name:
        yield name


@pytest.fixture
def application(cluster):
    """An application in a namespace of its own, with a CRD and a cluster role of its own."""
    namespace = unique("app")
    cluster.kubectl("create", "namespace", namespace)
    app = Application(namespace)
    app.install(cluster)
    yield app
    app.remove(cluster)
