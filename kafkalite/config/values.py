"""Text -> typed value and back, with Kafka's rules (`ConfigDef.parseType` and its validators)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from kafkalite.config.definitions import ConfigType, Definition
from kafkalite.config.problems import ConfigError

Value = bool | int | float | str | tuple[str, ...]

_BITS = {ConfigType.SHORT: 16, ConfigType.INT: 32, ConfigType.LONG: 64}
_THROTTLED = re.compile(r"\d+:\d+")


def parse(definition: Definition, text: str) -> Value:
    """The value of `text` for this key: bool, int, float, str or, for a LIST, a tuple.

    Raises ConfigError when the text is not of the key's type or not among its valid values.
    """
    value = _convert(definition, text.strip())
    reason = _refusal(definition, value)
    if reason is not None:
        raise _error(definition, text, reason)
    return value


def value_text(value: Value) -> str:
    """A typed value as Kafka writes it: `true`, `a,b`, `1.0E10`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ",".join(value)
    return _java_double(value) if isinstance(value, float) else str(value)


def unknown_key(key: str, known: Iterable[str], kind: str = "config") -> ConfigError:
    """The error for a key that Kafka does not have, naming the nearest one that it has."""
    import difflib

    nearest = difflib.get_close_matches(key, list(known), n=1, cutoff=0.75)
    return ConfigError(key, None, f"there is no such {kind}", nearest[0] if nearest else None)


def to_milliseconds(key: str, value: int) -> int:
    """`value` of a broker key in ms, minutes or hours, as its name says. Negative means no limit and gives -1."""
    if value < 0:
        return -1
    if key.endswith(".hours"):
        return value * 3_600_000
    return value * 60_000 if key.endswith(".minutes") else value


def _convert(definition: Definition, text: str) -> Value:
    kind = definition.type
    if kind is ConfigType.BOOLEAN:
        if text.lower() not in ("true", "false"):
            raise _error(definition, text, "must be true or false")
        return text.lower() == "true"
    if kind in _BITS:
        return _whole_number(definition, text, _BITS[kind])
    if kind is ConfigType.DOUBLE:
        try:
            return float(text)
        except ValueError:
            raise _error(definition, text, "must be a number") from None
    if kind is ConfigType.LIST:
        parts = [part.strip() for part in text.split(",")] if text else []
        # Kafka takes what is said twice as said once.
        return tuple(parts if definition.throttled_replicas else dict.fromkeys(parts))
    return text


def _java_double(value: float) -> str:
    """As Java's Double.toString: plain from 0.001 up to 10 million, else one digit, the rest and an exponent."""
    if value == 0 or 1e-3 <= abs(value) < 1e7 or not math.isfinite(value):
        return repr(value)
    from decimal import Decimal

    number = Decimal(repr(value))
    digits = "".join(map(str, number.as_tuple().digits)).rstrip("0")
    sign = "-" if value < 0 else ""
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{number.adjusted()}"


def _whole_number(definition: Definition, text: str, bits: int) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,20}", text):
        raise _error(definition, text, "must be a whole number")
    number = int(text)
    limit = 1 << (bits - 1)
    if not -limit <= number < limit:
        raise _error(definition, text, f"does not fit in {bits} bits")
    return number


def _refusal(definition: Definition, value: Value) -> str | None:
    """Why a value of the right type is not allowed; None when it is."""
    if isinstance(value, tuple):
        return _list_refusal(definition, value)
    if isinstance(value, str):
        return _word_refusal(definition, value)
    return None if value == definition.also else _range_refusal(definition, value)


def _range_refusal(definition: Definition, value: float) -> str | None:
    low, high = definition.min, definition.max
    unit = _unit(definition.name)
    if low is not None and high is not None and not low <= value <= high:
        return f"must be from {low} to {high}{unit}"
    if low is not None and not value >= low:
        return f"must be at least {low}{unit}"
    return None


def _word_refusal(definition: Definition, value: str) -> str | None:
    if not value and definition.non_empty:
        return "must not be empty"
    allowed = definition.values
    if not allowed or value in allowed:
        return None
    if definition.ignore_case and value.upper() in {word.upper() for word in allowed}:
        return None
    return f"must be one of {', '.join(allowed)}"


def _list_refusal(definition: Definition, value: tuple[str, ...]) -> str | None:
    if not value:
        return "must name at least one" if definition.non_empty else None
    if definition.throttled_replicas:
        fits = value == ("*",) or all(_THROTTLED.fullmatch(pair) for pair in value)
        return None if fits else "must be * or partition:broker pairs with commas between"
    if "" in value:
        return "has an empty entry between its commas"
    if definition.values:
        allowed = set(value) <= set(definition.values)
        return None if allowed else f"may hold only {', '.join(definition.values)}"
    return None


def _unit(name: str) -> str:
    """Kafka's names end in their unit; messages say it."""
    unit = name.rpartition(".")[2]
    return f" {unit}" if unit in ("bytes", "ms", "seconds", "minutes", "hours") else ""


def _error(definition: Definition, text: str, reason: str) -> ConfigError:
    return ConfigError(definition.name, None if definition.sensitive else text, reason)
