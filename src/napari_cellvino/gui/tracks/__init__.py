"""The window of films: tracks, lineage, the queue of doubtful links, and their edits by keys."""
