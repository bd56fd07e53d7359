"""The Plate panel: the wells at a glance, runs over them, what they hold."""
