"""Embeddings of the scripted model server: texts that share words have vectors that are close."""

import hashlib
import math
import re
from typing import Any

from tests.support.model_dialects import Chat

DIMENSIONS = 64
#: Words with one meaning: found by the vector, not by the word.
_SAME = {"refund": "money", "repayment": "money", "car": "auto", "automobile": "auto"}
_LETTERS = 5


def vector_of(text: str) -> list[float]:
    """Of length 1; words count by their first letters, and those of `_SAME` as one."""
    vector = [0.01] * DIMENSIONS
    for word in re.findall(r"\w+", text.lower()):
        stem = _SAME.get(word, word)[:_LETTERS]
        vector[hashlib.md5(stem.encode()).digest()[0] % DIMENSIONS] += 1.0
    norm = math.sqrt(sum(value * value for value in vector))
    return [value / norm for value in vector]


class Embeddings(Chat):
    """POST /v1/embeddings: never streamed, errors as those of chats."""

    def whole(self, text: str) -> dict[str, Any]:
        texts = self.question.body["input"]
        data = [
            {"object": "embedding", "index": index, "embedding": vector_of(one)}
            for index, one in enumerate([texts] if isinstance(texts, str) else texts)
        ]
        self.tally.output = 0
        usage = {"prompt_tokens": self.tally.input, "total_tokens": self.tally.input}
        return {"object": "list", "data": data, "model": self.question.model, "usage": usage}
