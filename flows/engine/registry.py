"""Node types by name, read once from their folders: one folder with a node.py each."""

import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from types import ModuleType

from flows.engine.node_type import NodeType

BUILT_IN = Path(__file__).resolve().parent.parent / "nodes"
_FOLDER_NAME = re.compile(r"^[a-z][a-z0-9_]{0,39}$")


class RegistryError(Exception):
    """A node type's folder that cannot be used; the message says what to mend."""


class Registry:
    """The node types that this process knows."""

    def __init__(self, types: Iterable[tuple[NodeType, Path]]) -> None:
        self._types: dict[str, NodeType] = {}
        self._folders: dict[str, Path] = {}
        for node_type, folder in types:
            if node_type.type in self._types:
                raise RegistryError(
                    f"There are two node types '{node_type.type}': {folder} and "
                    f"{self._folders[node_type.type]}. Rename one folder."
                )
            self._types[node_type.type] = node_type
            self._folders[node_type.type] = folder

    @classmethod
    def read(cls, more: Iterable[Path] = ()) -> "Registry":
        """The built-in types and those in further folders. Raises RegistryError."""
        found = [(_built_in(folder), folder) for folder in _folders(BUILT_IN)]
        for parent in more:
            if not parent.is_dir():
                raise RegistryError(f"FLUX_NODE_PATHS names {parent}, which is no folder.")
            found += [(_from_file(folder), folder) for folder in _folders(parent)]
        return cls(found)

    def get(self, type: str) -> NodeType | None:
        return self._types.get(type)

    def all(self) -> list[NodeType]:
        """All types, sorted by name."""
        return [self._types[name] for name in sorted(self._types)]

    def names(self) -> list[str]:
        """The names of all types, sorted."""
        return sorted(self._types)

    def is_built_in(self, type: str) -> bool:
        """Whether a type comes with FluxPrompt, and not from a folder of somebody's own."""
        return self._folders[type].parent == BUILT_IN

    def folder(self, type: str) -> Path:
        """Where the type's node.py and README.md are."""
        return self._folders[type]


def _folders(parent: Path) -> list[Path]:
    return sorted(child for child in parent.iterdir() if (child / "node.py").is_file())


def _built_in(folder: Path) -> NodeType:
    try:
        module = importlib.import_module(f"flows.nodes.{folder.name}.node")
    except Exception as error:
        raise _broken(folder, error) from error
    return _node_of(module, folder)


def _from_file(folder: Path) -> NodeType:
    name = f"flux_node_{folder.name}"
    spec = importlib.util.spec_from_file_location(name, folder / "node.py")
    if spec is None or spec.loader is None:
        raise RegistryError(f"{folder}/node.py cannot be imported.")
    module = importlib.util.module_from_spec(spec)
    # Pydantic resolves annotations through sys.modules.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise _broken(folder, error) from error
    return _node_of(module, folder)


def _broken(folder: Path, error: Exception) -> RegistryError:
    return RegistryError(f"{folder}/node.py cannot be imported: {type(error).__name__}: {error}")


def _node_of(module: ModuleType, folder: Path) -> NodeType:
    node = getattr(module, "NODE", None)
    if not isinstance(node, NodeType):
        raise RegistryError(f"{folder}/node.py has to end in NODE = NodeType(…).")
    if not _FOLDER_NAME.match(folder.name) or node.type != folder.name:
        raise RegistryError(f"{folder}: the folder's name and NODE.type ('{node.type}') differ.")
    kinds = (node.pure, node.io, node.control)
    if sum(kind is not None for kind in kinds) > 1:
        raise RegistryError(f"{folder}: a node type is pure, io or control, not two of them.")
    return node


@cache
def registry() -> Registry:
    """The registry of this process: flows/nodes and the folders in FLUX_NODE_PATHS."""
    paths = os.environ.get("FLUX_NODE_PATHS", "")
    return Registry.read(Path(part) for part in paths.split(os.pathsep) if part)
