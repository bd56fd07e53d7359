"""Use cases on one field or many, shared by window and command line."""
