"""Personal data and secrets in text: e-mail addresses, phone and card numbers, tokens.

What an event says is about pages and things. Text that names a person or opens a door is found
here by its shape, so that it is never written. Most text holds nothing of the kind and is let
go after a look at its characters; the rest is searched in time linear in its length.

What never gets in: whose text it is. What cannot be told by shape (names, addresses, a plain
number that may be a phone's or an order's) is not looked for.
"""

import re
from collections.abc import Iterator
from urllib.parse import unquote

#: Random text of this length is a secret; ids of things are shorter. A UUID is an id.
LONG = 32
#: Two numbers in one word may be a product's name.
LEAST_JOINTS = 2
#: Of a word in one case: hex and base 36 hold many digits.
LEAST_JOINTS_ONE_CASE = 4
#: Of a word in both cases: in random base 64, 6 neighbours in 10 are of different classes, and 4
#: in 10 are pairs that words in CamelCase hardly have.
LEAST_CHANGES = 0.4
LEAST_ODD_PAIRS = 0.2
#: Digits of a national phone number, trunk 0 and area code included.
NATIONAL_DIGITS = range(9, 13)

_EMAIL = r"""
    (?<=[\w.+%'-])(?:@|%40)(?!\dx\.)
    (?:[\w-]{1,63}\.){1,8}(?:xn--[\w-]{1,59}|[^\W\d_]{2,24})(?![\w-])
"""
_PHONE = r"""
    (?<![\w+])\+[1-9](?:[ ().\-/]{0,2}\d){8,14}(?!\d)
  | (?<!\d)(?<!\d[-. ])(?:\([2-9]\d\d\)[ ]?|[2-9]\d\d[-. ])[2-9]\d\d[-. ]\d{4}(?![-. ]?\d)
"""
_TOKEN = r"""
    (?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}
  | \b[Bb]earer[ +:]+(?=[^\s\d]{0,200}\d)\S{8}
  | (?i:(?<![a-z0-9])(?:pass(?:word|wd|code|phrase)?|pwd|secret|token|api[_-]?key|auth|jwt
      |otp|sid|session(?:[_-]?id)?|phpsessid|signature|sig)=[^&\s])
"""
#: What is told by its shape alone, in any text.
_SHAPES = re.compile(f"(?P<email>{_EMAIL})|(?P<phone>{_PHONE})|(?P<token>{_TOKEN})", re.VERBOSE)
#: Numbers of a country's own form look like other numbers: only in text that people type.
_NATIONAL = re.compile(
    r"(?<![\w.,:/+-])(?!\d\d[./-]\d\d[./-](?:\d{4}|\d\d)(?!\d|[./-]\d))"
    r"(?:00[1-9](?:[ ().\-/]{0,2}\d){7,12}|0[1-9]\d{8,9}"
    r"|\(?0[1-9]\d{0,4}\)?(?:[ ./-]{1,3}\d{2,8}){1,5})(?!\d)"
)
#: The lengths and first digits that card companies issue, plain or in groups.
_CARD = re.compile(
    r"(?<!\d)(?<!\d[-. ])(?:"
    r"(?:4\d{3}|5[1-5]\d\d|2[2-7]\d\d|6(?:011|[245]\d\d)|35[2-8]\d)(?:[ -]?\d{4}){3}"
    r"|3[47]\d\d[ -]?\d{6}[ -]?\d{5}|3(?:0[0-5]|[689]\d)\d[ -]?\d{6}[ -]?\d{4}"
    r")(?![-. ]?\d)"
)
_UUID = re.compile(
    r"(?<![A-Za-z0-9])[0-9a-fA-F]{8}(?:(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    r"|[0-9a-fA-F]{4}[1457][0-9a-fA-F]{3}[89abAB][0-9a-fA-F]{15})(?![A-Za-z0-9])"
)
_WORD = re.compile(rf"[A-Za-z0-9_-]{{{LONG},}}")
_JOINT = re.compile(r"[A-Za-z](?=\d)")
_CHANGE = re.compile(r"[a-z](?=[A-Z0-9])|[A-Z](?=[a-z0-9])|\d(?=[A-Za-z])")
_ODD_PAIR = re.compile(r"[A-Z](?=[A-Z0-9])|\d(?=[a-z])|[a-z](?=\d)")
#: Digits, letters, what may stand between the digits of a number, and everything else.
_CLASSES = bytes(
    0x30 if 0x30 <= code <= 0x39 else 0x61 if chr(code).isalpha() and code < 128 else
    0x2D if chr(code) in " ().-/+" else 0x0A
    for code in range(256)
)  # fmt: skip
_NINE_DIGITS = b"0" * 9

#: The kinds that are found, as a sentence names them.
WORDS = {
    "email": "an e-mail address",
    "phone": "a phone number",
    "card": "a card number",
    "token": "a token or a secret",
}


def is_suspect(text: str) -> bool:
    """Whether text is worth a search; never False for text that holds something.

    >>> is_suspect("/items/raised-beds-2024-05/"), is_suspect("ana@example.org")
    (False, True)
    """
    if "@" in text or "=" in text or "%" in text or "eyJ" in text or "earer" in text:
        return True
    classes = text.encode().translate(_CLASSES)
    return classes.count(b"a0") >= LEAST_JOINTS or (
        classes.translate(None, b"-").find(_NINE_DIGITS) >= 0
    )


def personal_kind(text: str, *, typed: bool = False) -> str:
    """What kind of personal data or secret text holds, a key of WORDS; "" for none.

    `typed`: people write such text themselves, so that more of it is a phone number.

    >>> personal_kind("/u/ana%40example.org/"), personal_kind("SKU-2024-0512-77")
    ('email', '')
    >>> personal_kind("0171 2345678"), personal_kind("0171 2345678", typed=True)
    ('', 'phone')
    """
    if not is_suspect(text):
        return ""
    text = _UUID.sub("-", unquote(text) if "%" in text else text)
    if found := _SHAPES.search(text):
        return found.lastgroup or ""
    if any(_luhn(number) for number in _numbers(_CARD, text)):
        return "card"
    if any(_is_random(word) for word in _WORD.findall(text)):
        return "token"
    return "phone" if typed and any(_is_national(n) for n in _numbers(_NATIONAL, text)) else ""


def _numbers(pattern: re.Pattern[str], text: str) -> Iterator[str]:
    """The digits of each match."""
    for found in pattern.finditer(text):
        yield "".join(filter(str.isdecimal, found[0]))


def _is_national(digits: str) -> bool:
    return digits.startswith("00") or len(digits) in NATIONAL_DIGITS


def _luhn(digits: str) -> bool:
    """The check digit of card numbers (ISO/IEC 7812-1, annex B).

    >>> _luhn("4111111111111111"), _luhn("4111111111111112")
    (True, False)
    """
    total = sum(map(int, digits[-1::-2]))
    return (total + sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])) % 10 == 0


def _is_random(word: str) -> bool:
    """Whether a long word is made of letters and digits as no person and no slug mixes them.

    >>> _is_random("how-to-build-3-raised-beds-in-2-hours-and-5-steps")
    False
    >>> _is_random("Zk3vQ9xL2mB7tR5wY8nP4cJ6hD1fG0sA")
    True
    """
    joints = len(_JOINT.findall(word))
    if joints < LEAST_JOINTS:
        return False
    if word == word.lower() or word == word.upper():
        return any(
            len(part) >= LONG and len(_JOINT.findall(part)) >= LEAST_JOINTS_ONE_CASE
            for part in re.split("[_-]", word)
        )
    return len(_CHANGE.findall(word)) >= LEAST_CHANGES * len(word) and len(
        _ODD_PAIR.findall(word)
    ) >= LEAST_ODD_PAIRS * len(word)
