"""Azurite, Microsoft's stand-in for Azure's blobs, on this machine, with one container."""

import base64
import contextlib
import hashlib
import hmac
import shutil
import subprocess
from datetime import UTC, datetime

import pytest
import urllib3
from free_port import free_port

#: The account that every Azurite has; it is in Azurite's documentation.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@contextlib.contextmanager
def azure_container():
    """Serve the container ``bucket``. Skips without Azurite on the PATH: ``npm install azurite``."""
    program = shutil.which("azurite-blob")
    if program is None:
        pytest.skip("azurite-blob is not on the PATH (npm install azurite)")
    port = free_port()
    address = f"http://127.0.0.1:{port}/{ACCOUNT}"
    values = {
        "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
        "AZURE_STORAGE_ACCOUNT_KEY": KEY,
        "AZURE_STORAGE_ENDPOINT": address,
        "AZURE_ALLOW_HTTP": "true",
    }
    run = [program, "--silent", "--inMemoryPersistence", "--skipApiVersionCheck", "--blobPort", str(port)]
    with (
        pytest.MonkeyPatch.context() as patch,
        subprocess.Popen(run, stdout=subprocess.PIPE, text=True) as server,
    ):
        for name, value in values.items():
            patch.setenv(name, value)
        try:
            # It says so once it listens, and nothing after that.
            assert any("successfully listens" in line for line in server.stdout)
            make_container(address, "bucket")
            yield
        finally:
            server.terminate()


def make_container(address, name):
    """Create a container by a signed request."""
    date = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    version = "2021-08-06"
    canonical = (
        "PUT" + "\n" * 12 + f"x-ms-date:{date}\nx-ms-version:{version}\n/{ACCOUNT}/{ACCOUNT}/{name}\n"
        "restype:container"
    )
    digest = hmac.new(base64.b64decode(KEY), canonical.encode(), hashlib.sha256).digest()
    headers = {
        "x-ms-date": date,
        "x-ms-version": version,
        "Authorization": f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}",
    }
    answer = urllib3.request("PUT", f"{address}/{name}?restype=container", headers=headers)
    assert answer.status == 201
