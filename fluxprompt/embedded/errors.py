"""What the embedded stack tells a person when it cannot go on."""


class StackError(Exception):
    """One sentence that says what is wrong and what to do; shown without a traceback."""
