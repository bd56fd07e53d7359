"""The cells of all saved fields: small pictures and a plot, to choose, mark and gate many at once."""
