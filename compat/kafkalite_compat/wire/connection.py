"""A connection to one broker that chooses the versions, and what the suite makes of error codes."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Final

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages import APIS
from kafkalite_protocol.messages.api_versions import ApiVersionsRequest

from kafkalite_compat.wire.raw import RawClient

CLIENT_ID: Final = "kafkalite-compat"
ANSWER_WITHIN_S: Final = 30.0


class WireError(Exception):
    """The broker did not do what the suite itself asked for, so a scenario cannot be prepared or checked."""


class Refused(WireError):
    """The broker answered with an error code."""

    def __init__(self, what: str, code: int, message: str | None = None) -> None:
        super().__init__(f"{what}: {error_name(code)}" + (f": {message}" if message else ""))
        self.code = code

    @property
    def is_retriable(self) -> bool:
        known = error_of(self.code)
        return known is not None and known.retriable


def error_name(code: int) -> str:
    """Kafka's name of an error code, e.g. "NOT_COORDINATOR (16)"."""
    known = error_of(code)
    return f"error {code}" if known is None else f"{known.name} ({code})"


def error_of(code: int) -> ErrorCode | None:
    """The error of this code, or None where Kafka has none."""
    return next((error for error in ErrorCode if error.value == code), None)


def check(what: str, code: int, message: str | None = None) -> None:
    """Raises Refused unless `code` is 0."""
    if code:
        raise Refused(what, code, message)


class Connection:
    """A connection that has asked for the broker's versions. Raises OSError when it breaks."""

    def __init__(self, host: str, port: int, within_s: float = ANSWER_WITHIN_S) -> None:
        self._client = RawClient((host, port), CLIENT_ID, within_s)
        self.versions: dict[int, tuple[int, int]] = {ApiVersionsRequest.API_KEY: (0, 0)}
        self.versions = {
            api.api_key: (api.min_version, api.max_version)
            for api in self.ask(ApiVersionsRequest(), at_most=0).api_keys
        }

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def version_for(self, api_key: int, at_most: int | None = None) -> int:
        """The highest version both sides know, `at_most` at most. Raises WireError if there is none."""
        info = APIS[api_key]
        lowest, highest = self.versions.get(api_key, (0, -1))
        version = min(highest, info.max_version if at_most is None else at_most)
        if version < max(lowest, info.min_version):
            raise WireError(f"the broker offers {info.name} in versions {lowest} to {highest} only")
        return version

    def ask(self, request: Any, at_most: int | None = None) -> Any:
        """Send a request and wait for its response."""
        return self._client.ask(request, self.version_for(type(request).API_KEY, at_most))
