"""The models to choose from, broken ones with their reason, and the card of the one chosen."""

from __future__ import annotations

import re
from collections.abc import Sequence

from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QPalette, QTextOption
from qtpy.QtWidgets import QDialog, QPushButton, QTextBrowser, QVBoxLayout, QWidget

from napari_cellvino.core.image import Stack, channel_index
from napari_cellvino.core.recipe import Recipe, WholeCellWay
from napari_cellvino.gui.widgets.form_layout import MARGIN
from napari_cellvino.gui.widgets.value_combo import Choice
from napari_cellvino.model_package import ModelOutput, ModelPackage, ModelSpec
from napari_cellvino.model_package.registry import ListedPackage

NETWORK = "## How it works"


def model_choices(packages: Sequence[ListedPackage]) -> tuple[Choice[str], ...]:
    """Return all models; the value is a name, or a folder where another model of that name comes first."""
    choices: list[Choice[str]] = []
    names: set[str] = set()
    for package in packages:
        spec = package.spec
        title = _title(spec) if spec else f"{package.folder.name} (cannot be used)"
        value = str(package.folder) if package.name in names else package.name
        names.add(package.name)
        tooltip = f"{what_it_does(spec)}\nLicence: {spec.licence}" if spec else package.problem
        choices.append(Choice(title, value, tooltip, spec is not None))
    return tuple(choices)


def outline_choices(packages: Sequence[ListedPackage]) -> tuple[Choice[str], ...]:
    """Return the models that outline single cells by their names, after an empty name for none."""
    found = {"": Choice("none, boxes only", "", "Cells are counted and measured by their boxes")}
    for package in packages:
        spec = package.spec
        if spec is not None and spec.gives is ModelOutput.MASK and package.name not in found:
            tooltip = f"{spec.description}\nEach cell that is found is looked at once more: that takes longer"
            found[package.name] = Choice(f"{spec.title} {spec.version}", package.name, tooltip)
    return tuple(found.values())


def whole_cell_choices(stack: Stack | None, recipe: Recipe) -> tuple[Choice[tuple[WholeCellWay | None, str]], ...]:
    """Return the ways to make whole cells of nuclei on an image: none, by a distance, or over another channel."""
    found: list[Choice[tuple[WholeCellWay | None, str]]] = [
        Choice("none, nuclei only", (None, ""), "What the model outlines is measured as it is"),
        Choice("a distance round each", (WholeCellWay.EXPAND, ""), "Nuclei are expanded as far as Cell reach says"),
    ]
    names = () if stack is None or stack.rgb else stack.channels
    nuclei = None if stack is None else channel_index(stack, recipe.channel)
    over = [name for number, name in enumerate(names) if number != nuclei]
    if recipe.whole_cells is WholeCellWay.PROPAGATE and recipe.cell_channel not in over:
        over.append(recipe.cell_channel)
    tooltip = "Cells grow from their nuclei over what is bright in this channel"
    return (*found, *(Choice(f"grown over {name}", (WholeCellWay.PROPAGATE, name), tooltip) for name in over))


def spot_choices(stack: Stack | None, recipe: Recipe) -> tuple[Choice[str | None], ...]:
    """Return the channels that spots can be sought in: none, one that the names tell, or each by its name."""
    names = () if stack is None or stack.rgb else stack.channels
    known = [*names, *([recipe.spot_channel] if recipe.spot_channel and recipe.spot_channel not in names else [])]
    tooltip = "Particles and single molecules are found in this channel and counted in each cell"
    first: list[Choice[str | None]] = [Choice("none", None, "No spots are sought"), Choice("found", "", tooltip)]
    return (*first, *(Choice(f"in {name}", name, tooltip) for name in known))


def partner_choices(stack: Stack | None, recipe: Recipe) -> tuple[Choice[str], ...]:
    """Return the channels whose spots can be compared with those of another: none, or each by its name."""
    names = () if stack is None or stack.rgb else stack.channels
    known = [*names, *([recipe.spot_partner] if recipe.spot_partner and recipe.spot_partner not in names else [])]
    others = [name for name in known if name != recipe.spot_channel]
    tooltip = "Its spots are found too, and pairs of both are counted, in each cell and beyond chance"
    return (Choice("not compared", ""), *(Choice(f"with {name}", name, tooltip) for name in others))


def _title(spec: ModelSpec) -> str:
    kind = {ModelOutput.OUTLINES: "outlines", ModelOutput.BOXES: "boxes", ModelOutput.MASK: "one cell"}[spec.gives]
    short = spec.version.removesuffix(".0")
    return f"{spec.title} · {kind} {short}"


def what_it_does(spec: ModelSpec) -> str:
    """Return what a model is for and what comes out, in a sentence each."""
    task = spec.describe_task()
    return f"{spec.description.rstrip('.')}. {task[0].upper()}{task[1:]}."


def _in_order_of_use(markdown: str) -> str:
    """Return a card with what is told of the network behind what it saw, its scores and where it fails."""
    first, *parts = re.split(r"^(?=## )", markdown, flags=re.MULTILINE)
    ours = [part for part in parts if part.startswith(NETWORK)]
    return "".join([first, *(part for part in parts if part not in ours), *("\n" + part for part in ours)])


def _without_addresses(markdown: str) -> str:
    """Return a text in which Qt takes no ``AP@0.5`` for the address of a person; code is left as it is."""
    parts = markdown.split("`")
    return "`".join(part if number % 2 else part.replace("@", "\\@") for number, part in enumerate(parts))


class CardWindow(QDialog):
    """The model card in a window of its own, beside napari's; nothing waits for it, and Esc closes it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Tool)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._text = QTextBrowser()
        self._text.setOpenExternalLinks(True)
        self._text.setAccessibleName("Model card")
        self._text.document().setDocumentMargin(MARGIN)
        self._text.setWordWrapMode(QTextOption.WrapMode.WordWrap)  # numbers in narrow columns stay whole
        close = QPushButton("&Close")
        close.setToolTip("Close the card")
        close.clicked.connect(self.close)
        layout = QVBoxLayout(self)
        layout.addWidget(self._text)
        layout.addWidget(close, alignment=Qt.AlignmentFlag.AlignRight)
        self.resize(560, 640)

    def show_card(self, package: ModelPackage, link_colour: str) -> None:
        """Show what the model saw, what it scores and where it fails; links in a colour of the theme."""
        self.setWindowTitle(f"Model card: {package.spec.title} {package.spec.version}")
        palette = self._text.palette()  # napari's themes leave links in Qt's dark blue
        palette.setColor(QPalette.ColorRole.Link, QColor(link_colour))
        self._text.setPalette(palette)
        self._text.setMarkdown(_without_addresses(_in_order_of_use(package.card())))
        self.show()
        self.raise_()
