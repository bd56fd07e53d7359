"""Rules decide by path, name and metadata; a mistake in them is named before anything runs."""

from __future__ import annotations

from datetime import datetime

import pytest
from pydantic import ValidationError

from napari_cellvino.core.errors import OptionError
from napari_cellvino.service.rules import Rule, RuleBook, load_rules, recipe_of


def rules(tmp_path, text) -> RuleBook:
    path = tmp_path / "rules.yaml"
    path.write_text(text, encoding="utf-8")
    return load_rules(path)


@pytest.mark.parametrize(
    ("match", "path", "fits"),
    [
        ("*", "a/b.tif", True),
        ("screen/*", "Screen/x/y.TIF", True),
        ("screen/*", "other/y.tif", False),
        ("*_dapi.tif", "q/1_DAPI.tif", True),
    ],
)
def test_match_is_blind_to_case_and_crosses_folders(match, path, fits):
    assert Rule(match=match).fits_path(path) is fits


def test_excluded_paths_do_not_fit():
    assert not Rule(match="*", exclude="*/thumbs/*").fits_path("p/thumbs/a.tif")


def test_names_give_typed_attributes_and_places():
    rule = Rule(names="{date}_{operator}_{plate}_{magnification:d}x", out="{date}/{plate}")
    found = rule.attributes("screen/20261128_AB_P7_20x.tif")
    assert found == {"date": "20261128", "operator": "AB", "plate": "P7", "magnification": 20}
    assert rule.attributes("screen/other.tif") is None


def test_results_stay_below_the_root():
    assert Rule(out="{folder}/../../etc").results_below("a/b.tif", {}, folder=False).as_posix() == "a/etc"
    assert Rule().results_below("a/b/c.tif", {}, folder=False).as_posix() == "a/b"
    assert Rule().results_below("a/plate7", {}, folder=True).as_posix() == "a/plate7"


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("rules: [{matches: x}]", "matches"),
        ("rules: [{out: '{operator}'}]", "operator"),
        ("hours: late", "late"),
        ("rules: [{names: '{a'}]", "{a"),
        ("rules: 3", "rules"),
        ("{", "rules.yaml"),
    ],
)
def test_mistakes_are_named(tmp_path, text, fact):
    with pytest.raises(OptionError) as caught:
        rules(tmp_path, text)
    assert fact in str(caught.value)


def test_recipe_lies_beside_the_rules_and_choices_go_over_it(tmp_path):
    (tmp_path / "mine.yaml").write_text("model: nuclei\nz: focus\n", encoding="utf-8")
    (rule,) = rules(
        tmp_path, "rules: [{recipe: mine.yaml, choices: {channel: DNA, parameters: {confidence: 0.7}}}]"
    ).rules
    recipe = recipe_of(rule)
    assert (recipe.z, recipe.channel, recipe.parameters) == ("focus", "DNA", {"confidence": 0.7})


def test_impossible_choice_is_named(tmp_path):
    (rule,) = rules(tmp_path, "rules: [{choices: {zoom: 3}}]").rules
    with pytest.raises(OptionError, match="zoom"):
        recipe_of(rule)


@pytest.mark.parametrize(
    ("hours", "opens", "closed"),
    [
        ("22:00-06:00", (22, 23, 0, 5), (6, 12, 21)),
        ("8:00-17:00", (8, 16), (7, 17, 18)),
        ("18:00-24:00", (18, 23), (0, 17)),
        ("00:00-24:00", (0, 12, 23), ()),
    ],
)
def test_hours_may_pass_midnight(hours, opens, closed):
    book = RuleBook(hours=hours)
    assert all(book.is_open(datetime(2026, 11, 28, hour)) for hour in opens)
    assert not any(book.is_open(datetime(2026, 11, 28, hour)) for hour in closed)


@pytest.mark.parametrize("hours", ["29:00-06:00", "22:75-06:00", "22-6", "24:00-06:00"])
def test_hours_that_no_clock_shows_are_refused(hours):
    with pytest.raises(ValidationError):
        RuleBook(hours=hours)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules: [{mach: x}]", "is match meant"),
        ("rules:\n\t- match: x", "line 2 begins with a tab"),
        (
            "rules:\n  - name: a\n    match: x/*\n    name: b\n    match: y/*",
            "name stands twice in one place, in the lines 2 and 4",
        ),
        ("- match: x", "has no rules"),
        ("", "has no rules"),
        ("rules: [{match: ''}]", "fits no path"),
        ("rules: [{match: []}]", "fits no path"),
        ("rules: [{match: /data/x/*}]", "below the watched folder"),
        ("rules: [{match: 'C:\\x\\*'}]", "below the watched folder"),
        ("rules: [{match: '{x,y}/*'}]", "braces"),
        ("rules: [{exclude: ''}]", "fits no path"),
        ("rules: [{match: '*'}, {name: b, match: x/*}]", "b is never reached, as rule 1 takes all"),
        ("rules: [{out: '{folder'}]", "template"),
        ("rules: [{out: '{stem:d}'}]", "template"),
        ("rules: [{out: '{stem!q}'}]", "template"),
        ("rules: [{pixel_size_um: [1.0, 0.2]}]", "the smaller number comes first"),
        ("keep_free_gb: yes", "a number is wanted"),
        ("keep_free_gb: .inf", "finite"),
        ("start: 0 2 31 2 *", "never comes"),
        ("[" * 5000, "nested too deeply"),
    ],
)
def test_slips_of_a_tired_hand_are_named_before_the_night(tmp_path, text, said):
    with pytest.raises(OptionError) as caught:
        rules(tmp_path, text)
    assert said in str(caught.value)


@pytest.mark.parametrize("pattern", ["x\\*", "./x/*", "x/", "x/**/*.tif", "**/a.tif", "X/A.*"])
def test_patterns_as_for_a_shell_fit_what_they_look_like(pattern):
    assert Rule(match=pattern).fits_path("x/a.tif")
    assert not Rule(match=pattern).fits_path("y/b.tif")


def test_a_template_that_a_name_cannot_fill_is_named(tmp_path):
    (rule,) = rules(tmp_path, "rules: [{names: '{day}_{n}', out: '{n:03d}'}]").rules
    with pytest.raises(OptionError, match="cannot write x/a_1.tif to '{n:03d}'"):
        rule.results_below("x/a_1.tif", rule.attributes("x/a_1.tif"), folder=False)


def test_it_is_said_why_no_rule_fits(tmp_path):
    book = rules(
        tmp_path, "rules: [{name: a, match: y/*}, {name: b, names: '{day}_{plate}'}, {match: x/*, exclude: '*.tif'}]"
    )
    why = "a: its path is not like y/*; b: its name is not like {day}_{plate}; rule 3: its path is excluded"
    assert book.match("x/1.tif", None).why == f"no rule fits it ({why})"


def test_a_channel_may_be_written_as_a_number_and_yes_is_none(tmp_path):
    (rule,) = rules(tmp_path, "rules: [{choices: {channel: 2}}]").rules
    assert recipe_of(rule).channel == "2"
    for choice in ("diameter_px: yes", "frame: on", "parameters: {confidence: no}"):
        (rule,) = rules(tmp_path, f"rules: [{{choices: {{{choice}}}}}]").rules
        with pytest.raises(OptionError, match="a number is wanted"):
            recipe_of(rule)


def test_a_command_in_one_line_is_several_words(tmp_path):
    assert rules(tmp_path, "notify: {command: \"logger -t 'night run'\"}").notify.command == (
        "logger",
        "-t",
        "night run",
    )
