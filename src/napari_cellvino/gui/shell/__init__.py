"""The dock, its command, and what the panels of one viewer share."""
