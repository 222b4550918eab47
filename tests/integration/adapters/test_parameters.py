"""Secrets in the parameter store over moto, and the signatures that its keys make."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from concord.adapters import signing
from concord.adapters.clients import client as new_client
from concord.adapters.parameters import MAX_VALUE, SsmSecrets, secrets_json
from concord.domain.credentials import ConnectionSecrets
from concord.domain.errors import InvalidInputError, StackKeyError, StorageUnavailableError
from concord.domain.events import SecretValue
from tests.support.builders import at
from tests.support.counting import Faults, counted

PREFIX = "/concord/test"
KEY = bytes(range(32))
SECRETS = ConnectionSecrets(
    stack_key=KEY,
    webhook_secrets=(SecretValue("whsec_new"), SecretValue("whsec_old", at(60))),
    source={"api_key": "s3cret"},
    destination={"consumer_key": "k", "consumer_secret": "ø"},
    sender={"token": "t"},
)


class Ticks:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def ssm(moto_aws: None) -> Any:
    return new_client("ssm", connect=0.3, read=0.5)


def setup(ssm: Any, name: str = "stack-key", value: bytes = KEY) -> None:
    ssm.put_parameter(
        Name=f"{PREFIX}/{name}", Value=base64.b64encode(value).decode(), Type="SecureString"
    )


class TestSecrets:
    """One request, 60 s of memory."""

    def test_secrets_come_back_with_the_stack_key_in_one_request(self, ssm: Any) -> None:
        setup(ssm)
        secrets = SsmSecrets(PREFIX, ssm)
        version = secrets.save("shop.abc", SECRETS)
        with counted(ssm) as requests:
            assert secrets.load("shop.abc", version) == SECRETS
            assert secrets.stack_key() == KEY
        assert requests == {"GetParameters": 1}

    def test_they_are_stored_encrypted_and_without_the_stack_key(self, ssm: Any) -> None:
        SsmSecrets(PREFIX + "/", ssm).save("shop.abc", SECRETS)
        (stored,) = ssm.get_parameters(Names=[f"{PREFIX}/connections/shop.abc"])["Parameters"]
        assert stored["Type"] == "SecureString"
        assert base64.b64encode(KEY).decode() not in stored["Value"]

    def test_memory_lasts_sixty_seconds(self, ssm: Any) -> None:
        """Rules, Storage: one GetParameters per connection, cached 60 s."""
        setup(ssm)
        clock = Ticks()
        secrets = SsmSecrets(PREFIX, ssm, monotonic=clock)
        version = SsmSecrets(PREFIX, ssm).save("shop.abc", SECRETS)
        with counted(ssm) as requests:
            for wait in (0, 59, 1):
                clock.now += wait
                assert secrets.load("shop.abc", version) == SECRETS
        assert requests == {"GetParameters": 2}

    def test_memory_of_a_version_is_not_one_of_another(self, ssm: Any) -> None:
        """Rules, Storage: rotation holds as soon as the connection names another version."""
        setup(ssm)
        secrets = SsmSecrets(PREFIX, ssm)
        first = SsmSecrets(PREFIX, ssm).save("shop.abc", SECRETS)
        assert secrets.load("shop.abc", first) == SECRETS
        changed = ConnectionSecrets(KEY, source={"api_key": "new"})
        second = SsmSecrets(PREFIX, ssm).save("shop.abc", changed)
        assert secrets.load("shop.abc", first) == SECRETS
        assert secrets.load("shop.abc", second) == changed
        assert secrets.load("shop.abc", first) == SECRETS

    def test_the_newest_is_asked_for_each_time(self, ssm: Any) -> None:
        setup(ssm)
        secrets = SsmSecrets(PREFIX, ssm)
        for n in range(2):
            changed = ConnectionSecrets(KEY, source={"api_key": str(n)})
            version = SsmSecrets(PREFIX, ssm).save("shop.abc", changed)
            assert secrets.load("shop.abc", None) == changed
        with counted(ssm) as requests:
            assert secrets.load("shop.abc", version) == changed
        assert not requests

    def test_that_nothing_is_there_is_never_remembered(self, ssm: Any) -> None:
        setup(ssm)
        secrets = SsmSecrets(PREFIX, ssm)
        assert secrets.load("shop.abc", 1) == ConnectionSecrets(KEY)
        assert SsmSecrets(PREFIX, ssm).save("shop.abc", SECRETS) == 1
        assert secrets.load("shop.abc", 1) == SECRETS

    @pytest.mark.parametrize(("more", "fits"), [(0, True), (1, False)])
    def test_what_a_parameter_cannot_hold_is_refused_by_name(
        self, ssm: Any, more: int, fits: bool
    ) -> None:
        """A standard parameter has 4 KB, in bytes: the answer says so, and nothing is written."""
        empty = len(secrets_json(ConnectionSecrets(KEY, source={"k": "ø"})).encode())
        full = ConnectionSecrets(KEY, source={"k": "ø" + "x" * (MAX_VALUE - empty + more)})
        secrets = SsmSecrets(PREFIX, ssm)
        if fits:
            assert secrets.save("shop.abc", full) == 1
            return
        with pytest.raises(InvalidInputError) as refusal:
            secrets.save("shop.abc", full)
        assert [error.field for error in refusal.value.errors] == ["credentials"]
        assert "4,096 bytes" in refusal.value.errors[0].message
        assert not ssm.get_parameters(Names=[f"{PREFIX}/connections/shop.abc"])["Parameters"]

    def test_without_a_stack_key_all_work_is_refused(self, ssm: Any) -> None:
        secrets = SsmSecrets(PREFIX, ssm)
        secrets.save("shop.abc", SECRETS)
        with pytest.raises(StackKeyError, match="concord setup"):
            secrets.load("shop.abc", 1)
        with pytest.raises(StackKeyError):
            secrets.stack_key()

    @pytest.mark.parametrize("damaged", ["%%%", "AAAA", ""])
    def test_a_damaged_stack_key_is_refused(self, ssm: Any, damaged: str) -> None:
        ssm.put_parameter(Name=f"{PREFIX}/stack-key", Value=damaged or "=", Type="SecureString")
        with pytest.raises(StackKeyError, match="32 bytes"):
            SsmSecrets(PREFIX, ssm).stack_key()

    def test_a_quick_failure_is_tried_once_more(self, ssm: Any) -> None:
        setup(ssm)
        faults = Faults(ssm, lambda _, n: "ThrottlingException" if n == 1 else None)
        assert SsmSecrets(PREFIX, faults).stack_key() == KEY  # type: ignore[arg-type]
        assert len(faults.calls) == 2

    def test_a_slow_one_is_not(self, ssm: Any) -> None:
        clock = Ticks()

        class Slow:
            calls = 0

            def get_parameters(self, **_: Any) -> None:
                self.calls += 1
                clock.now += 0.5
                raise ReadTimeoutError(endpoint_url="http://ssm")

        slow = Slow()
        with pytest.raises(StorageUnavailableError) as away:
            SsmSecrets(PREFIX, slow, monotonic=clock).load("shop.abc", 1)  # type: ignore[arg-type]
        assert slow.calls == 1
        assert away.value.__suppress_context__

    def test_nothing_secret_is_printed(self) -> None:
        """Reliability 37."""
        assert "s3cret" not in repr(SECRETS)
        assert "whsec" not in repr(SECRETS)


class TestDossierKeys:
    """L-01: the key pair of `concord setup`."""

    def test_what_one_key_signs_its_other_half_verifies(self, ssm: Any) -> None:
        private, public = signing.new_key_pair()
        setup(ssm, "dossier-key", private)
        ssm.put_parameter(Name=f"{PREFIX}/dossier-public-key", Value=public, Type="String")
        secrets = SsmSecrets(PREFIX, ssm)
        signature = signing.sign(secrets.dossier_key(), b"statement")
        assert secrets.dossier_public_key() == public
        assert signing.verify(public, b"statement", signature)
        assert not signing.verify(public, b"statement!", signature)
        assert not signing.verify(signing.new_key_pair()[1], b"statement", signature)

    def test_without_setup_there_is_none(self, ssm: Any) -> None:
        assert SsmSecrets(PREFIX, ssm).dossier_public_key() is None
        with pytest.raises(StackKeyError, match="concord setup"):
            SsmSecrets(PREFIX, ssm).dossier_key()

    def test_the_first_vector_of_rfc_8032(self) -> None:
        secret = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
        public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
        expected = bytes.fromhex(
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bac"
            "c61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        )
        assert base64.b64decode(signing.sign(secret, b"")) == expected
        assert signing.verify(base64.b64encode(public).decode(), b"", signing.sign(secret, b""))

    @pytest.mark.parametrize("odd", ["", "%%", "AAAA", "é", "=" * 88])
    def test_the_verifier_is_total(self, odd: str) -> None:
        _, public = signing.new_key_pair()
        assert not signing.verify(public, b"x", odd)
        assert not signing.verify(odd, b"x", base64.b64encode(bytes(64)).decode())
