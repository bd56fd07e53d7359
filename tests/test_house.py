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


def test_text_is_read_and_written_in_an_encoding_of_its_own() -> None:
    """What the system would choose is another one on Windows, where names with accents end a command."""
    calls = [
        (path, node)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    ]
    assert [f"{path.name}: {ast.unparse(node)}" for path, node in calls if _leaves_encoding(node)] == []
    said = "run(a, text=True)", "p.read_text()", "p.write_text(t)", "open(p)", "open(p, 'w')", "p.open('r')"
    well = "run(a, encoding='utf-8')", "p.read_text('utf-8')", "p.write_text(t, 'utf-8')", "open(p, 'rb')", "p.open()"
    assert [text for text in (*said, *well) if _leaves_encoding(ast.parse(text, mode="eval").body)] == list(said)


TEXT_MODES, ENCODING_AT = ("r", "w", "a", "x", "rt", "wt", "r+", "w+"), {"read_text": 0, "write_text": 1}


def _leaves_encoding(node: ast.expr) -> bool:
    """Return whether a call reads or writes text without saying how; ``x.open()`` may be of anything, and is none."""
    if not isinstance(node, ast.Call) or any(word.arg == "encoding" for word in node.keywords):
        return False
    if any(word.arg in ("text", "universal_newlines") for word in node.keywords):
        return any(isinstance(word.value, ast.Constant) and word.value.value is True for word in node.keywords)
    arguments = [arg.value if isinstance(arg, ast.Constant) else None for arg in node.args]
    if isinstance(node.func, ast.Name):
        return node.func.id == "open" and (arguments[1:] or ["r"])[0] in TEXT_MODES
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    return (name == "open" and bool(arguments) and arguments[0] in TEXT_MODES) or (
        len(arguments) <= ENCODING_AT.get(name, -1)
    )
