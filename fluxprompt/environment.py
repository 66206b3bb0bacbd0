"""The environment as the settings read it."""

import os

import environ


class _Environment(environ.Env):  # type: ignore[misc]
    """Takes an empty variable for a missing one, as compose files and units hand them on."""

    ENVIRON = {name: value for name, value in os.environ.items() if value.strip()}  # noqa: RUF012


env = _Environment()
