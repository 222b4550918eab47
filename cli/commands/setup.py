"""`concord setup`: the keys that a stack decides and signs with, made once and never replaced."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cli.errors import CommandError, usage_error
from cli.session import Session, session_of
from cli.signing import fixed_credentials, session_credentials
from cli.ssm import Parameter, ParameterStore
from cli.target import read_stack

_PREFIX: Final = re.compile(r"(/[A-Za-z0-9_.-]+)+")
_RAW: Final = serialization.Encoding.Raw


def setup(
    ctx: typer.Context,
    prefix: Annotated[
        str, typer.Option(help="Where the stack looks: /concord/STAGE (output ParameterPrefix).")
    ],
    stack: Annotated[
        Path | None, typer.Option(help="Set up the local stack of this stack.json.")
    ] = None,
    region: Annotated[str | None, typer.Option(help="AWS region.")] = None,
    endpoint_url: Annotated[
        str | None,
        typer.Option(
            envvar=["AWS_ENDPOINT_URL_SSM", "AWS_ENDPOINT_URL"], help="Of an emulator or VPC."
        ),
    ] = None,
    show: Annotated[
        bool, typer.Option("--show/--no-show", help="Show a new stack key once, for escrow.")
    ] = True,
) -> None:
    """Make the stack key and the dossier's key pair in SSM, unless they exist.

    Without --stack it works in AWS, with your profile or environment.
    """
    session = session_of(ctx)
    if not _PREFIX.fullmatch(prefix):
        raise usage_error("--prefix looks like /concord/prod: it begins with / and ends without")
    with _store(session, stack or session.choice.stack, region, endpoint_url) as store:
        made = make_keys(store, prefix)
        _report(session, made, f"{prefix} at {store.url}", show=show)


@dataclass(frozen=True, slots=True)
class Made:
    """What setup did. `stack_key` only if this run made it."""

    created: tuple[str, ...]
    existing: tuple[str, ...]
    public_key: str
    stack_key: str | None


def make_keys(store: ParameterStore, prefix: str) -> Made:
    """Make what is missing of the three parameters; what is there is never replaced."""
    stack, private, public = (
        f"{prefix}/{name}" for name in ("stack-key", "dossier-key", "dossier-public-key")
    )
    there = store.existing(stack, private, public)
    if public in there and private not in there:
        raise CommandError(
            f"{public} is there, but the private key it belongs to is not",
            hints=(
                f"restore {private} from a backup; a new pair would not fit dossiers signed before",
                f"if none was ever exported, delete {public} and run setup again",
            ),
        )
    new_key = _base64(secrets.token_bytes(32))
    about = "Concord: keys the names of points. Never change or delete it."
    made_stack = stack not in there and store.create(Parameter(stack, new_key, True, about))
    seed = secrets.token_bytes(32)
    about = "Concord: signs consent dossiers (Ed25519)."
    made_private = private not in there and store.create(
        Parameter(private, _base64(seed), True, about)
    )
    if public in there:
        made_public, public_key = False, store.read(public)
    else:
        # Somebody else's setup may have been first, or one broke off here: then its key counts.
        public_key = _public_of(seed if made_private else _seed(store.read(private), private))
        about = "Concord: checks the signature of consent dossiers."
        made_public = store.create(Parameter(public, public_key, False, about))
    done = {stack: made_stack, private: made_private, public: made_public}
    return Made(
        created=tuple(name for name, made in done.items() if made),
        existing=tuple(name for name, made in done.items() if not made),
        public_key=public_key,
        stack_key=new_key if made_stack else None,
    )


def _store(
    session: Session, stack: Path | None, region: str | None, endpoint_url: str | None
) -> ParameterStore:
    if stack:
        content = read_stack(stack)
        keys = fixed_credentials(content["access_key_id"], content["secret_access_key"])
        return ParameterStore(
            content["region"], keys, content["endpoint_url"], transport=session.transport
        )
    credentials, default_region = session_credentials(session.choice.profile)
    where = region or session.choice.region or default_region
    if not where:
        raise usage_error("which AWS region? give it with --region")
    return ParameterStore(where, credentials, endpoint_url, transport=session.transport)


def _report(session: Session, made: Made, where: str, *, show: bool) -> None:
    screen = session.screen
    stack_key = made.stack_key if show else None
    shown = {"stack_key": stack_key} if stack_key else {}
    document = {"created": list(made.created), "dossier_public_key": made.public_key, **shown}
    if screen.result(document):
        return
    if not made.created:
        screen.line(f"Everything is there already, nothing was changed: {where}")
    for name in made.created:
        screen.line(f"made    {name}", style="green")
    for name in made.existing:
        screen.line(f"exists  {name}")
    screen.line()
    screen.facts([("Dossier public key", made.public_key)])
    if stack_key:
        screen.line()
        screen.facts([("Stack key", stack_key)])
        screen.say(
            "Put the stack key into escrow now: it is shown this once, it is never rotated, and "
            "without it no stored opt-out can be found again.",
            style="yellow",
        )


def _public_of(seed: bytes) -> str:
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    return _base64(public.public_bytes(_RAW, serialization.PublicFormat.Raw))


def _seed(text: str, name: str) -> bytes:
    try:
        seed = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        seed = b""
    if len(seed) != 32:
        raise CommandError(f"{name} does not hold a key that setup made (32 bytes in base64)")
    return seed


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
