"""The rooms of the package, and the direction of imports between them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import lit_transfer

PACKAGE = Path(lit_transfer.__file__).parent
# A room imports only from rooms before it.
ROOMS = [
    "errors",
    "compat",
    "ranges",
    "arguments",
    "plugins",
    "files",
    "console",
    "cache",
    "fonts",
    "html",
    "vectors",
    "tokenizers",
    "layers",
    "tasks",
    "data",
    "transfer",
    "datamodule",
    "encoders",
    "baselines",
    "checkpoints",
    "training",
    "report",
    "pretraining",
    "runtime",
    "hub",
    "prediction",
    "classifier",
    "config",
    "fitting",
    "analysis",
    "deploy",
    "estimator",
    "compare",
    "tune",
    "curation",
    "distillation",
    "cli",
]
# The entry points of the package, and an earlier class path of the progress bar.
DOORS = {"__init__", "__main__", "progress_bar"}
FILES = sorted(
    path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0].removesuffix(".py") not in DOORS
)


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_modules(path: Path) -> list[str]:
    """Return the modules of the package that a file imports, at the top level or in a function."""
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


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


def test_no_two_files_of_the_package_import_each_other():
    assert_no_cycle({name_of(path): set(imported_modules(path)) for path in FILES})


def test_a_sub_room_and_the_files_beside_it_import_in_one_direction():
    graph: dict[str, set[str]] = {}
    for path in FILES:
        # A node of the graph is a sub-room, or a file directly in a room.
        names = {outer_name(name) for name in (name_of(path), *imported_modules(path))}
        graph.setdefault(outer_name(name_of(path)), set()).update(names)
    assert_no_cycle({name: others - {name} for name, others in graph.items()})


def outer_name(module: str) -> str:
    return ".".join(module.split(".")[:3])


def assert_no_cycle(graph: dict[str, set[str]]) -> None:
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
    assert len(list(PACKAGE.glob("*.py"))) <= 16


@pytest.mark.parametrize("folder", sorted({path.parent for path in FILES} - {PACKAGE, PACKAGE / "cli"}), ids=name_of)
def test_a_room_has_at_most_a_dozen_files_besides_its_init(folder):
    assert len(set(folder.glob("*.py")) - {folder / "__init__.py"}) <= 13


@pytest.mark.parametrize("folder", sorted({path.parent for path in FILES} - {PACKAGE}), ids=name_of)
def test_a_room_is_a_package_that_the_wheel_takes(folder):
    assert (folder / "__init__.py").is_file()


def test_tests_lie_where_the_code_lies():
    root = Path(__file__).parent
    for path in sorted(root.rglob("test_*.py")):
        folder = PACKAGE / path.parent.relative_to(root)
        assert folder.is_dir(), f"{path.relative_to(root)} tests no folder of the package"
