"""What the found cells amount to: tables per object, counts per field."""
