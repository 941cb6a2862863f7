r"""Reading a regular expression in RE2's syntax, as subscriptions by pattern are written (Kafka uses RE2/J).

    alternation    a|b            concatenation   ab             repetition   a* a+ a? a{2} a{2,} a{2,5}, lazy with ?
    any            .              class           [a-z] [^\d] [[:alpha:]]    \d \w \s and \D \W \S
    group          (a) (?:a) (?P<name>a) (?i:a)   flags   (?i) (?-s)         quote   \Q.\E
    anchors        ^ $ \A \z \b \B                unicode \pL \p{Greek} \PN   escape  \. \t \x41 \x{263a} \101

What it is read for is one question: does a topic's name match as a whole? Names have 65 different characters
(`ALPHABET`), so a class is the set of those that are in it. Laziness, captures and the flags m, s and U make no
difference to that question, and are read and forgotten.
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Callable
from enum import Enum, auto
from typing import Final, NamedTuple

ALPHABET: Final = frozenset(string.ascii_letters + string.digits + "._-")
"""What topic names are made of."""

WORD: Final = frozenset(string.ascii_letters + string.digits + "_")


class RegexError(ValueError):
    """Not a regular expression; the text says what is wrong with it."""


class Assertion(Enum):
    BEGIN = auto()
    END = auto()
    WORD_BOUNDARY = auto()
    NO_WORD_BOUNDARY = auto()


class Sequence(NamedTuple):
    """One after the other; the empty one matches the empty string."""

    parts: tuple[Node, ...]


class Choice(NamedTuple):
    parts: tuple[Node, ...]


class Repeat(NamedTuple):
    part: Node
    least: int
    most: int | None


Node = frozenset[str] | Assertion | Sequence | Choice | Repeat
"""A set of characters stands for one of them."""

EMPTY: Final = Sequence(())

_REPEAT_MAX: Final = 1000
_DEPTH_MAX: Final = 100

_PERL: Final[dict[str, Callable[[str], bool]]] = {
    "d": lambda c: "0" <= c <= "9",
    "w": lambda c: c.isascii() and (c.isalnum() or c == "_"),
    "s": lambda c: c in "\t\n\f\r ",
}
_POSIX: Final[dict[str, Callable[[str], bool]]] = {
    "alnum": lambda c: c.isascii() and c.isalnum(),
    "alpha": lambda c: c.isascii() and c.isalpha(),
    "ascii": lambda c: c.isascii(),
    "blank": lambda c: c in "\t ",
    "cntrl": lambda c: c < " " or c == "\x7f",
    "digit": lambda c: "0" <= c <= "9",
    "graph": lambda c: "!" <= c <= "~",
    "lower": lambda c: "a" <= c <= "z",
    "print": lambda c: " " <= c <= "~",
    "punct": lambda c: c in string.punctuation,
    "space": lambda c: c in "\t\n\v\f\r ",
    "upper": lambda c: "A" <= c <= "Z",
    "word": lambda c: c.isascii() and (c.isalnum() or c == "_"),
    "xdigit": lambda c: c in string.hexdigits,
}
_CATEGORY_NAMES: Final = "C Cc Cf Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl Zp Zs"
_CATEGORIES: Final = frozenset(_CATEGORY_NAMES.split())
_SCRIPT_NAMES: Final = (
    "Arabic Armenian Avestan Balinese Bamum Batak Bengali Bopomofo Brahmi Braille Buginese Buhid "
    "Canadian_Aboriginal Carian Cham Cherokee Common Coptic Cuneiform Cypriot Cyrillic Deseret Devanagari "
    "Egyptian_Hieroglyphs Ethiopic Georgian Glagolitic Gothic Greek Gujarati Gurmukhi Han Hangul Hanunoo Hebrew "
    "Hiragana Imperial_Aramaic Inherited Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada "
    "Katakana Kayah_Li Kharoshthi Khmer Lao Latin Lepcha Limbu Linear_B Lisu Lycian Lydian Malayalam Mandaic "
    "Meetei_Mayek Mongolian Myanmar New_Tai_Lue Nko Ogham Ol_Chiki Old_Italic Old_Persian Old_South_Arabian "
    "Old_Turkic Oriya Osmanya Phags_Pa Phoenician Rejang Runic Samaritan Saurashtra Shavian Sinhala Sundanese "
    "Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Tamil Telugu Thaana Thai Tibetan Tifinagh "
    "Ugaritic Unknown Vai Yi"
)
_SCRIPTS: Final = frozenset(_SCRIPT_NAMES.split())
_ESCAPES: Final = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ASSERTIONS: Final = {
    "A": Assertion.BEGIN,
    "z": Assertion.END,
    "b": Assertion.WORD_BOUNDARY,
    "B": Assertion.NO_WORD_BOUNDARY,
}
_FOLDED: Final = {"k": "\u212a", "s": "\u017f"}
"""Characters outside ASCII that are the same as one inside it when case does not matter: Kelvin sign, long s."""


def parse(expression: str, alphabet: frozenset[str] = ALPHABET) -> Node:
    """`alphabet` is what the texts that it will be matched with are made of. Raises RegexError."""
    parser = _Parser(expression, alphabet)
    node = parser.choice(0)
    if parser.rest:
        raise RegexError("unexpected )")
    return node


class _Parser:
    """Recursive descent; `_at` is where it has got to."""

    def __init__(self, text: str, alphabet: frozenset[str]) -> None:
        self._text = text
        self._alphabet = alphabet
        self._at = 0
        self._ignores_case = False

    @property
    def rest(self) -> str:
        return self._text[self._at : self._at + 2]

    def choice(self, depth: int) -> Node:
        if depth > _DEPTH_MAX:
            raise RegexError(f"groups are nested deeper than {_DEPTH_MAX}")
        outer = self._ignores_case
        branches = [self._sequence(depth)]
        while self._take("|"):
            branches.append(self._sequence(depth))
        self._ignores_case = outer
        return branches[0] if len(branches) == 1 else Choice(tuple(branches))

    def _sequence(self, depth: int) -> Node:
        parts: list[Node] = []
        repeatable = False
        while self.rest and self.rest[0] not in "|)":
            start = self._at
            bounds = self._repetition()
            if bounds is not None:
                if not repeatable:
                    raise RegexError(f"nothing to repeat before {self._text[start : self._at]}")
                self._refuse_second_repetition(start)
                parts[-1] = Repeat(parts[-1], *bounds)
                continue
            quoted = self._quoted()
            parts += quoted if quoted is not None else self._atom(depth)
            repeatable = bool(parts)
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    # -- repetition -------------------------------------------------------------------------------------------------

    def _repetition(self) -> tuple[int, int | None] | None:
        """The bounds of `*`, `{2,5}`...; None when there is none here: a `{` that begins no repetition is itself."""
        simple = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(self.rest[:1])
        if simple is not None:
            self._at += 1
        elif self.rest[:1] == "{":
            simple = self._counted()
        if simple is not None:
            self._take("?")
        return simple

    def _counted(self) -> tuple[int, int | None] | None:
        end = self._text.find("}", self._at)
        inside = self._text[self._at + 1 : end] if end >= 0 else ""
        low, comma, high = inside.partition(",")
        if not _is_number(low) or (high and not _is_number(high)):
            return None
        least = int(low)
        most = least if not comma else int(high) if high else None
        if least > _REPEAT_MAX or (most is not None and not least <= most <= _REPEAT_MAX):
            raise RegexError(f"{{{inside}}} is no repetition: at most {_REPEAT_MAX}, and in order")
        self._at = end + 1
        return least, most

    def _refuse_second_repetition(self, start: int) -> None:
        here = self._at
        if self._repetition() is not None:
            raise RegexError(f"{self._text[start : self._at]} repeats a repetition")
        self._at = here

    # -- one part ---------------------------------------------------------------------------------------------------

    def _quoted(self) -> list[Node] | None:
        r"""`\Q...\E`: every character stands for itself."""
        if self.rest != "\\Q":
            return None
        end = self._text.find("\\E", self._at + 2)
        quoted = self._text[self._at + 2 : end if end >= 0 else len(self._text)]
        self._at = end + 2 if end >= 0 else len(self._text)
        return [self._literal(character) for character in quoted]

    def _atom(self, depth: int) -> list[Node]:
        """What a repetition after it would be of; nothing for `(?i)`."""
        character = self._next()
        if character == "(":
            return self._group(depth)
        if character == "[":
            return [self._class()]
        if character == ".":
            return [self._alphabet]
        if character == "^":
            return [Assertion.BEGIN]
        if character == "$":
            return [Assertion.END]
        if character != "\\":
            return [self._literal(character)]
        assertion = _ASSERTIONS.get(self.rest[:1])
        if assertion is not None:
            self._at += 1
            return [assertion]
        named = self._named_class()
        return [self._chars(named) if named else self._literal(self._escaped())]

    def _group(self, depth: int) -> list[Node]:
        if not self._take("?"):
            return [self._inside(depth)]
        if self._take("P<") or self._take("<"):
            name, closed, _ = self._text[self._at :].partition(">")
            if not closed or not name or not all(_PERL["w"](each) for each in name):
                raise RegexError("a group's name is missing or not made of letters and digits")
            self._at += len(name) + 1
            return [self._inside(depth)]
        before = self._ignores_case
        scoped = self._flags()
        if not scoped:
            return []
        node = self._inside(depth)
        self._ignores_case = before
        return [node]

    def _inside(self, depth: int) -> Node:
        node = self.choice(depth + 1)
        if not self._take(")"):
            raise RegexError("a closing ) is missing")
        return node

    def _flags(self) -> bool:
        """`i`, `m`, `s`, `U`, after a `-` off; True when they hold for what follows a `:` alone."""
        start, value, sign_before = self._at, True, False
        while self.rest:
            flag = self._next()
            if flag == "i":
                self._ignores_case = value
            elif flag == "-" and value:
                value = False
                sign_before = True
                continue
            elif flag in ":)" and not sign_before:
                return flag == ":"
            elif flag not in "msU":
                break
            sign_before = False
        raise RegexError(f"(?{self._text[start : self._at]} is no group of RE2")

    # -- characters -------------------------------------------------------------------------------------------------

    def _class(self) -> frozenset[str]:
        negated = self._take("^")
        found: frozenset[str] = frozenset()
        first = True
        while first or not self.rest.startswith("]"):
            if not self.rest:
                raise RegexError("a closing ] is missing")
            first = False
            named = self._class_in_class()
            if named is not None:
                found |= self._chars(named)
                continue
            low = self._class_character()
            high = low
            if self.rest.startswith("-") and self.rest != "-]" and len(self.rest) > 1:
                self._at += 1
                high = self._class_character()
                if high < low:
                    raise RegexError(f"the range {low}-{high} is in the wrong order")
            found |= self._chars(_between(low, high))
        self._at += 1
        return self._alphabet - found if negated else found

    def _class_in_class(self) -> Callable[[str], bool] | None:
        if self.rest == "[:":
            name, closed, _ = self._text[self._at + 2 :].partition(":]")
            if closed:
                wanted = _POSIX.get(name.removeprefix("^"))
                if wanted is None:
                    raise RegexError(f"there is no class [:{name}:]")
                self._at += len(name) + 4
                return self._negated(wanted) if name.startswith("^") else wanted
        if self.rest.startswith("\\"):
            here = self._at
            self._at += 1
            named = self._named_class()
            if named is not None:
                return named
            self._at = here
        return None

    def _class_character(self) -> str:
        character = self._next()
        return self._escaped() if character == "\\" else character

    def _named_class(self) -> Callable[[str], bool] | None:
        r"""After a backslash: `d`, `W`, `pL`, `P{Greek}`; None when it is something else."""
        letter = self.rest[:1]
        if letter and letter.lower() in _PERL:
            self._at += 1
            wanted = _PERL[letter.lower()]
            return wanted if letter.islower() else self._negated(wanted)
        if letter not in ("p", "P"):
            return None
        self._at += 1
        name = self._next()
        if name == "{":
            name, closed, _ = self._text[self._at :].partition("}")
            if not closed:
                raise RegexError("a closing } is missing")
            self._at += len(name) + 1
        wanted = _unicode_class(name.removeprefix("^"))
        return self._negated(wanted) if (letter == "P") != name.startswith("^") else wanted

    def _escaped(self) -> str:
        """The character that an escape stands for."""
        if not self.rest:
            raise RegexError("a backslash at the end")
        character = self._next()
        if character in "01234567" and (character == "0" or self.rest[:1] in tuple("01234567")):
            return self._octal(character)
        if character == "x":
            return self._hexadecimal()
        if character in _ESCAPES:
            return _ESCAPES[character]
        if character == "_" or not _PERL["w"](character):
            return character
        raise RegexError(f"\\{character} is no escape of RE2")

    def _octal(self, first: str) -> str:
        digits = first
        while len(digits) < 3 and self.rest[:1] and self.rest[0] in "01234567":
            digits += self._next()
        return chr(int(digits, 8))

    def _hexadecimal(self) -> str:
        if self._take("{"):
            digits, closed, _ = self._text[self._at :].partition("}")
            self._at += len(digits) + 1
        else:
            digits, closed = self._text[self._at : self._at + 2], "}"
            self._at += 2
            if len(digits) < 2:
                closed = ""
        valid = closed and digits and all(digit in string.hexdigits for digit in digits)
        if not valid or int(digits, 16) > 0x10FFFF:
            raise RegexError(f"\\x{digits} is no character")
        return chr(int(digits, 16))

    def _literal(self, character: str) -> frozenset[str]:
        return self._chars(lambda other: other == character)

    def _chars(self, wanted: Callable[[str], bool]) -> frozenset[str]:
        if not self._ignores_case:
            return frozenset(filter(wanted, self._alphabet))
        return frozenset(each for each in self._alphabet if any(map(wanted, _same_but_case(each))))

    def _negated(self, wanted: Callable[[str], bool]) -> Callable[[str], bool]:
        """Everything that is not in the class, where case does not matter also not in another case."""
        inside = self._chars(wanted)
        return lambda character: character not in inside

    # -- text -------------------------------------------------------------------------------------------------------

    def _next(self) -> str:
        if self._at >= len(self._text):
            raise RegexError("the end comes too early")
        self._at += 1
        return self._text[self._at - 1]

    def _take(self, expected: str) -> bool:
        found = self._text.startswith(expected, self._at)
        if found:
            self._at += len(expected)
        return found


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 9 and (text == "0" or text[0] != "0")


def _between(low: str, high: str) -> Callable[[str], bool]:
    return lambda character: low <= character <= high


def _same_but_case(character: str) -> set[str]:
    lower = character.lower()
    return {lower, character.upper(), _FOLDED.get(lower, lower)}


def _unicode_class(name: str) -> Callable[[str], bool]:
    if name == "Any":
        return lambda _: True
    if name in _CATEGORIES:
        return lambda character: unicodedata.category(character).startswith(name)
    if name in _SCRIPTS:
        latin = name == "Latin"
        return lambda character: (
            latin == character.isalpha() if name in ("Latin", "Common") else False
        )
    raise RegexError(f"there is no class \\p{{{name}}}")
