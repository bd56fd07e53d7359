"""Imported by the process that those of a run are copies of: with this, it imports what they need."""

from napari_cellvino.workflows.process_start import import_needed

import_needed()
