"""The house keeps its own rules: floors, doors, names, words."""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent
PACKAGE = CHECKOUT / "sopkit"
FLOORS = {
    "errors": -1,
    "definitions": 0,
    "archive": 1,
    "evidence": 1,
    "modelling": 1,
    "registry": 2,
    "running": 3,
    "serving": 3,
    "views": 3,
    "panels": 4,
    "cli": 4,
}
# library -> the rooms that may import it
DOORS = {
    "papermill": {"running"},
    "nbclient": {"running"},
    "sklearn": {"modelling", "evidence"},
    "skops": {"registry"},
    "mlflow": {"registry"},
    "evidently": {"evidence"},
    "pandera": {"evidence"},
    "fairlearn": {"evidence"},
    "matplotlib": {"evidence"},
    "shap": {"evidence"},
    # definitions: the expression language acts on columns
    "pandas": {"definitions", "evidence", "modelling", "registry", "running", "views"},
    "sqlalchemy": {"modelling"},
    "nbformat": {"archive"},
    "nbdime": {"archive"},
    "securesystemslib": {"archive"},
    "yaml": {"definitions"},
    "typer": {"cli"},
    "jinja2": {"views"},
    "ipywidgets": {"panels"},
    "pickle": set(),
    "joblib": set(),
}
FORBIDDEN_NAMES = {"utils", "helpers", "common", "base", "manager"}
HEAVY = ("pandas", "numpy", "sklearn", "papermill", "evidently", "mlflow", "matplotlib", "nbformat")
# A word of another field -> ours, for what people type and read
NEVER_SAY = {
    "workflow": "SOP",
    "pipeline": "SOP",
    "step": "stage",
    "phase": "stage",
    "task": "stage",
    "job": "run",
    "experiment": "run",
    "retry": "attempt",
    "cutoff": "threshold",
    "baseline": "reference",
    "candidate": "challenger",
    "hash": "digest",
    "checksum": "digest",
    "journal": "log",
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(CHECKOUT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """`sopkit.archive.log` lies in `archive`; the package itself has no room."""
    return module.split(".")[1] if "." in module else ""


def imports(path: Path, *, typing: bool = True, deferred: bool = True) -> Iterator[tuple[str, int]]:
    """Every module that a file imports; if asked, without those below `if TYPE_CHECKING` or inside functions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    blocks: list[ast.AST] = [] if typing else list(_typing_blocks(tree))
    if not deferred:
        blocks += [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    left_out = {id(node) for block in blocks for node in ast.walk(block)}
    for node in ast.walk(tree):
        if id(node) in left_out:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            assert node.module is not None
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                known = (CHECKOUT / Path(*inner.split("."))).with_suffix(".py").exists()
                yield (inner if known else node.module), node.lineno


def _typing_blocks(tree: ast.Module) -> Iterator[ast.If]:
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            yield node


def test_imports_point_down() -> None:
    """A room imports only rooms on lower floors, and itself: rooms of one floor do not know each other."""
    wrong = []
    for path in modules():
        room = room_of(name_of(path))
        for imported, line in imports(path):
            other = room_of(imported) if imported.startswith("sopkit.") else ""
            if not room or not other or other == room:
                continue
            if FLOORS[other] >= FLOORS[room]:
                wrong.append(f"{path.relative_to(CHECKOUT)}:{line}: {room} imports {other}")
    assert wrong == []


def test_no_import_cycles() -> None:
    """No module imports itself through others when it is imported."""
    graph = {name_of(path): {found for found, _ in imports(path, typing=False, deferred=False)} for path in modules()}
    done: set[str] = set()

    def visit(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " → ".join((*way[way.index(module) :], module))
        if module in done or module not in graph:
            return
        for each in sorted(graph[module] - {module}):
            visit(each, (*way, module))
        done.add(module)

    for module in graph:
        if not module.endswith("__init__"):
            visit(module, ())


def test_each_heavy_library_has_one_door() -> None:
    """A heavy library is imported only by the rooms that are its door, so it can be replaced there."""
    wrong = []
    for path in modules():
        room = room_of(name_of(path))
        for imported, line in imports(path, typing=False):
            library = imported.split(".")[0]
            if library in DOORS and room not in DOORS[library]:
                wrong.append(f"{path.relative_to(CHECKOUT)}:{line}: {room or 'sopkit'} imports {library}")
    assert wrong == []


def test_no_module_is_a_drawer() -> None:
    """No module is called by a name that says nothing about what lies in it."""
    assert [path for path in modules() if FORBIDDEN_NAMES & set(path.with_suffix("").name.split("_"))] == []


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_a_module_says_what_it_is(path: Path) -> None:
    """Each module has a docstring that says why it exists, and names what it offers in `__all__`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstring = ast.get_docstring(tree)
    assert docstring
    assert "TODO" not in docstring
    named = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    offers = any(isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Assign | ast.ImportFrom) for node in tree.body)
    only_future = all(isinstance(node, ast.Expr | ast.ImportFrom) for node in tree.body) and len(tree.body) <= 2
    assert "__all__" in named or only_future or not offers


@pytest.mark.parametrize("module", [name_of(path) for path in modules()])
def test_everything_can_be_imported(module: str) -> None:
    """Every module imports with the versions of the lock, and has all that it names in `__all__`."""
    found = importlib.import_module(module)
    assert [name for name in getattr(found, "__all__", ()) if not hasattr(found, name)] == []


def test_the_command_line_is_light() -> None:
    """Importing the command line, and printing its help, imports none of the heavy libraries."""
    code = f"""
import json, sys
import sopkit.cli, sopkit.cli.app
sys.argv = ["sop", "--help"]
try:
    sopkit.cli.main()
except SystemExit as end:
    assert end.code == 0
print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_no_machine_is_named() -> None:
    """No tracked file names a folder or a host of the machine that it was written on."""
    pattern = re.compile(r"/(?:root|home|farm|Users)/[a-z.]|/work/(?:main|shared)|file:///")
    wrong = []
    for path in tracked():
        if path.name in ("requirements.lock", Path(__file__).name) or path.suffix in (".png", ".parquet"):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if pattern.search(line):
                wrong.append(f"{path.relative_to(CHECKOUT)}:{number}: {line.strip()[:80]}")
    assert wrong == []


def test_the_lock_has_digests_and_no_addresses() -> None:
    """Each package in the lock has a digest; no index, mirror or download host is named."""
    text = (CHECKOUT / "requirements.lock").read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[a-z0-9])", text)
    assert [entry.split(" ")[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert re.findall(r"https?:|file:|--(?:extra-)?index-url|--find-links", text) == []


def test_the_command_line_speaks_our_language() -> None:
    """Commands, options, arguments and their help say stage, run, attempt, digest, and none of the other words."""
    import typer

    from sopkit.cli.app import app

    def walk(command: object, name: str) -> Iterator[tuple[str, str]]:
        yield name, f"{name} {getattr(command, 'help', '') or ''}"
        for parameter in getattr(command, "params", ()):
            yield name, f"{' '.join(parameter.opts)} {getattr(parameter, 'help', '') or ''}"
        for child, inner in getattr(command, "commands", {}).items():
            yield from walk(inner, f"{name} {child}")

    found = [
        f"{name}: '{word}' ({NEVER_SAY[word]})"
        for name, text in walk(typer.main.get_command(app), "sop")
        for word in re.findall(r"[a-z]+", text.lower())
        if word in NEVER_SAY
    ]
    assert found == []


def tracked() -> list[Path]:
    """The files that git knows; all that are there where this is no git checkout."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return [path for path in modules() if path.is_file()]
    return [path for name in done.stdout.split("\0") if name and (path := CHECKOUT / name).is_file()]
