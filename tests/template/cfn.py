"""Reads template.yaml: CloudFormation's short tags become their long forms."""

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]

type Node = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """SafeLoader that knows !Ref, !GetAtt, !Sub, !If and their like."""


def _tag(loader: _Loader, suffix: str, node: yaml.Node) -> Node:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _tag)


@functools.cache
def template() -> Node:
    """Return the whole template."""
    loaded: Node = yaml.load((ROOT / "template.yaml").read_text(), Loader=_Loader)
    return loaded


def resources(kind: str) -> dict[str, Node]:
    """Return the properties of every resource of a type, by logical id."""
    found = template()["Resources"].items()
    return {name: each.get("Properties", {}) for name, each in found if each["Type"] == kind}


def functions() -> dict[str, Node]:
    """Return the properties of every function."""
    return resources("AWS::Serverless::Function")


def events(kind: str) -> Iterator[tuple[str, str, Node]]:
    """Yield (function, event name, properties) of every event of a type."""
    for function, properties in functions().items():
        for name, event in properties.get("Events", {}).items():
            if event["Type"] == kind:
                yield function, name, event["Properties"]


def statements() -> Iterator[tuple[str, Node]]:
    """Yield (role or policy, statement) of everything that grants something to an identity."""
    for name, role in resources("AWS::IAM::Role").items():
        for policy in role.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield name, statement
    for name, policy in resources("AWS::IAM::ManagedPolicy").items():
        for statement in policy["PolicyDocument"]["Statement"]:
            yield name, statement


def as_list(value: Any) -> list[Any]:
    """Return a list of what may be one thing or a list of them."""
    return value if isinstance(value, list) else [value]


def logical_id(reference: Any) -> str:
    """Return the logical id that !Ref or !GetAtt names."""
    if "Ref" in reference:
        return str(reference["Ref"])
    return str(reference["Fn::GetAtt"]).partition(".")[0]


def value_of(setting: Any) -> int:
    """Return a number, following a !Ref to the default of its parameter."""
    if isinstance(setting, dict):
        return int(template()["Parameters"][setting["Ref"]]["Default"])
    return int(setting)


def context_variables(text: str) -> set[str]:
    """Return the $context variables of an access log format."""
    return set(re.findall(r"\$context\.([A-Za-z.]+)", text))
