"""Runs the sandbox: `python -m sandbox.server --port N --proxy-port M --upstream URL`."""

import argparse
import asyncio
import contextlib
import signal
import socket
from collections.abc import Generator

import uvicorn
from starlette.types import ASGIApp

from sandbox.app import build
from sandbox.proxy import FaultProxy

HOST = "127.0.0.1"
_BACKLOG = 2048


class _Server(uvicorn.Server):
    """A server that leaves signals to the process, because two of them share it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def _server(app: ASGIApp, *, lifespan: bool) -> _Server:
    return _Server(
        uvicorn.Config(
            app,
            http="h11",
            lifespan="on" if lifespan else "off",
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=2,
        )
    )


def _bind(port: int) -> socket.socket:
    # asyncio sets TCP_NODELAY only where the protocol is named; without it every answer waits for
    # the client's delayed acknowledgement (40 ms).
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((HOST, port))
    bound.listen(_BACKLOG)
    bound.setblocking(False)
    return bound


async def serve(port: int, proxy_port: int, upstream: str) -> None:
    """Serve both ports until SIGTERM or SIGINT; port 0 takes a free one."""
    app, world = build()
    proxy = FaultProxy(upstream, world.faults)
    sockets = [_bind(port), _bind(proxy_port)]
    servers = [_server(app, lifespan=True), _server(proxy, lifespan=False)]

    def stop() -> None:
        for server in servers:
            server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    urls = [f"http://{HOST}:{bound.getsockname()[1]}" for bound in sockets]
    print(f"sandbox: platforms on {urls[0]}, proxy on {urls[1]} -> {upstream}", flush=True)
    try:
        await asyncio.gather(
            *(server.serve([bound]) for server, bound in zip(servers, sockets, strict=True))
        )
    finally:
        await proxy.close()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="sandbox.server", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="platforms and controls")
    parser.add_argument("--proxy-port", type=int, required=True, help="AWS fault proxy")
    parser.add_argument("--upstream", required=True, help="URL of the AWS emulator")
    options = parser.parse_args()
    asyncio.run(serve(options.port, options.proxy_port, options.upstream))


if __name__ == "__main__":
    main()
