"""Phenotypes of whole fields: a network that sees several scales at once, its data, and how it is fitted."""
