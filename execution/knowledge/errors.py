"""What the knowledge services refuse; each says what to do."""


class KnowledgeInvalid(Exception):
    """A value that cannot be used; `field` names it."""

    code = "invalid"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


class KnowledgeFull(Exception):
    """A limit is reached; nothing was stored."""

    code = "limit_reached"


class CollectionGone(Exception):
    """The collection was deleted meanwhile."""

    code = "not_found"

    def __init__(self) -> None:
        super().__init__("This collection was deleted a moment ago.")
