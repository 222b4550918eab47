"""Closing a connection under the server's feet, as a broken network would."""

from starlette.types import Receive, Send


class ConnectionDroppedError(Exception):
    """The connection was closed without an answer (raised where there is no socket to close)."""


async def drop(receive: Receive, send: Send) -> None:
    """Close the client's connection so that not one byte of an answer is seen.

    ASGI has no message for this, so the transport is taken from uvicorn's request cycle, whose
    bound method `send` is. Waiting for the disconnect afterwards tells uvicorn that the missing
    answer is meant.
    """
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise ConnectionDroppedError
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
