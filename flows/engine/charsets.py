"""The text of an answer, read in the encoding that the other side names, if it is a usual one.

The other side may name any codec that Python knows, and some take minutes (punycode is
quadratic) or make no text; so only those that the web uses count.
"""

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF32_BE, charmap_decode, getincrementaldecoder
from encodings import normalize_encoding
from encodings.aliases import aliases

_SINGLE_BYTE = frozenset(
    {
        *("latin_1", "koi8_r", "koi8_u"),
        *(f"iso8859_{part}" for part in range(2, 17) if part != 12),
        *(f"cp{page}" for page in range(1250, 1259)),
    }
)
_CODECS = _SINGLE_BYTE | {
    *("ascii", "utf_8", "utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_32_be", "utf_32_le"),
    *("shift_jis", "cp932", "euc_jp", "euc_kr", "cp949"),
    *("gb2312", "gbk", "gb18030", "big5", "big5hkscs"),
}
_OF_BOTH_ORDERS = {"utf_16": BOM_UTF16_BE, "utf_32": BOM_UTF32_BE}
_MORE_NAMES = {"x_sjis": "shift_jis", "utf8": "utf_8", "x_gbk": "gbk", "x_euc_jp": "euc_jp"}
_NAMED = re.compile(
    rb"""<(?:meta|\?xml)\s[^>]*?(?:charset|encoding)\s*=\s*["']?([\w.:-]{1,40})""", re.IGNORECASE
)
#: Bytes that are decoded at once: other threads wait that long (80 ms at most).
_PIECE = 262_144


def codec_of(charset: str) -> str:
    """Python's name of the codec, utf_8 where the charset is not a usual one."""
    name = normalize_encoding(charset[:40]).lower()
    codec = _MORE_NAMES.get(name) or aliases.get(name, name)
    return codec if codec in _CODECS else "utf_8"


def charset_in(content_type: str) -> str:
    """The charset that a Content-Type names, else utf-8."""
    charset = "utf-8"
    for part in content_type.split(";")[1:]:
        name, _, value = part.strip().partition("=")
        if name.lower() == "charset":
            charset = value.strip("\"' ")
    return charset


def charset_of_page(content: bytes) -> str:
    """The charset that a page names in itself (HTML, 13.2.3.2); empty where it names none."""
    found = _NAMED.search(content[:2_048])
    return found[1].decode("ascii") if found else ""


def decoded(content: bytes, content_type: str) -> str:
    """The text; what cannot be read is U+FFFD, as is NUL, which cannot be stored.

    A byte order mark is not part of it, and says more than the header.
    """
    codec = "utf_8" if content.startswith(BOM_UTF8) else codec_of(charset_in(content_type))
    return _read(content, codec).removeprefix("\ufeff").replace("\0", "\ufffd")


def _read(content: bytes, codec: str) -> str:
    if codec in _SINGLE_BYTE:
        # Through a table that has a character for each byte: none is an error, which costs more.
        return charmap_decode(content, "strict", bytes(range(256)).decode(codec, "replace"))[0]
    if codec in _OF_BOTH_ORDERS:
        # Python's decoder of pieces refuses what opens with no mark.
        codec += "_be" if content.startswith(_OF_BOTH_ORDERS[codec]) else "_le"
    decoder = getincrementaldecoder(codec)("replace")
    pieces = [
        decoder.decode(content[start : start + _PIECE]) for start in range(0, len(content), _PIECE)
    ]
    return "".join([*pieces, decoder.decode(b"", True)])
