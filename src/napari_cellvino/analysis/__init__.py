"""What the found cells amount to: tables per object, counts per field, and agreement with a truth."""
