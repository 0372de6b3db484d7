"""The rooms of the package: who may import whom."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import lit_transfer

PACKAGE = Path(lit_transfer.__file__).parent
# From the ground up: a room imports only from rooms before it.
ROOMS = [
    "errors",
    "files",
    "console",
    "cache",
    "vectors",
    "tokenizers",
    "layers",
    "data",
    "transfer",
    "datamodule",
    "checkpoints",
    "training",
    "pretraining",
    "runtime",
    "inference",
    "classifier",
    "estimator",
    "compare",
    "cli",
]
# The old class path of the progress bar, and the two doors of the package.
DOORS = {"__init__", "__main__", "progress_bar"}
FILES = sorted(
    path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0].removesuffix(".py") not in DOORS
)


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_modules(path: Path) -> list[str]:
    """The package's own modules that a file imports, at its top or inside a function."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                names.append(inner if is_module(inner) else node.module)
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return [name for name in names if name.startswith("lit_transfer.")]


def is_module(name: str) -> bool:
    path = PACKAGE.parent.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or path.is_dir()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_from_rooms_before_it(path):
    room = room_of(path)
    assert room in ROOMS, f"{room} is not in the house plan"
    for module in imported_modules(path):
        other = module.split(".")[1]
        assert other in ROOMS[: ROOMS.index(room) + 1], f"{path.name} imports {module}"


def test_no_two_files_of_the_package_import_each_other():
    files = {".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path for path in FILES}
    graph = {name.removesuffix(".__init__"): imported_modules(path) for name, path in files.items()}
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join((*way, name))
        if name not in done:
            for other in graph.get(name, ()):
                visit(other, (*way, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_the_hall_has_no_more_files_than_the_house_plan_gives_it():
    assert len(list(PACKAGE.glob("*.py"))) <= 14
