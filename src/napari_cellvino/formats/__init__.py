"""Results as files that other programs read: one writer per format, all of them atomic and repeatable to the byte."""
