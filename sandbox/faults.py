"""Faults that a test orders: the next matching calls fail as asked."""

from typing import Annotated

from pydantic import ConfigDict, Field

from sandbox.accounts import Seed

AWS_SERVICES = frozenset({"dynamodb", "sqs"})


class Fault(Seed):
    """Body of `POST /_faults`.

    `status` 0 closes the connection without doing the work; `lose_answer` does the work, then
    closes it. `path` is a prefix (with or without the platform's own), for AWS services an
    operation name. `code` names the platform's own error, `retry_after` is in seconds.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    platform: str
    method: str | None = None
    path: str | None = None
    status: Annotated[int, Field(ge=0, le=599)] | None = None
    code: str | int | None = None
    retry_after: Annotated[int, Field(ge=0)] | None = None
    delay_ms: Annotated[int, Field(ge=0, le=300_000)] = 0
    lose_answer: bool = False
    times: Annotated[int, Field(ge=1)] | None = None

    def matches(self, platform: str, method: str, paths: list[str]) -> bool:
        """Tell whether this fault is meant for a call that is known under any of `paths`."""
        if self.platform != platform:
            return False
        if self.method is not None and self.method.upper() != method:
            return False
        if self.path is None:
            return True
        if platform in AWS_SERVICES:
            return self.path in paths
        return any(path.startswith(self.path) for path in paths)


class FaultBook:
    """The faults in force, oldest first."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._faults.append(fault)

    def take(self, platform: str, method: str, paths: list[str]) -> Fault | None:
        """Return the oldest matching fault and count it down."""
        for fault in self._faults:
            if fault.matches(platform, method, paths):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times == 0:
                        self._faults.remove(fault)
                return fault
        return None

    def all(self) -> list[Fault]:
        return list(self._faults)

    def clear(self) -> None:
        self._faults.clear()
