"""What counts as true in a condition, and which texts are none."""

from typing import Any

#: Models and forms answer in words; "false" must not count as true for not being empty.
FALSE_WORDS = ("false", "no", "0")
TRUE_WORDS = ("true", "yes", "1")


def holds(value: Any) -> bool:
    """Whether a condition's value counts as true; white space around a text does not count."""
    if isinstance(value, str):
        word = value.strip().lower()
        return bool(word) and word not in FALSE_WORDS
    return bool(value)


def is_word(text: str) -> bool:
    """Whether a text says true or false by itself."""
    return text.strip().lower() in (*FALSE_WORDS, *TRUE_WORDS)
