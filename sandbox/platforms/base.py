"""What every simulated platform has: accounts, handsets, routes, its own error shape."""

from abc import ABC, abstractmethod

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.accounts import AccountBook, AccountSeed, Seed
from sandbox.handsets import Handsets
from sandbox.pace import Pace
from sandbox.receipts import Receipts
from sandbox.web import Outbound, json_body

ALL_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]  # what a catch-all route refuses with 404


class HandsetText(Seed):
    """Body of `POST /{platform}/_handset`: a shopper texts.

    `id` and `at` are made up unless given; a test gives them to deliver a text twice.
    """

    sender: str = Field(alias="from", min_length=3)
    to: str = Field(min_length=3)
    text: str
    id: str | None = None
    at: str | None = None


class Platform(ABC):
    """One simulated platform. State changes never span an await, so one loop needs no locks."""

    name: str
    version_prefix = ""

    def __init__(self, outbound: Outbound) -> None:
        self.outbound = outbound
        self.accounts = AccountBook()
        self.handsets = Handsets()
        self.pace = Pace()
        self.receipts = Receipts()

    @abstractmethod
    def routes(self) -> list[Route]:
        """Return the platform's contract and controls, paths in full."""

    @abstractmethod
    def fault_answer(self, status: int, code: str | int | None) -> Response:
        """Spell an ordered failure as this platform would."""

    def forget(self, *, accounts: bool) -> None:
        """Forget texts, and with `accounts` everything an account knows."""
        self.handsets.clear()
        self.receipts.clear()
        self.pace = Pace()
        if accounts:
            self.accounts.clear()

    def control_routes(self) -> list[Route]:
        """Return the controls that every platform has."""
        prefix = f"/{self.name}"
        return [
            Route(f"{prefix}/_accounts/{{account_id}}", self._put_account, methods=["PUT"]),
            Route(f"{prefix}/_handset/{{number}}", self._get_handset, methods=["GET"]),
            Route(f"{prefix}/_texts", self._count_texts, methods=["GET"]),
            Route(f"{prefix}/_arrive", self._arrive, methods=["POST"]),
            Route(f"{prefix}/_receipts", self._tell_receipts, methods=["POST"]),
        ]

    async def _put_account(self, request: Request) -> Response:
        seed = await json_body(request, AccountSeed)
        return JSONResponse(self.accounts.put(request.path_params["account_id"], seed).view())

    async def _get_handset(self, request: Request) -> Response:
        return JSONResponse(self.handsets.of(request.path_params["number"]))

    async def _count_texts(self, request: Request) -> Response:
        """Count the texts that arrived, by number and words: two of a kind are a double."""
        query = request.query_params
        return JSONResponse(self.handsets.count(query.get("to"), query.get("text")))

    async def _arrive(self, request: Request) -> Response:
        """Let every text that is on its way arrive now, however slow its account."""
        self.handsets.arrive()
        self.receipts.arrive()
        self.pace = Pace()
        return JSONResponse({"arrived": True})

    async def _tell_receipts(self, request: Request) -> Response:
        """Tell now whatever is to be told of texts that went out; answer what Concord answered."""
        return JSONResponse({"statuses": await self.receipts.tell_all()})
