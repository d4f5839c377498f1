"""The S3 server."""

from __future__ import annotations

import urllib.request

from cluster import build, network, settings
from cluster.process import alive, start, wait_until

NAME = "minio"


def running() -> bool:
    """Whether the process runs and answers."""
    return alive(NAME) and ready()


def ready() -> bool:
    """Whether the server says that it is ready."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{settings.MINIO_ENDPOINT}/minio/health/ready", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def start_all() -> None:
    """Starts the server with its bucket, reachable from this machine and from pods under one address."""
    network.ensure_bridge()
    (settings.MINIO_DATA / settings.BUCKET).mkdir(parents=True, exist_ok=True)
    address = f"{settings.HOST_ADDRESS}:{settings.MINIO_PORT}"
    command = [str(build.MINIO.program("minio")), "server", "--quiet", "--address", address, str(settings.MINIO_DATA)]
    env = {
        "MINIO_ROOT_USER": settings.MINIO_USER,
        "MINIO_ROOT_PASSWORD": settings.MINIO_PASSWORD,
        "MINIO_REGION_NAME": settings.MINIO_REGION,
        "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off",
        "MINIO_CALLHOME_ENABLE": "off",
    }
    start(NAME, command, env)
    wait_until(NAME, "readiness", ready, needs=[NAME])
