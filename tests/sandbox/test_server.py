"""The real process on loopback: both ports, dropped connections, a clean end."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest

pytestmark = pytest.mark.enable_socket

SIGNED = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=A/20261121/us-east-1/dynamodb/aws4_request, x",
    "X-Amz-Target": "DynamoDB_20120810.PutItem",
}


class _Upstream(ThreadingHTTPServer):
    request_queue_size = 64
    count = 0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        assert isinstance(self.server, _Upstream)
        self.server.count += 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class Running:
    platforms: str
    proxy: str
    upstream: _Upstream
    process: subprocess.Popen[str]


@pytest.fixture
def running() -> Iterator[Running]:
    with _Upstream(("127.0.0.1", 0), _Handler) as upstream:
        Thread(target=upstream.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{upstream.server_address[1]}"
        options = ["--port", "0", "--proxy-port", "0", "--upstream", url]
        with subprocess.Popen(
            [sys.executable, "-m", "sandbox.server", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            words = process.stdout.readline().replace(",", "").split()
            urls = [word for word in words if word.startswith("http")]
            yield Running(urls[0], urls[1], upstream, process)
            process.kill()
        upstream.shutdown()


def test_both_ports_serve_and_break_and_end(running: Running) -> None:
    with httpx.Client(trust_env=False, timeout=10) as client, ThreadPoolExecutor(16) as pool:
        bodies = [str(number).encode() * 100 for number in range(64)]
        answers = pool.map(
            lambda body: client.post(running.proxy, content=body, headers=SIGNED).content, bodies
        )
        assert list(answers) == bodies

        fault = {"platform": "dynamodb", "path": "PutItem", "lose_answer": True, "times": 1}
        client.post(f"{running.platforms}/_faults", json=fault).raise_for_status()
        before = running.upstream.count
        with pytest.raises(httpx.RemoteProtocolError):
            client.post(running.proxy, content=b"{}", headers=SIGNED)
        assert running.upstream.count == before + 1

        lost = {"platform": "catapult", "lose_answer": True, "times": 1}
        client.post(f"{running.platforms}/_faults", json=lost).raise_for_status()
        with pytest.raises(httpx.RemoteProtocolError):
            client.get(f"{running.platforms}/catapult/accounts/x")
        [call] = client.get(f"{running.platforms}/_calls?platform=catapult").json()
        assert (call["status"], call["answer_lost"]) == (401, True)

    running.process.terminate()
    output, errors = running.process.communicate(timeout=10)
    assert (running.process.returncode, output, errors) == (0, "", "")
