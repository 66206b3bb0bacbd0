"""What can be wrong with what a person filled in."""


class InvalidValue(Exception):
    """Something that was filled in cannot be used; `field` names it, `message` says why."""

    code = "invalid_value"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message
