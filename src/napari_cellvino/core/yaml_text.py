"""YAML of anybody, read within bounds.

A few hundred bytes of YAML can refer to their own parts again and again, and unfold to gigabytes as soon as somebody
walks over them. Parts that are named twice are common in descriptions of models and are read; text that unfolds to
more than any of our files holds is not.

References
----------
CWE-776, "Recursive Entity References" (the billion laughs)
"""

from __future__ import annotations

import yaml

LONGEST = 2**22  # characters
MOST_VALUES = 200_000
DEEPEST = 100  # lists and mappings in one another

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is in most builds, and ten times as fast


def load_yaml(text: str) -> object:
    """Return the plain values in YAML text.

    Raises
    ------
    yaml.YAMLError
        If it is no YAML, or too long, too deep, or unfolds to too much.
    """
    if len(text) > LONGEST:
        raise yaml.YAMLError(f"it has {len(text):,} characters, and {LONGEST:,} are read")
    _check_depth(text)
    loader = _LOADER(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        if _size(node, {}) > MOST_VALUES:
            raise yaml.YAMLError(f"it repeats parts of itself and unfolds to more than {MOST_VALUES:,} values")
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


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Return how many values a node unfolds to; one that holds itself has no end."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) not in known:
        known[id(node)] = MOST_VALUES + 1  # while it is looked at
        held = node.value if isinstance(node, yaml.SequenceNode) else [part for pair in node.value for part in pair]
        known[id(node)] = 1 + sum(_size(part, known) for part in held)
    return known[id(node)]
