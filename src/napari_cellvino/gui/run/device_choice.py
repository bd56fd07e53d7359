"""The devices and precisions to choose from."""

from __future__ import annotations

from collections.abc import Sequence

from napari_cellvino.core.recipe import Precision
from napari_cellvino.engines.engine import Device
from napari_cellvino.engines.remote.address import is_address, parse_address
from napari_cellvino.gui.widgets.value_combo import Choice
from napari_cellvino.model_package import ModelPackage

PRECISIONS = {
    Precision.AUTO: "Automatic",
    Precision.FAST: "Fast",
    Precision.EXACT: "Exact (f32)",
    Precision.INT8: "INT8",
}
_FASTEST = (("BF16", "bf16"), ("FP16", "f16"))  # name in OpenVINO, name in the window
_SCORES = {  # which one is told, of those that a model has
    "f1_50": "Cells found as people drew them (F1, 1 at best):",
    "f1_centre": "Cells found where people saw them (F1, 1 at best):",
    "dice": "Outlines like those that people drew (Dice, 1 at best):",
}
_HELP = {
    Precision.AUTO: "INT8 where the model's card shows that it costs no accuracy, else Fast.",
    Precision.FAST: "The device's fastest number type: bf16 or f16 where it has one. Counts rarely differ from Exact.",
    Precision.EXACT: "32-bit numbers: the same result on every device, but several times slower.",
    Precision.INT8: "8-bit weights: fastest on most devices; see the model card for what it costs in accuracy.",
}


def device_choices(devices: Sequence[Device], chosen: str) -> tuple[Choice[str], ...]:
    """Return the devices by their full names, and the chosen one where it is not on this computer."""
    choices = tuple(_device_choice(device) for device in devices) or (Choice("Automatic", "AUTO"),)
    if any(choice.value == chosen for choice in choices):
        return choices
    other = "not among your servers" if is_address(chosen) else "not on this computer"
    return (*choices, Choice(f"{chosen} ({other})", chosen))


def where_pixels_go(device: str) -> str:
    """Return a sentence on where pixels go with a device; empty where they stay on this computer."""
    if not is_address(device):
        return ""
    address = parse_address(device)
    how = "" if address.secure or address.loopback else ", unencrypted"
    return f"Pixels of tiles go to {address.server}{how}; nothing else does."


def _device_choice(device: Device) -> Choice[str]:
    if is_address(device.name):
        return Choice(device.full_name, device.name, f"{device.full_name}\n{where_pixels_go(device.name)}")
    title = device.full_name if device.name == "AUTO" else f"{device.full_name} ({device.name})"
    capabilities = ", ".join(device.capabilities) or "OpenVINO chooses the fastest of these devices"
    return Choice(title, device.name, f"{title}\n{capabilities}")


def precision_choices(package: ModelPackage | None, capabilities: Sequence[str]) -> tuple[Choice[Precision], ...]:
    """Return the precisions, those that the model has weights for enabled; ``capabilities`` are those of the device."""
    return tuple(_precision_choice(precision, package, capabilities) for precision in PRECISIONS)


def _precision_choice(
    precision: Precision, package: ModelPackage | None, capabilities: Sequence[str]
) -> Choice[Precision]:
    if precision is Precision.AUTO:
        return Choice(_automatic_title(package), precision, _HELP[precision])
    if package is not None and precision not in package.precisions:
        return Choice(PRECISIONS[precision], precision, "This model has no 8-bit weights.", enabled=False)
    fast = next((ours for theirs, ours in _FASTEST if theirs in capabilities), "f32" if capabilities else "")
    title = f"Fast ({fast})" if precision is Precision.FAST and fast else PRECISIONS[precision]
    return Choice(title, precision, _HELP[precision] + _scores(package, precision))


def _automatic_title(package: ModelPackage | None) -> str:
    title = PRECISIONS[Precision.AUTO]
    return title if package is None else f"Auto ({PRECISIONS[package.automatic_precision]})"


def _scores(package: ModelPackage | None, precision: Precision) -> str:
    """Return the one score that says most at a precision, beside the exact one, for each set of test images."""
    scores = package.spec.scores if package is not None else ()
    metric = next((name for name in _SCORES if any(s.metric == name for s in scores)), "")
    exact = {s.set: s.value for s in scores if s.precision is Precision.EXACT and s.metric == metric}
    lines = [
        f"\n{s.set}: {s.value:.3f}" + (f" (Exact: {exact[s.set]:.3f})" if exact.get(s.set, s.value) != s.value else "")
        for s in scores
        if s.precision is precision and s.metric == metric
    ]
    return f"\n{_SCORES[metric]}{''.join(lines)}" if lines else ""
