"""Who may call the local stack, and the keys it decides with."""

import base64
import json
import os
from dataclasses import dataclass

from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sandbox.stack.deploy import client
from sandbox.stack.layout import OPERATOR, STAGE


@dataclass(frozen=True)
class Credentials:
    """An access key of the operator."""

    access_key_id: str
    secret_access_key: str


def make_operator(endpoint_url: str) -> Credentials:
    """Make the user whose key stack.json shows.

    The emulator checks the signatures of its users but not those of root, so root's key would let
    a caller with a wrong secret into the admin API.
    """
    iam = client("iam", endpoint_url)
    iam.create_user(UserName=OPERATOR)
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
    iam.put_user_policy(UserName=OPERATOR, PolicyName="everything", PolicyDocument=policy)
    key = iam.create_access_key(UserName=OPERATOR)["AccessKey"]
    return Credentials(key["AccessKeyId"], key["SecretAccessKey"])


def make_keys(endpoint_url: str) -> None:
    """Make the stack key and the dossier's key pair, unless they exist: never overwrite them."""
    private = Ed25519PrivateKey.generate()
    raw = serialization.Encoding.Raw
    public = private.public_key().public_bytes(raw, serialization.PublicFormat.Raw)
    seed = private.private_bytes(raw, serialization.PrivateFormat.Raw, serialization.NoEncryption())
    values = (
        ("stack-key", os.urandom(32), "SecureString"),
        ("dossier-key", seed, "SecureString"),
        ("dossier-public-key", public, "String"),
    )
    ssm = client("ssm", endpoint_url)
    for name, value, kind in values:
        text = base64.b64encode(value).decode()
        try:
            ssm.put_parameter(Name=f"/concord/{STAGE}/{name}", Value=text, Type=kind)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ParameterAlreadyExists":
                raise
