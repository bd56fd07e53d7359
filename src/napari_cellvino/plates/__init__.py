"""What the wells of a plate hold and what was found in them."""
