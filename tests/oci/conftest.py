from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import uvicorn
from requests import Session

from jupyter_edge.core.secret import Secret
from jupyter_edge.oci.blobs import BlobStore
from jupyter_edge.oci.client import RegistryClient
from jupyter_edge.oci.registry import create_registry

USERNAME, PASSWORD = "edge", "pass:word-ü"
PASSWORD_BCRYPT = "$2b$04$JA2J/5UGKJNcRkHr9Lfm3.cW1K/drRhvgzkeSUdY/wymMRTBvWLo2"
AUTHORIZATION = f"Basic {base64.b64encode(f'{USERNAME}:{PASSWORD}'.encode()).decode()}"


@dataclass
class RunningRegistry:
    host: str
    blobs: BlobStore
    root: Path

    @property
    def url(self) -> str:
        return f"http://{self.host}/v2"


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RunningRegistry]:
    store = BlobStore(tmp_path / "registry" / "blobs")
    root = tmp_path / "registry" / "repositories"
    app = create_registry(store, root, lambda username, password: (username, password) == (USERNAME, PASSWORD))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 20
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.005)
        yield RunningRegistry(f"127.0.0.1:{listener.getsockname()[1]}", store, root)
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def client(registry: RunningRegistry) -> Iterator[RegistryClient]:
    with closing(RegistryClient(registry.host, USERNAME, Secret(PASSWORD))) as opened:
        yield opened


@pytest.fixture(params=["htpasswd", "token"])
def docker_registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Yield the address of Debian's docker-registry, which asks for Basic credentials or for a token."""
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("docker-registry is not installed")
    with ExitStack() as stack:
        if request.param == "htpasswd":
            (tmp_path / "htpasswd").write_text(f"{USERNAME}:{PASSWORD_BCRYPT}\n")
            auth = f"htpasswd: {{realm: edge, path: {tmp_path}/htpasswd}}"
        else:
            server = stack.enter_context(TokenServer(tmp_path))
            auth = f"token: {{realm: '{server.url}', service: s, issuer: i, rootcertbundle: {tmp_path}/root.pem}}"
        with socket.create_server(("127.0.0.1", 0)) as free:
            host = f"127.0.0.1:{free.getsockname()[1]}"
        (tmp_path / "config.yml").write_text(
            f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {tmp_path}/data}},"
            f" delete: {{enabled: true}}}}\nhttp: {{addr: '{host}', secret: x}}\nauth: {{{auth}}}\n"
        )
        environment = {key: value for key, value in os.environ.items() if not key.startswith("REGISTRY_")}
        process = subprocess.Popen([program, "serve", str(tmp_path / "config.yml")], env=environment)
        stack.callback(process.wait, 10)
        stack.callback(process.terminate)
        wait_for_port(host)
        yield host


def wait_for_port(host: str) -> None:
    address, _, port = host.partition(":")
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection((address, int(port)), timeout=5).close()
        except OSError:
            assert time.monotonic() < deadline, f"nothing listens on {host}"
            time.sleep(0.02)
        else:
            return


class TokenServer(ThreadingHTTPServer):
    """A token server as the Docker registry's token specification has it: signed JWTs for whoever may have them."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), TokenHandler)
        self.url = f"http://127.0.0.1:{self.server_port}/token"
        self.scopes: list[str] = []
        self.key = folder / "key.pem"
        command = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=test -days 2 -keyout key.pem -out root.pem"
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
        body = (folder / "root.pem").read_text().split("-----")[2]
        self.certificate = "".join(body.split())

    def __enter__(self) -> TokenServer:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def issue(self, scope: str) -> str:
        kind, name, actions = scope.split(":") if scope else ("", "", "")
        access = [{"type": kind, "name": name, "actions": actions.split(",")}] if scope else []
        now = int(time.time())
        header = {"typ": "JWT", "alg": "RS256", "x5c": [self.certificate]}
        claims = {
            "iss": "i",
            "sub": USERNAME,
            "aud": "s",
            "exp": now + 60,
            "nbf": now - 60,
            "jti": "1",
            "access": access,
        }
        text = ".".join(_base64url(json.dumps(part).encode()) for part in (header, claims))
        command = ["openssl", "dgst", "-sha256", "-sign", str(self.key)]
        signature = subprocess.run(command, input=text.encode(), check=True, capture_output=True).stdout
        return f"{text}.{_base64url(signature)}"


class TokenHandler(BaseHTTPRequestHandler):
    server: TokenServer

    def do_GET(self) -> None:
        allowed = self.headers.get("Authorization") == AUTHORIZATION
        self.send_response(200 if allowed else 401)
        self.end_headers()
        if allowed:
            scope = parse_qs(urlsplit(self.path).query).get("scope", [""])[0]
            self.server.scopes.append(scope)
            self.wfile.write(json.dumps({"token": self.server.issue(scope), "expires_in": 60}).encode())

    def log_message(self, *_: object) -> None:
        pass


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class ScriptedServer(ThreadingHTTPServer):
    """A web server that answers as a test says, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self, answer: Callable[[ScriptedHandler], None]) -> None:
        super().__init__(("127.0.0.1", 0), ScriptedHandler)
        self.answer = answer
        self.host = f"127.0.0.1:{self.server_port}"
        self.requests: list[tuple[str, str, str | None]] = []

    def __enter__(self) -> ScriptedServer:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def asked(self, method: str) -> list[str]:
        return [path for verb, path, _ in self.requests if verb == method]


class ScriptedHandler(BaseHTTPRequestHandler):
    server: ScriptedServer
    protocol_version = "HTTP/1.1"

    def respond(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.requests.append((self.command, self.path, self.headers.get("Authorization")))
        self.server.answer(self)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = respond  # noqa: N815

    def send(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Relay:
    """A wire to a server that counts bytes, and that breaks after so many bytes of one connection, then of another."""

    def __init__(self, host: str, down: list[int] | None = None, up: list[int] | None = None) -> None:
        address, _, port = host.partition(":")
        self._target = address, int(port)
        self._limits = {"down": list(down or ()), "up": list(up or ())}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.bytes = {"down": 0, "up": 0}

    def __enter__(self) -> Relay:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(self._target, timeout=30)
            for source, target, way in ((near, far, "up"), (far, near, "down")):
                threading.Thread(target=self._pump, args=(source, target, way), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, way: str) -> None:
        passed = 0
        try:
            while data := source.recv(1 << 16):
                limits = self._limits[way]
                if limits and passed + len(data) > limits[0]:
                    target.sendall(data[: limits.pop(0) - passed])
                    break
                target.sendall(data)
                passed += len(data)
                self.bytes[way] += len(data)
        except OSError:
            pass
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def http() -> Iterator[Session]:
    with Session() as session:
        session.headers["Authorization"] = AUTHORIZATION
        yield session


def guarded(then: Callable[[ScriptedHandler], None]) -> Callable[[ScriptedHandler], None]:
    def answer(request: ScriptedHandler) -> None:
        if request.headers.get("Authorization") == AUTHORIZATION:
            then(request)
        else:
            request.send(401, WWW_Authenticate='Basic realm="x"')

    return answer
