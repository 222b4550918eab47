"""What a request to Text-Em-All was made to, as its sender spelled it."""

import json

from starlette.requests import Request


def received_url(request: Request) -> str:
    """Return the URL exactly as the client signed it: its host and port, its encoded path."""
    scope = request.scope
    raw_path = scope.get("raw_path") or request.url.path.encode()
    query = scope["query_string"].decode("latin-1")
    host = request.headers.get("host", "")
    url = f"{scope['scheme']}://{host}{raw_path.decode('latin-1')}"
    return f"{url}?{query}" if query else url


def without_query(request: Request) -> str:
    """Return the address that was called, without its parameters."""
    return received_url(request).partition("?")[0]


def text_number_id(body: bytes) -> int | None:
    """Read the text number that a body names, if it names one."""
    try:
        data = json.loads(body) if body else None
    except ValueError:
        return None
    found = data.get("TextNumberID") if isinstance(data, dict) else None
    return found if isinstance(found, int) else None
