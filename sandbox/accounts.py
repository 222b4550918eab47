"""What a control call seeds: accounts, their text numbers, wiring and shoppers."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from sandbox.phones import to_e164

_SECRETS = frozenset({"webhook_secret", "connect_key", "credentials", "webhook_url"})


class Seed(BaseModel):
    """A control body; a field nobody knows is refused."""

    model_config = ConfigDict(extra="forbid")


class Phone(Seed):
    number: str
    opted_in: bool = False

    @field_validator("number")
    @classmethod
    def _spell(cls, number: str) -> str:
        return to_e164(number)


class Address(Seed):
    country: str | None = None
    region: str | None = None
    postal_code: str | None = None


class Group(Seed):
    id: str = Field(min_length=1)
    name: str = Field(min_length=1)


class Shopper(Seed):
    id: str = Field(min_length=1)
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phones: list[Phone] = []
    groups: list[str] = []
    guest: bool = False
    address: Address | None = None

    @field_validator("phones", mode="before")
    @classmethod
    def _allow_bare_numbers(cls, phones: object) -> object:
        if not isinstance(phones, list):
            return phones
        return [{"number": phone} if isinstance(phone, str) else phone for phone in phones]


class ReceiptOptions(Seed):
    """What a carrier tells of texts, and when.

    `hold` keeps receipts until `POST /{platform}/_receipts`. A failing number is named with the
    carrier's own code; of a silent one nothing is told, though its texts arrive.
    """

    delay_ms: int = Field(default=0, ge=0, le=3_600_000)
    hold: bool = False
    duplicate: bool = False
    out_of_order: bool = False
    fail_numbers: dict[str, str] = {}
    silent_numbers: list[str] = []

    @field_validator("fail_numbers")
    @classmethod
    def _spell_keys(cls, codes: dict[str, str]) -> dict[str, str]:
        return {to_e164(number): code for number, code in codes.items()}

    @field_validator("silent_numbers")
    @classmethod
    def _spell_each(cls, numbers: list[str]) -> list[str]:
        return [to_e164(number) for number in numbers]


class AccountSeed(Seed):
    """Body of `PUT /{platform}/_accounts/{account_id}`; only the fields given are changed."""

    name: str | None = None
    text_numbers: list[str] = []
    webhook_url: str | None = None
    webhook_secret: str | None = None
    api_url: str | None = None
    connection_id: str | None = None
    connect_key: str | None = None
    credentials: dict[str, str] | None = None
    shoppers: list[Shopper] = []
    groups: list[Group] = []
    # AWS: where two-way messages are published
    topic_arn: str | None = None
    endpoint_url: str | None = None
    # The carrier-side options of Twilio and AWS
    advanced_opt_out: bool = False
    self_managed_opt_outs: bool = False
    # How fast texts leave for the handsets (None: at once), and how many sends a second are taken
    texts_per_second: float | None = Field(default=None, gt=0, le=100_000)
    calls_per_second: int | None = Field(default=None, ge=1)
    receipts: ReceiptOptions | None = None
    # Ecomail: how many calls a minute its key may make (None: as everybody's)
    calls_per_minute: int | None = Field(default=None, ge=1)
    # Text-Em-All: a feed that pays no heed to its filters
    ignore_filters: bool = False

    @field_validator("text_numbers")
    @classmethod
    def _spell(cls, numbers: list[str]) -> list[str]:
        return list(dict.fromkeys(to_e164(number) for number in numbers))


class Account(AccountSeed):
    """One account of a simulated platform, kept until a reset forgets it."""

    account_id: str
    number_ids: dict[str, int] = {}

    @property
    def secret(self) -> dict[str, str]:
        """Return the credentials, empty when the account was seeded without."""
        return self.credentials or {}

    def view(self) -> dict[str, Any]:
        """Return what is stored, secrets by name only (a webhook URL carries its token)."""
        shown = self.model_dump(exclude={*_SECRETS, "number_ids", "text_numbers"})
        shown["text_numbers"] = [
            {"id": self.number_ids[number], "number": number} for number in self.text_numbers
        ]
        shown["wired"] = sorted(name for name in _SECRETS if getattr(self, name))
        return shown


class AccountBook:
    """The accounts of one platform, newest seeding last."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}
        self._next_number_id = 1001

    def __iter__(self) -> Iterator[Account]:
        return iter(list(self._accounts.values()))

    def get(self, account_id: str) -> Account | None:
        return self._accounts.get(account_id)

    def put(self, account_id: str, seed: AccountSeed) -> Account:
        """Create the account, or change the fields that `seed` was given."""
        known = self._accounts.pop(account_id, None)
        account = known or Account(account_id=account_id)
        for name in seed.model_fields_set - {"shoppers"}:
            setattr(account, name, getattr(seed, name))
        account.shoppers = _merge_shoppers(account.shoppers, seed.shoppers)
        for number in account.text_numbers:
            # An id once given stays with its number, so the first number of an account stays first.
            if number not in account.number_ids:
                account.number_ids[number] = self._next_number_id
                self._next_number_id += 1
        self._accounts[account_id] = account
        return account

    def by_number(self, number: str) -> Account | None:
        """Find the account that owns a text number; the newest seeding wins."""
        spelled = to_e164(number)
        owners = [account for account in self if spelled in account.text_numbers]
        return owners[-1] if owners else None

    def clear(self) -> None:
        self._accounts.clear()


def _merge_shoppers(known: list[Shopper], seeded: list[Shopper]) -> list[Shopper]:
    """Add or replace shoppers by id; a flag already set survives unless the seed names it."""
    merged = {shopper.id: shopper for shopper in known}
    for shopper in seeded:
        before = merged.get(shopper.id)
        flags = {phone.number: phone.opted_in for phone in before.phones} if before else {}
        for phone in shopper.phones:
            if "opted_in" not in phone.model_fields_set:
                phone.opted_in = flags.get(phone.number, False)
        merged[shopper.id] = shopper
    return list(merged.values())
