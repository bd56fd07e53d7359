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
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import parse
import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.faults import describe_faults
from napari_cellvino.core.recipe import Recipe, load_recipe, no_yes
from napari_cellvino.core.yaml_text import load_yaml
from napari_cellvino.io import open_source
from napari_cellvino.service.cron import Cron
from napari_cellvino.service.notify import Notify
from napari_cellvino.service.path_patterns import fits, path_pattern
from napari_cellvino.storage.file_names import safe_name
from napari_cellvino.workflows.recipe_choices import apply_choices, default_recipe

OWN_FIELDS = ("folder", "stem", "rule")  # that every template of results may name
_SPAN = re.compile(r"^(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})$")


def _is_upwards(span: tuple[float, float]) -> tuple[float, float]:
    if span[0] > span[1]:
        raise ValueError(f"the range from {span[0]:g} to {span[1]:g} holds nothing; the smaller number comes first")
    return span


_Texts = Annotated[tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)]
_Span = Annotated[tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]], AfterValidator(_is_upwards)]
_Range = _Span | None


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

    @field_validator("match", "exclude")
    @classmethod
    def _patterns_can_fit(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(path_pattern(pattern) for pattern in patterns)

    @field_validator("match")
    @classmethod
    def _something_is_matched(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        if not patterns:
            raise ValueError("without a pattern it fits no path; write '*' for all of them")
        return patterns

    @field_validator("names")
    @classmethod
    def _names_can_be_read(cls, text: str) -> str:
        try:
            list(string.Formatter().parse(text))
            parse.compile(text)
        except (ValueError, TypeError, re.error) as error:
            raise ValueError(f"{text!r} is no format of names: {error}") from None
        return text

    @field_validator("out")
    @classmethod
    def _out_can_be_filled(cls, text: str) -> str:
        try:
            for _, name, form, conversion in string.Formatter().parse(text):
                if name in OWN_FIELDS:  # these are text
                    string.Formatter().vformat(
                        f"{{{name}{f'!{conversion}' if conversion else ''}:{form}}}", (), {name: "a"}
                    )
        except (ValueError, KeyError) as error:
            raise ValueError(f"{text!r} is no template of folders: {error}") from None
        return text

    @property
    def takes_all(self) -> bool:
        """Whether it fits every input."""
        return "*" in self.match and not (self.exclude or self.names or self.asks_for_metadata)

    @property
    def asks_for_metadata(self) -> bool:
        """Whether an image must be opened to know if it fits."""
        return bool(self.channels or self.pixel_size_um or self.z or self.t)

    def fits_path(self, relative: str) -> bool:
        """Return whether a path below the watched folder, with ``/``, fits; upper and lower case are alike."""
        taken = any(fits(relative, pattern) for pattern in self.match)
        return taken and not any(fits(relative, pattern) for pattern in self.exclude)

    def misfit(self, relative: str) -> str:
        """Return why a path below the watched folder does not fit, in words; empty where it does."""
        if not self.fits_path(relative):
            taken = any(fits(relative, pattern) for pattern in self.match)
            return "its path is excluded" if taken else f"its path is not like {' or '.join(self.match)}"
        return "" if self.attributes(relative) is not None else f"its name is not like {self.names}"

    def image_misfit(self, facts: ImageFacts) -> str:
        """Return why an image is not what is asked for, in words; empty where it is."""
        names = {name.casefold() for name in facts.channels}
        missing = [name for name in self.channels if name.casefold() not in names]
        if missing:
            return f"it has no channel {missing[0]}, but {', '.join(facts.channels)}"
        if not _within(self.pixel_size_um, facts.pixel_size_um):
            size = facts.pixel_size_um
            return "its pixel size is " + ("unknown" if size is None else f"{size:g} µm")
        if not _within(self.z, facts.z):
            return f"it has {facts.z} plane(s) in z"
        return "" if _within(self.t, facts.t) else f"it has {facts.t} time point(s)"

    def attributes(self, relative: str) -> dict[str, object] | None:
        """Return what the last parts of the path say, as many as ``names`` has; None where they are of another form."""
        if not self.names:
            return {}
        parts = PurePosixPath(relative).with_suffix("").parts[-len(PurePosixPath(self.names).parts) :]
        parsed = parse.parse(self.names, "/".join(parts))
        return None if parsed is None else dict(parsed.named)

    def results_below(self, relative: str, attributes: Mapping[str, object], *, folder: bool) -> PurePosixPath:
        """Return the folder of results below the root; ``{folder}`` is that of the input, for a plate its own.

        Raises
        ------
        OptionError
            If the template cannot be filled with what the name says.
        """
        path = PurePosixPath(relative)
        place = path if folder else path.parent
        values = {**attributes, "folder": place.as_posix(), "stem": path.stem, "rule": self.name or "rule"}
        try:
            filled = self.out.format_map(values)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise OptionError(f"{values['rule']} cannot write {relative} to {self.out!r}: {error}") from error
        parts = PurePosixPath(filled).parts
        return PurePosixPath(*(safe_name(part) for part in parts if part not in ("/", ".", "..")))


class RuleBook(BaseModel):
    """The rules of a watch, and when it may run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: tuple[Rule, ...] = (Rule(),)
    hours: str = ""
    start: str = ""
    only_when_idle: bool = False
    keep_free_gb: float = Field(default=2.0, ge=0, allow_inf_nan=False)
    notify: Notify = Notify()

    @field_validator("keep_free_gb", mode="before")
    @classmethod
    def _is_a_number(cls, value: object) -> object:
        return no_yes(value)

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

    def match(self, relative: str, path: Path | None, *, plate: bool = False) -> RuleMatch:
        """Return which rule takes an input and where its results go, or why none does.

        Parameters
        ----------
        relative
            Its path below the watched folder, with ``/``.
        path
            The image, opened where a rule asks what it is; of a plate or a film nothing is asked.
        plate
            Whether it is a plate.

        Raises
        ------
        CellvinoError
            If a rule asks for metadata and the image cannot be read, or its folder of results cannot be named.
        """
        facts: ImageFacts | None = None
        misfits = []
        for rule in self.rules:
            why = rule.misfit(relative)
            if not why and rule.asks_for_metadata and path is not None:
                facts = facts or ImageFacts.read(path)
                why = rule.image_misfit(facts)
            if why:
                misfits.append(f"{rule.name or 'a rule'}: {why}")
            elif rule.skip:
                return RuleMatch(None, f"{rule.name or 'a rule'} passes it over", skipped=True)
            else:
                attributes = rule.attributes(relative) or {}
                return RuleMatch(rule, "", rule.results_below(relative, attributes, folder=plate), attributes)
        return RuleMatch(None, "no rule fits it" + (f" ({'; '.join(misfits)})" if misfits else ""))

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
    """The rule that takes an input, or why none does (``skipped``: one says so); ``results`` lies below the root."""

    rule: Rule | None = None
    why: str = ""
    results: PurePosixPath = field(default_factory=PurePosixPath)
    attributes: Mapping[str, object] = field(default_factory=dict)
    skipped: bool = False


def load_rules(path: Path) -> RuleBook:
    """Return a file of rules; paths of recipes in it are taken from its folder.

    Raises
    ------
    OptionError
        If it cannot be read, or something in it is unknown or impossible.
    """
    try:
        content = load_yaml(path.read_text(encoding="utf-8-sig"), by_hand=True)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise OptionError(f"rules {path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise OptionError(f"rules {path} has no rules; expected 'rules:' and below it a list, as in docs/watch.md")
    try:
        book = RuleBook.model_validate(content)
    except ValidationError as error:
        faults = describe_faults(error, {*RuleBook.model_fields, *Rule.model_fields, *Notify.model_fields})
        raise OptionError(f"rules {path} cannot be used: {faults}") from error
    rules = tuple(_complete(rule, number, path) for number, rule in enumerate(book.rules, 1))
    first = next((rule for rule in rules if rule.takes_all), None)
    behind = rules[rules.index(first) + 1 :] if first else ()
    unreached = next((rule for rule in behind if rule.take is InputKind.AUTO), None)
    if first and unreached:
        raise OptionError(
            f"rules {path}: {unreached.name} is never reached, as {first.name} takes all; put it before that"
        )
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
