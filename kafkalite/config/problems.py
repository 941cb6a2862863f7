"""A config that cannot be used, told in plain words."""

from __future__ import annotations

from collections.abc import Sequence

from kafkalite.errors import StartupError


class ConfigError(ValueError):
    """One key whose value, or whose name, is wrong.

    `value` is None when the value is secret or beside the point; `suggestion` is what the person probably meant.
    """

    def __init__(
        self, key: str, value: str | None, reason: str, suggestion: str | None = None
    ) -> None:
        super().__init__(key, value, reason, suggestion)
        self.key = key
        self.value = value
        self.reason = reason
        self.suggestion = suggestion

    def __str__(self) -> str:
        what = self.key if self.value is None else f"{self.key}={self.value}"
        hint = f" (did you mean {self.suggestion}?)" if self.suggestion else ""
        return f"{what}: {self.reason}{hint}"


class InvalidConfigurationError(StartupError):
    """Everything that is wrong with a broker's configuration, so that it is put right in one go."""

    def __init__(self, problems: Sequence[ConfigError]) -> None:
        lines = "\n".join(f"  {problem}" for problem in problems)
        super().__init__(f"the configuration cannot be used:\n{lines}")
        self.problems = tuple(problems)
