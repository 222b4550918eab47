"""Pre-commit's look at files: what it finds, and what it lets pass."""

from pathlib import Path

import pytest

from scripts.guard import faults, main


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("a.json", '{"a": ', "does not parse: JSONDecodeError"),
        ("a.yaml", "a: [1", "does not parse: ParserError"),
        ("a.py", "<" * 7 + " HEAD\n", "merge conflict marks"),
        ("a.py", f"key = 'AKIA{'Q' * 16}'\n", "looks like a AWS access key"),
        ("a.pem", "-----BEGIN " + "PRIVATE KEY-----\n", "looks like a private key"),
        ("a.env", "token=ghp_" + "x" * 36, "looks like a GitHub token"),
    ],
)
def test_fault_is_found_and_its_text_not_repeated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, fault: str
) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert faults(path) == [fault]
    assert main([str(path)]) == 1
    assert text.strip() not in capsys.readouterr().err


def test_good_files_pass(tmp_path: Path) -> None:
    """CloudFormation's tags are YAML; a binary file is nobody's text."""
    template = tmp_path / "template.yaml"
    template.write_text("a: !Sub ${b}\n")
    binary = tmp_path / "logo.png"
    binary.write_bytes(b"\x89PNG\xff\xfe")
    assert main([str(template), str(binary)]) == 0
