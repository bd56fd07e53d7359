"""YAML of anybody, read within bounds.

A few hundred bytes of YAML can refer to their own parts again and again, and unfold to gigabytes as soon as somebody
walks over them. Parts that are named twice are common in descriptions of models and are read; text that unfolds to
more than any of our files holds is not.

References
----------
CWE-776, "Recursive Entity References" (the billion laughs)
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml

LONGEST = 2**22  # characters
MOST_VALUES = 200_000
DEEPEST = 100  # lists and mappings in one another

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is in most builds, and ten times as fast


def load_yaml(text: str, *, by_hand: bool = False) -> object:
    """Return the plain values in YAML text.

    Raises
    ------
    yaml.YAMLError
        If it is no YAML, or too long, too deep, or unfolds to too much; ``by_hand``, also if a name stands twice in one
        place, of which YAML keeps the last without a word, and if a tab stands before a line, with what to do.
    """
    if len(text) > LONGEST:
        raise yaml.YAMLError(f"it has {len(text):,} characters, and {LONGEST:,} are read")
    try:
        _check_depth(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        if by_hand and mark is not None and text[mark.index : mark.index + 1] == "\t":
            raise yaml.YAMLError(f"line {mark.line + 1} begins with a tab; YAML wants spaces there") from error
        raise
    loader = _LOADER(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        if _size(node, {}) > MOST_VALUES:
            raise yaml.YAMLError(f"it repeats parts of itself and unfolds to more than {MOST_VALUES:,} values")
        if by_hand:
            _check_names(node)
        content: object = loader.construct_document(node)
    except RecursionError as error:
        raise yaml.YAMLError("it is nested too deeply") from error
    except (ValueError, TypeError, OverflowError) as error:  # of a date or a number that there is not
        raise yaml.YAMLError(str(error)) from error
    finally:
        loader.dispose()
    return content


def _check_depth(text: str) -> None:
    """Refuse what is nested too deeply: libyaml follows it until the process dies."""
    depth = 0
    for event in yaml.parse(text, _LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise yaml.YAMLError("it is nested too deeply")


def _check_names(node: yaml.Node) -> None:
    """Refuse a name that stands twice in one place, as where the dash of a new list item was forgotten."""
    for part in _parts(node):
        if not isinstance(part, yaml.MappingNode):
            continue
        lines: dict[str, int] = {}
        for key in (key for key, _ in part.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"):
            line = key.start_mark.line + 1
            if key.value in lines:
                first = lines[key.value]
                raise yaml.YAMLError(
                    f"{key.value} stands twice in one place, in the lines {first} and {line}; delete one, or begin "
                    "a new item of the list with a dash"
                )
            lines[key.value] = line


def _parts(node: yaml.Node) -> Iterator[yaml.Node]:
    """Yield a node and every one in it."""
    yield node
    if not isinstance(node, yaml.ScalarNode):
        for held in node.value:
            for part in held if isinstance(held, tuple) else (held,):
                yield from _parts(part)


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Return how many values a node unfolds to; one that holds itself has no end."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) not in known:
        known[id(node)] = MOST_VALUES + 1  # while it is looked at
        held = node.value if isinstance(node, yaml.SequenceNode) else [part for pair in node.value for part in pair]
        known[id(node)] = 1 + sum(_size(part, known) for part in held)
    return known[id(node)]
