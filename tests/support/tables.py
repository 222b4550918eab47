"""The table of template.yaml, made in whatever emulator a test uses."""

from __future__ import annotations

import uuid
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]


class _Template(yaml.SafeLoader):
    """Reads CloudFormation's short forms (`!Ref x`) as plain values: only the schema matters."""


def _plain(loader: Any, _suffix: str, node: Any) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


_Template.add_multi_constructor("!", _plain)


@cache
def schema() -> dict[str, Any]:
    """Return the schema that template.yaml deploys, as CreateTable takes it."""
    with (ROOT / "template.yaml").open() as file:
        template = yaml.load(file, _Template)
    table = template["Resources"]["Table"]["Properties"]
    names = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    return {name: table[name] for name in names}


def create_table(client: Any) -> str:
    """Make an empty table of its own and return its name."""
    name = f"concord-{uuid.uuid4().hex[:8]}"
    client.create_table(TableName=name, **schema())
    return name
