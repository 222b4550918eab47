"""`concord setup`: keys are made once, shown once, and never replaced."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cli.keys import read_public_key
from tests.unit.cli.fake_api import Cli
from tests.unit.cli.sigv4 import expected_authorization

_PREFIX = "/concord/test"


class FakeSsm:
    """SSM's JSON API in memory; `secret` is what requests have to be signed with."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.values: dict[str, tuple[str, str]] = {}
        self.urls: list[str] = []
        self.before_put: Callable[[str], None] = lambda _: None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"] == expected_authorization(request, self.secret)
        assert request.headers["Content-Type"] == "application/x-amz-json-1.1"
        self.urls.append(str(request.url))
        action = request.headers["X-Amz-Target"].removeprefix("AmazonSSM.")
        answer: httpx.Response = getattr(self, action)(json.loads(request.content))
        return answer

    def GetParameters(self, body: dict[str, Any]) -> httpx.Response:
        assert body["WithDecryption"] is False
        found = [{"Name": n, "Value": "sealed"} for n in body["Names"] if n in self.values]
        return httpx.Response(200, json={"Parameters": found, "InvalidParameters": []})

    def GetParameter(self, body: dict[str, Any]) -> httpx.Response:
        _, value = self.values[body["Name"]]
        return httpx.Response(200, json={"Parameter": {"Name": body["Name"], "Value": value}})

    def PutParameter(self, body: dict[str, Any]) -> httpx.Response:
        assert body["Overwrite"] is False
        self.before_put(body["Name"])
        if body["Name"] in self.values:
            return self.refuse("ParameterAlreadyExists", "The parameter already exists.")
        self.values[body["Name"]] = (body["Type"], body["Value"])
        return httpx.Response(200, json={"Version": 1})

    @staticmethod
    def refuse(code: str, message: str) -> httpx.Response:
        return httpx.Response(400, json={"__type": f"com.amazon#{code}", "message": message})


@pytest.fixture
def ssm() -> FakeSsm:
    return FakeSsm("wJalrXUtnFEMI-example")


@pytest.fixture
def concord(ssm: FakeSsm, stack: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.setenv("COLUMNS", "80")
    return Cli(ssm, stack)


def test_it_makes_three_parameters_whose_keys_fit(concord: Cli, ssm: FakeSsm) -> None:
    result = concord("setup", "--prefix", _PREFIX)
    assert result.exit_code == 0, result.output
    kinds = {name: kind for name, (kind, _) in ssm.values.items()}
    assert kinds == {
        f"{_PREFIX}/stack-key": "SecureString",
        f"{_PREFIX}/dossier-key": "SecureString",
        f"{_PREFIX}/dossier-public-key": "String",
    }
    stack_key, seed, public = (base64.b64decode(value) for _, value in ssm.values.values())
    assert len(stack_key) == 32
    private = Ed25519PrivateKey.from_private_bytes(seed)
    assert private.public_key().public_bytes_raw() == public
    assert base64.b64encode(public).decode() in result.stdout
    assert ssm.urls[0] == "http://127.0.0.1:4566/"


def test_the_stack_key_is_shown_once_and_private_keys_never(concord: Cli, ssm: FakeSsm) -> None:
    first = concord("setup", "--prefix", _PREFIX)
    before = dict(ssm.values)
    second = concord("setup", "--prefix", _PREFIX)
    stack_key = ssm.values[f"{_PREFIX}/stack-key"][1]
    assert first.stdout.count(stack_key) == 1
    assert "escrow" in first.stderr
    assert stack_key not in second.output
    assert ssm.values[f"{_PREFIX}/dossier-key"][1] not in first.output + second.output
    assert second.exit_code == 0
    assert ssm.values == before
    assert "nothing was changed" in second.stdout
    assert f"exists  {_PREFIX}/stack-key" in second.stdout


def test_no_show_hides_the_stack_key(concord: Cli, ssm: FakeSsm) -> None:
    result = concord("setup", "--prefix", _PREFIX, "--no-show")
    assert ssm.values[f"{_PREFIX}/stack-key"][1] not in result.output


def test_for_scripts_in_aws(ssm: FakeSsm, monkeypatch: pytest.MonkeyPatch) -> None:
    """As sandbox/stack calls it: credentials from the environment, JSON out, nothing shown."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", ssm.secret)
    words = ["setup", "--endpoint-url", "http://127.0.0.1:1", "--region", "eu-west-1"]
    words += ["--prefix", _PREFIX, "--json", "--no-show"]
    concord = Cli(ssm, None)
    first, second = json.loads(concord(*words).stdout), json.loads(concord(*words).stdout)
    public = ssm.values[f"{_PREFIX}/dossier-public-key"][1]
    assert first == {"created": list(ssm.values), "dossier_public_key": public}
    assert second == {"created": [], "dossier_public_key": public}
    assert set(ssm.urls) == {"http://127.0.0.1:1/"}


def test_without_an_endpoint_it_goes_to_the_regions_own(
    ssm: FakeSsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", ssm.secret)
    result = Cli(ssm, None)("setup", "--region", "eu-west-1", "--prefix", _PREFIX)
    assert result.exit_code == 0, result.output
    assert set(ssm.urls) == {"https://ssm.eu-west-1.amazonaws.com/"}


def test_a_run_that_broke_off_is_finished_with_the_key_that_is_there(
    concord: Cli, ssm: FakeSsm
) -> None:
    concord("setup", "--prefix", _PREFIX)
    _, public = ssm.values.pop(f"{_PREFIX}/dossier-public-key")
    result = concord("--json", "setup", "--prefix", _PREFIX)
    assert json.loads(result.stdout)["created"] == [f"{_PREFIX}/dossier-public-key"]
    assert ssm.values[f"{_PREFIX}/dossier-public-key"] == ("String", public)


def test_two_setups_at_once_agree(concord: Cli, ssm: FakeSsm) -> None:
    """SSM decides who was first; the second derives its public key from the first's private."""
    theirs = base64.b64encode(bytes(range(32))).decode()

    def other_is_first(name: str) -> None:
        if name.endswith("/dossier-key"):
            ssm.values[name] = ("SecureString", theirs)

    ssm.before_put = other_is_first
    result = concord("--json", "setup", "--prefix", _PREFIX)
    expected = Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key()
    shown = json.loads(result.stdout)["dossier_public_key"]
    assert read_public_key(shown).public_bytes_raw() == expected.public_bytes_raw()
    assert f"{_PREFIX}/dossier-key" not in json.loads(result.stdout)["created"]


def test_a_public_key_without_its_private_one_is_not_paired_with_a_new_one(
    concord: Cli, ssm: FakeSsm
) -> None:
    concord("setup", "--prefix", _PREFIX)
    del ssm.values[f"{_PREFIX}/dossier-key"]
    before = dict(ssm.values)
    result = concord("setup", "--prefix", _PREFIX)
    assert result.exit_code == 1
    assert "the private key it belongs to is not" in result.stderr
    assert ssm.values == before


def test_a_missing_right_is_one_clear_line(
    concord: Cli, ssm: FakeSsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse = ssm.refuse("AccessDeniedException", "not authorized")
    monkeypatch.setattr(ssm, "PutParameter", lambda _: refuse)
    result = concord("setup", "--prefix", _PREFIX)
    assert result.exit_code == 1
    assert "ssm:PutParameter was refused: not authorized" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("prefix", ["concord/test", "/concord/test/", "/", "//x", "/a b"])
def test_a_prefix_that_the_functions_could_not_find_is_refused(
    concord: Cli, ssm: FakeSsm, prefix: str
) -> None:
    assert concord("setup", "--prefix", prefix).exit_code == 2
    assert ssm.urls == []
