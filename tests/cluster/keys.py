"""Certificates and the kubeconfig of one control plane, made with openssl."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path

from cluster.process import run
from cluster.settings import NODE, Plane

DAYS = "3650"


def ensure(plane: Plane) -> None:
    """Makes all keys of the plane, or none: the directory appears complete."""
    if plane.keys.exists():
        return
    unfinished = plane.keys.with_name("keys.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True, mode=0o700)
    authority(unfinished, plane)
    names = ["localhost", NODE, "kubernetes", "kubernetes.default", "kubernetes.default.svc"]
    addresses = ["127.0.0.1", plane.service_address]
    alternatives = ",".join([f"DNS:{name}" for name in names] + [f"IP:{address}" for address in addresses])
    certificate(unfinished, "server", "/CN=kube-apiserver", f"subjectAltName={alternatives}")
    certificate(unfinished, "admin", "/O=system:masters/CN=admin", "extendedKeyUsage=clientAuth")
    openssl("genrsa", "-out", str(unfinished / "accounts.key"), "2048")
    (unfinished / "kubeconfig").write_text(kubeconfig(unfinished, plane))
    unfinished.rename(plane.keys)


def openssl(*arguments: str) -> None:
    """Runs one openssl command."""
    run("keys", ["openssl", *arguments])


def authority(directory: Path, plane: Plane) -> None:
    """Makes the plane's own certificate authority."""
    key = directory / "ca.key"
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key))
    subject = f"/CN=velero-tests-{plane.name}"
    openssl("req", "-x509", "-new", "-key", str(key), "-subj", subject, "-days", DAYS, "-out", str(directory / "ca.crt"))


def certificate(directory: Path, name: str, subject: str, extension: str) -> None:
    """Makes a key and a certificate signed by the authority."""
    key, request, extensions = (directory / f"{name}.{kind}" for kind in ("key", "csr", "ext"))
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key))
    openssl("req", "-new", "-key", str(key), "-subj", subject, "-out", str(request))
    extensions.write_text(extension + "\n")
    signer = ["-CA", str(directory / "ca.crt"), "-CAkey", str(directory / "ca.key"), "-CAcreateserial"]
    target = str(directory / f"{name}.crt")
    openssl("x509", "-req", "-in", str(request), *signer, "-days", DAYS, "-extfile", str(extensions), "-out", target)


def kubeconfig(directory: Path, plane: Plane) -> str:
    """The administrator's kubeconfig with everything inside (JSON is YAML)."""

    def data(name: str) -> str:
        return base64.b64encode((directory / name).read_bytes()).decode()

    user = {"client-certificate-data": data("admin.crt"), "client-key-data": data("admin.key")}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": plane.name, "cluster": {"server": plane.server, "certificate-authority-data": data("ca.crt")}}
        ],
        "users": [{"name": "admin", "user": user}],
        "contexts": [{"name": plane.name, "context": {"cluster": plane.name, "user": "admin"}}],
        "current-context": plane.name,
    }
    return json.dumps(document, indent=2) + "\n"
