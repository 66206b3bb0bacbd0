"""How the processes of a test run share the tests."""

from functools import cache
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

#: What a test module holds whose tests share something that is dear to make.
_SHARES = 'scope="module"'


class OneByOne(LoadScopeScheduling):
    """Each process takes the next test; those that share a module's fixture go together.

    Such a fixture is made once, by one process. Browser tests of the same module are apart: they
    come last of a process.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        if not _has_fixture_of_its_own(self.config.rootpath / path):
            return nodeid
        return f"{path} in a browser" if "[chromium" in nodeid else path


@cache
def _has_fixture_of_its_own(path: Path) -> bool:
    return _SHARES in path.read_text()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneByOne:
    """In place of the one that `--dist` names."""
    return OneByOne(config, log)
