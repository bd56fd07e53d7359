"""Rules of watched folders: what is run on which input, and where its results go. The first rule that fits is taken.

A file of rules is YAML::

    rules:
      - name: plates of the night
        match: "screen/*"            # path below the watched folder; * stands for anything, / too
        exclude: "*/thumbs/*"
        names: "{date}_{operator}_{plate}_{magnification:d}x"   # what a name says, by the formats of `parse`
        take: plate                  # images, plate, film (a folder with an image for each frame) or auto
        channels: [DAPI]             # the image must have these
        pixel_size_um: [0.2, 1.0]    # and a pixel size in this range
        recipe: nuclei.yaml          # beside the file of rules
        choices: {model: nuclei, channel: DAPI}
        out: "{date}/{plate}"
      - match: "*"
        skip: true
    hours: "22:00-06:00"
    start: "0 2 * * *"               # cron: what waits then is run to its end
    only_when_idle: true
    keep_free_gb: 5
    notify: {command: [logger], webhook: "http://localhost:8000/cellvino"}
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import parse
import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.recipe import Recipe, load_recipe
from napari_cellvino.io import open_source
from napari_cellvino.service.cron import Cron
from napari_cellvino.service.notify import Notify
from napari_cellvino.storage.file_names import safe_name
from napari_cellvino.workflows.recipe_choices import apply_choices, default_recipe

OWN_FIELDS = ("folder", "stem", "rule")  # that every template of results may name
_SPAN = re.compile(r"^(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})$")

_Texts = Annotated[tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)]
_Range = tuple[float, float] | None


class InputKind(StrEnum):
    """What the inputs of a rule are."""

    AUTO = "auto"
    IMAGES = "images"
    PLATE = "plate"
    FILM = "film"


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What a rule may ask of an image."""

    channels: tuple[str, ...] = ()
    pixel_size_um: float | None = None
    z: int = 1
    t: int = 1

    @classmethod
    def read(cls, path: Path) -> ImageFacts:
        """Return what an image file says; `CellvinoError` if it cannot be opened."""
        stack = open_source(path).read()
        return cls(stack.channels, stack.spacing.x, stack.shape.z, stack.shape.t)


class Rule(BaseModel):
    """What is run on inputs that fit it; see the module for each choice."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = ""
    match: _Texts = ("*",)
    exclude: _Texts = ()
    names: str = ""
    take: InputKind = InputKind.AUTO
    channels: _Texts = ()
    pixel_size_um: _Range = None
    z: _Range = None
    t: _Range = None
    recipe: Path | None = None
    choices: dict[str, Any] = Field(default_factory=dict)
    out: str = "{folder}"
    skip: bool = False

    @field_validator("names")
    @classmethod
    def _names_can_be_read(cls, text: str) -> str:
        try:
            list(string.Formatter().parse(text))
            parse.compile(text)
        except (ValueError, TypeError, re.error) as error:
            raise ValueError(f"{text!r} is no format of names: {error}") from None
        return text

    @property
    def asks_for_metadata(self) -> bool:
        """Whether an image must be opened to know if it fits."""
        return bool(self.channels or self.pixel_size_um or self.z or self.t)

    def fits_path(self, relative: str) -> bool:
        """Return whether a path below the watched folder, with ``/``, fits; upper and lower case are alike."""
        lower = relative.lower()
        taken = any(fnmatchcase(lower, pattern.lower()) for pattern in self.match)
        return taken and not any(fnmatchcase(lower, pattern.lower()) for pattern in self.exclude)

    def fits_image(self, facts: ImageFacts) -> bool:
        """Return whether what is asked of an image holds."""
        names = {name.casefold() for name in facts.channels}
        return (
            all(name.casefold() in names for name in self.channels)
            and _within(self.pixel_size_um, facts.pixel_size_um)
            and _within(self.z, facts.z)
            and _within(self.t, facts.t)
        )

    def attributes(self, relative: str) -> dict[str, object] | None:
        """Return what the last parts of the path say, as many as ``names`` has; None where they are of another form."""
        if not self.names:
            return {}
        parts = PurePosixPath(relative).with_suffix("").parts[-len(PurePosixPath(self.names).parts) :]
        parsed = parse.parse(self.names, "/".join(parts))
        return None if parsed is None else dict(parsed.named)

    def results_below(self, relative: str, attributes: Mapping[str, object], *, folder: bool) -> PurePosixPath:
        """Return the folder of results below the root; ``{folder}`` is that of the input, for a plate its own."""
        path = PurePosixPath(relative)
        place = path if folder else path.parent
        values = {**attributes, "folder": place.as_posix(), "stem": path.stem, "rule": self.name or "rule"}
        parts = PurePosixPath(self.out.format_map(values)).parts
        return PurePosixPath(*(safe_name(part) for part in parts if part not in ("/", ".", "..")))


class RuleBook(BaseModel):
    """The rules of a watch, and when it may run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: tuple[Rule, ...] = (Rule(),)
    hours: str = ""
    start: str = ""
    only_when_idle: bool = False
    keep_free_gb: float = Field(default=2.0, ge=0)
    notify: Notify = Notify()

    @field_validator("start")
    @classmethod
    def _start_is_a_schedule(cls, text: str) -> str:
        if text:
            Cron.parse(text)
        return text

    @field_validator("hours")
    @classmethod
    def _hours_are_a_span(cls, text: str) -> str:
        _span(text)
        return text

    def take(self, relative: str) -> InputKind:
        """Return what a folder's content is to be taken for, by its path below the watched folder."""
        for rule in self.rules:
            if rule.take is not InputKind.AUTO and rule.fits_path(relative):
                return rule.take
        return InputKind.AUTO

    def is_open(self, at: datetime) -> bool:
        """Return whether jobs may be begun at a time of day; a span may pass midnight, or last all day."""
        begin, end = _span(self.hours)
        if not self.hours or begin == end:
            return True
        return begin <= at.time() < end if begin <= end else not end <= at.time() < begin

    def starts_between(self, after: datetime, until: datetime) -> bool:
        """Return whether what waits is to be begun, as a time of the schedule has come; without one, always."""
        return not self.start or Cron.parse(self.start).fell_between(after, until)


@dataclass(frozen=True, slots=True)
class RuleMatch:
    """The rule that takes an input, or why none does; ``results`` lies below the root."""

    rule: Rule | None = None
    why: str = ""
    results: PurePosixPath = field(default_factory=PurePosixPath)
    attributes: Mapping[str, object] = field(default_factory=dict)


def load_rules(path: Path) -> RuleBook:
    """Return a file of rules; paths of recipes in it are taken from its folder.

    Raises
    ------
    OptionError
        If it cannot be read, or something in it is unknown or impossible.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        book = RuleBook.model_validate(content)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise OptionError(f"rules {path} cannot be read: {error}") from error
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise OptionError(f"rules {path} cannot be used: {problems}") from error
    rules = tuple(_complete(rule, number, path) for number, rule in enumerate(book.rules, 1))
    return book.model_copy(update={"rules": rules})


def _complete(rule: Rule, number: int, path: Path) -> Rule:
    """Return a rule with a name and the whole path of its recipe, its template checked."""
    known = {*OWN_FIELDS, *_named_fields(rule)}
    unknown = [name for _, name, _, _ in string.Formatter().parse(rule.out) if name is not None and name not in known]
    if unknown:
        raise OptionError(
            f"rules {path}: rule {number} writes to {rule.out!r}, but nothing is called {unknown[0]!r}; "
            f"there are {', '.join(sorted(known))}"
        )
    recipe = rule.recipe and (path.parent / rule.recipe.expanduser()).absolute()
    return rule.model_copy(update={"name": rule.name or f"rule {number}", "recipe": recipe})


def _named_fields(rule: Rule) -> tuple[str, ...]:
    return tuple(parse.compile(rule.names).named_fields) if rule.names else ()


def recipe_of(rule: Rule, base: Recipe | None = None) -> Recipe:
    """Return the recipe of a rule: its file or ``base`` or the defaults, with its choices made over them.

    Raises
    ------
    OptionError
        If the file cannot be read, or a choice is impossible.
    """
    start = load_recipe(rule.recipe) if rule.recipe else base or default_recipe()
    choices = dict(rule.choices)
    parameters = choices.pop("parameters", {})
    if not isinstance(parameters, dict):
        raise OptionError(f"{rule.name}: parameters are written as name: value, and not {parameters!r}")
    return apply_choices(start, choices, parameters, source=rule.name)


def _span(text: str) -> tuple[time, time]:
    if not text:
        return time.min, time.max
    found = _SPAN.match(text.replace(" ", ""))
    if found is None:
        raise ValueError(f"{text!r} is no span of hours; write it like 22:00-06:00")
    begin_hour, begin_minute, end_hour, end_minute = map(int, found.groups())
    at_midnight = (end_hour, end_minute) == (24, 0)
    return time(begin_hour, begin_minute), time.min if at_midnight else time(end_hour, end_minute)


def _within(span: _Range, value: float | None) -> bool:
    return span is None or (value is not None and span[0] <= value <= span[1])
