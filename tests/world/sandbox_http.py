"""The way of our adapters' requests into the sandbox platforms, in one process."""

from __future__ import annotations

import httpx

from tests.sandbox.harness import Sandbox


class SandboxTransport(httpx.BaseTransport):
    """Carries our adapters' requests into the sandbox app."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        body = request.read()
        answer = self._sandbox.call(
            request.method, str(request.url), content=body, headers=dict(request.headers)
        )
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


class SandboxHttp:
    """Stands in for the guarded client: what it guards is proved elsewhere."""

    def __init__(self, transport: httpx.BaseTransport) -> None:
        self.transport = transport

    def client(self, base_url: str) -> httpx.Client:
        return httpx.Client(base_url=base_url, transport=self.transport)
