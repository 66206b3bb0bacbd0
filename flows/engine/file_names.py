"""File names as labels: what people gave, without what could lead anywhere or deceive."""

import unicodedata

#: Characters of a label.
LONGEST = 200
#: Characters at the end of a name that count as its extension when it is cut.
_LONGEST_EXTENSION = 12


def label_of(name: str, *, otherwise: str = "file") -> str:
    """A name to show: one path component, no control or formatting characters, 200 characters.

    Characters that turn the writing direction (`fdp.exe` shown as `exe.pdf`) are among what is
    dropped. `otherwise` stands where nothing is left.
    """
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rstrip("/").rpartition("/")[2]
    shown = "".join(
        char if unicodedata.category(char)[0] != "Z" else " "
        for char in last
        if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )
    label = " ".join(shown.split()).strip(". ") or otherwise
    if len(label) <= LONGEST:
        return label
    ending = extension_of(label)
    ending = f".{ending}" if ending and len(ending) < _LONGEST_EXTENSION else ""
    return label[: LONGEST - len(ending)].rstrip(". ") + ending


def extension_of(name: str) -> str:
    """The letters after the last dot, in lower case; empty where there is none."""
    stem, dot, ending = name.rpartition(".")
    return ending.lower() if dot and stem else ""


def with_extension(name: str, extension: str) -> str:
    """The label with this extension, which is added unless it is there already."""
    label = label_of(name)
    if extension_of(label) == extension:
        return label
    return label[: LONGEST - len(extension) - 1].rstrip(". ") + f".{extension}"
