"""Which model: the packages found, broken ones with their reason, and the card of the one chosen."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor, QPalette, QStandardItemModel
from qtpy.QtWidgets import QComboBox, QDialog, QPushButton, QTextBrowser, QVBoxLayout, QWidget

from napari_cellvino.gui.widgets.form_layout import MARGIN, narrow
from napari_cellvino.model_package import ModelOutput, ModelPackage, ModelSpec
from napari_cellvino.model_package.registry import ListedPackage


class ModelChoice(QComboBox):
    """Speaks the recipe's model: a name, or a folder where another model of that name comes first."""

    value_changed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        narrow(self)
        self.activated.connect(lambda row: self.value_changed.emit(self.itemData(row)))

    def offer(self, packages: tuple[ListedPackage, ...], chosen: str) -> None:
        """List packages; those that cannot be used are grey, and their tooltip says why."""
        self.clear()
        names: set[str] = set()
        for package in packages:
            spec = package.spec
            title = _title(spec) if spec else f"{package.folder.name} (cannot be used)"
            self.addItem(title, str(package.folder) if package.name in names else package.name)
            names.add(package.name)
            row = self.count() - 1
            said = f"{what_it_does(spec)}\nLicence: {spec.licence}" if spec else package.problem
            self.setItemData(row, said, Qt.ItemDataRole.ToolTipRole)
            enable_row(self, row, spec is not None)
        self.set_value(chosen)

    def set_value(self, name: str) -> None:
        """Show a model as chosen."""
        row = self.findData(name)
        self.setCurrentIndex(row)
        self.setToolTip(str(self.itemData(row, Qt.ItemDataRole.ToolTipRole) or "") if row >= 0 else "")


def _title(spec: ModelSpec) -> str:
    kind = {ModelOutput.OUTLINES: "outlines", ModelOutput.BOXES: "boxes", ModelOutput.MASK: "one cell"}[spec.gives]
    short = spec.version.removesuffix(".0")
    return f"{spec.title} · {kind} {short}"


def what_it_does(spec: ModelSpec) -> str:
    """Return what a model is for and what comes out, in a sentence each."""
    task = spec.describe_task()
    return f"{spec.description.rstrip('.')}. {task[0].upper()}{task[1:]}."


class CardWindow(QDialog):
    """The model card in a window of its own, beside napari's; nothing waits for it, and Esc closes it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Tool)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._text = QTextBrowser()
        self._text.setOpenExternalLinks(True)
        self._text.setAccessibleName("Model card")
        self._text.document().setDocumentMargin(MARGIN)
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
        self._text.setMarkdown(package.card())
        self.show()
        self.raise_()


def enable_row(combo: QComboBox, row: int, enabled: bool) -> None:
    """Let a row of a combo be chosen or not."""
    model = combo.model()
    if isinstance(model, QStandardItemModel):
        model.item(row).setEnabled(enabled)
