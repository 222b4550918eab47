"""Who may call the local stack, and the keys it decides with."""

import json
import subprocess
import sys
from dataclasses import dataclass

from sandbox.stack.deploy import client
from sandbox.stack.layout import OPERATOR, ROOT, STAGE, Layout
from sandbox.stack.processes import StackError
from sandbox.stack.tools import clean_environment


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


def make_keys(where: Layout) -> None:
    """Let `concord setup` make the stack key and the dossier's key pair, as a person would in AWS.

    Keys that exist stay: setup never replaces one.
    """
    setup = [sys.executable, "-m", "cli.main", "setup", "--prefix", f"/concord/{STAGE}"]
    options = ["--stack", str(where.stack_file), "--no-show"]
    env = clean_environment()
    done = subprocess.run(
        [*setup, *options], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise StackError(f"concord setup failed: {done.stderr.strip() or done.stdout.strip()}")
