"""A fresh WebhookReceive: import it, serve one STOP (arguments: cassette, then import paths)."""

import sys


def serve(cassette_file: str) -> None:
    """Play the recording and serve its event."""
    import os

    from bench.stub import Cassette, Context

    cassette = Cassette.load(cassette_file)
    os.environ.update(cassette.environment)
    cassette.play()

    from functions.webhooks.receive import lambda_handler

    answer = lambda_handler(cassette.event, Context())
    if answer["statusCode"] != 204:
        raise SystemExit(f"answered {answer['statusCode']}")


if __name__ == "__main__":
    sys.path[:0] = sys.argv[2:]
    serve(sys.argv[1])
