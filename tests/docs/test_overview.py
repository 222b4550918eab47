"""README.md and docs/architecture.md tell of the stack that template.yaml describes."""

import re
from collections import Counter

import pytest

from sandbox.demo.__main__ import STEPS
from tests.docs.pages import ROOT, blocks
from tests.template.cfn import resources

_WORDS = dict(enumerate(("nine", "ten", "eleven", "twelve", "thirteen", "fourteen"), 9))
_NODE = re.compile(r"\b([A-Z])(?:\[+|\(+)")


@pytest.mark.parametrize("page", ["README.md", "docs/architecture.md"])
def test_a_node_is_one_thing(page: str) -> None:
    """No two boxes of a diagram share an id: they would be drawn as one."""
    (diagram,) = blocks((ROOT / page).read_text(), "mermaid")
    ids = Counter(_NODE.findall(diagram))
    assert len(ids) > 10, "the pattern finds something else"
    assert {each for each, count in ids.items() if count > 1} == set()


def test_every_function_is_in_the_diagram() -> None:
    functions = set(resources("AWS::Serverless::Function"))
    (diagram,) = blocks((ROOT / "docs" / "architecture.md").read_text(), "mermaid")
    assert {each for each in functions if not re.search(rf"\b{each}\b", diagram)} == set()


def test_the_readme_counts_the_functions() -> None:
    count = len(resources("AWS::Serverless::Function"))
    assert f"{_WORDS[count]} small Lambda functions" in (ROOT / "README.md").read_text()


def test_the_readme_tells_of_each_step_of_the_demo() -> None:
    text = (ROOT / "README.md").read_text()
    told = text.split("### What the demo shows")[1].split("\n## ")[0]
    numbers = [int(each) for each in re.findall(r"^(\d+)\. ", told, re.MULTILINE)]
    assert numbers == list(range(1, len(STEPS) + 1))
