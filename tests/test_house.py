"""Files and functions stay short enough to be read at once."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FILES = [path for folder in ("src", "scripts", "benchmarks", "examples") for path in (ROOT / folder).rglob("*.py")]
MOST_LINES, MOST_LINES_OF_FUNCTION = 400, 60  # docstrings included


def test_no_file_is_too_long() -> None:
    assert {p.name: n for p in FILES if (n := len(p.read_text(encoding="utf-8").splitlines())) > MOST_LINES} == {}


def test_no_function_is_too_long() -> None:
    assert [name for path in FILES for name, lines in _functions(path) if lines > MOST_LINES_OF_FUNCTION] == []


def _functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{path.name}: {node.name}", (node.end_lineno or node.lineno) - node.lineno + 1


def test_painters_end_whatever_is_raised_while_they_paint() -> None:
    """A painter that outlives its event, in the traceback of an error, ends the program when its widget is drawn."""
    nodes = [node for path in FILES for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    ended = [item.context_expr for node in nodes if isinstance(node, ast.With) for item in node.items]
    made = [node for node in nodes if _makes_painter(node)]
    assert made
    assert [ast.unparse(node) for node in made if node not in ended] == []


def _makes_painter(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "QPainter"
