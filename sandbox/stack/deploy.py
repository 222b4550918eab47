"""`sam deploy` to MiniStack, and what the deployed stack is called there."""

from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from sandbox.stack.build import TEMPLATE
from sandbox.stack.layout import ACCOUNT, OPERATOR, REGION, STACK_NAME, STAGE, Layout
from sandbox.stack.tools import ROOT_KEY, architecture, sam


@dataclass(frozen=True)
class Endpoints:
    """Where the processes of one instance listen."""

    emulator: str
    sandbox: str
    proxy: str


@dataclass(frozen=True)
class Deployed:
    """What the emulator called the resources of the template."""

    api_url: str
    table: str
    functions: dict[str, str]


def deploy(endpoints: Endpoints, where: Layout) -> None:
    """Deploy the built template; the sandbox's proxy stands between functions and storage."""
    overrides = {
        "Stage": STAGE,
        "Architecture": architecture(),
        # The emulator's API has no domain name, and a changed API gets a new id.
        "PublicBaseUrl": f"{endpoints.emulator}/_aws/execute-api/{{api_id}}/{{stage}}",
        "AllowedHosts": "127.0.0.1",
        "AllowPrivateHosts": "true",
        "OperatorArns": f"arn:aws:iam::{ACCOUNT}:user/{OPERATOR}",
        "TableProtection": "false",
        # A worker is a process here, and takes seconds to start: a burst must not start ten.
        "Workers": "few",
        # An outage in the demo lasts a second or two, and somebody watches.
        "RescueFirstWait": "1",
        "EndpointDynamoDb": endpoints.proxy,
        "EndpointSqs": endpoints.proxy,
        "EndpointSmsVoice": f"{endpoints.sandbox}/aws",
        # So that `mails=own` can be set; the emulator refuses the mails (docs/emulators.md).
        "MailIdentity": "shop.example",
    }
    pairs = [f"{name}={value}" for name, value in overrides.items()]
    arguments = ["deploy", "--template-file", str(TEMPLATE)]
    sam(
        [*arguments, "--parameter-overrides", *pairs],
        where.log("sam-deploy"),
        endpoints.emulator,
    )


def describe(endpoints: Endpoints) -> Deployed:
    """Ask the emulator what the resources are called."""
    cloudformation = client("cloudformation", endpoints.emulator)
    physical: dict[str, str] = {}
    functions: dict[str, str] = {}
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=STACK_NAME):
        for resource in page["StackResourceSummaries"]:
            logical, name = resource["LogicalResourceId"], resource["PhysicalResourceId"]
            physical[logical] = name
            if resource["ResourceType"] == "AWS::Lambda::Function":
                functions[logical] = name
    api_url = f"{endpoints.emulator}/_aws/execute-api/{physical['Api']}/{STAGE}"
    return Deployed(api_url, physical["Table"], functions)


def client(service: str, endpoint_url: str) -> Any:
    """Return a client that acts as root of the emulator."""
    return boto3.client(
        service,
        endpoint_url=endpoint_url,
        region_name=REGION,
        aws_access_key_id=ROOT_KEY,
        aws_secret_access_key=ROOT_KEY,
        config=Config(retries={"mode": "standard", "total_max_attempts": 3}, read_timeout=30),
    )
