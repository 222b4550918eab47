"""Guard: what scripts/trim_layer.py takes out of the layer is what nothing of ours needs."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.stack.build import TEMPLATE, build, source_hash
from sandbox.stack.layout import ROOT, layout
from scripts.trim_layer import SERVICES, main, trim
from tests.template.cfn import functions

_CONCORD = ROOT / "layers" / "shared" / "concord"
_CLIENT = re.compile(r'client\("([a-z0-9-]+)"|SERVICE: Final = "([a-z0-9-]+)"')
# In an interpreter that knows the layer and nothing else, as in Lambda. A presigned URL takes a
# client's whole way but the network: its model, its endpoint rules, its signature.
_SCRIPT = """
import importlib, json, pkgutil, sys
sys.path[:0] = sys.argv[2:]
wanted = json.loads(sys.argv[1])

import concord
for module in pkgutil.walk_packages(concord.__path__, "concord."):
    importlib.import_module(module.name)

import boto3, httpx
from concord.adapters.signing import new_key_pair, sign, verify
from concord.domain.phone import normalise_phone

found = {"urls": {}, "phones": []}
for service, operation in wanted["calls"].items():
    client = boto3.client(service)
    client.exceptions
    found["urls"][service] = client.generate_presigned_url(operation)
for text, country in wanted["phones"]:
    found["phones"].append(normalise_phone(text, country))
private, public = new_key_pair()
found["verified"] = verify(public, b"statement", sign(private, b"statement"))
httpx.Client().close()
print(json.dumps(found))
"""
_CALLS = {
    "cloudwatch": "list_metrics",
    "dynamodb": "list_tables",
    "pinpoint-sms-voice-v2": "describe_phone_numbers",
    "sesv2": "get_account",
    "sqs": "list_queues",
    "ssm": "describe_parameters",
}
_HOSTS = {
    "cloudwatch": "monitoring.us-east-1.amazonaws.com",
    "dynamodb": "dynamodb.us-east-1.amazonaws.com",
    "pinpoint-sms-voice-v2": "sms-voice.us-east-1.amazonaws.com",
    "sesv2": "email.us-east-1.amazonaws.com",
    "sqs": "sqs.us-east-1.amazonaws.com",
    "ssm": "ssm.us-east-1.amazonaws.com",
}
_PHONES = {
    ("020 7946 0958", "GB"): "+442079460958",
    ("(415) 555-0100", "US"): "+14155550100",
    ("+61 2 5550 4321", "US"): "+61255504321",
}


def test_each_client_of_ours_keeps_its_model() -> None:
    """A service that the code calls and the list forgets would fail in Lambda alone."""
    sources = "\n".join(path.read_text() for path in _CONCORD.rglob("*.py"))
    called = {first or second for first, second in _CLIENT.findall(sources)}
    assert called == set(SERVICES) == set(_CALLS)


def _tree(layer: Path, *files: str) -> None:
    for name in files:
        path = layer / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_trim_takes_what_it_names_and_nothing_beside_it(tmp_path: Path) -> None:
    kept = {
        "botocore/data/endpoints.json",
        "botocore/data/sqs/2012-11-05/service-2.json.gz",
        "concord/domain/phone.py",
        "phonenumbers/data/region_GB.py",
        "phonenumbers/shortdata/__init__.py",
        "pydantic-2.dist-info/METADATA",
    }
    gone = {
        "botocore/data/ec2/2016-11-15/service-2.json.gz",
        "phonenumbers/geodata/__init__.pyi",
        "phonenumbers/shortdata/region_GB.py",
        "pydantic-2.dist-info/RECORD",
    }
    _tree(tmp_path, *kept, *gone)
    for _ in range(2):  # a build of unchanged sources is trimmed again
        trim(tmp_path)
        left = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
        assert left == kept


def test_trim_refuses_any_other_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _tree(tmp_path, "bin/important")
    monkeypatch.setattr(sys, "argv", ["trim_layer", str(tmp_path)])
    with pytest.raises(SystemExit):
        main()
    assert (tmp_path / "bin" / "important").exists()


@pytest.fixture(scope="module")
def built() -> None:
    build(source_hash(), layout())


@pytest.mark.e2e
@pytest.mark.usefixtures("built")
class TestBuilt:
    """The layer as `make up` and `make deploy` ship it."""

    def test_whatever_we_do_with_libraries_works(self) -> None:
        """Every module of ours imports; clients, phone numbers, signatures and HTTPS work."""
        wanted = {"calls": _CALLS, "phones": list(_PHONES)}
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _SCRIPT, json.dumps(wanted), str(_layer())],
            env={
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "testing",
                "AWS_SECRET_ACCESS_KEY": "testing",
            },
            cwd=TEMPLATE.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        hosts = {name: url.split("/")[2] for name, url in found["urls"].items()}
        assert hosts == _HOSTS
        assert found["phones"] == list(_PHONES.values())
        assert found["verified"] is True

    def test_layer_and_function_stay_small(self) -> None:
        """Layer + any function <= 120 MB unzipped (reliability.md, 36): well below it, trimmed."""
        largest = max(_megabytes(TEMPLATE.parent / name) for name in functions())
        assert _megabytes(_layer()) + largest <= 80

    def test_what_is_imported_is_compiled(self) -> None:
        """Lambda cannot write .pyc files: what lacks one is compiled at every cold start."""
        sources = [p for p in _layer().rglob("*.py") if "concord" in p.parts]
        bare = [p for p in sources if not list(p.parent.glob(f"__pycache__/{p.stem}.*.pyc"))]
        assert sources
        assert bare == []


def _layer() -> Path:
    return TEMPLATE.parent / "SharedLayer" / "python"


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1024**2
