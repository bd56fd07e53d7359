"""Watched folders: rules that choose what is run on which file, a ledger of jobs, and the page of the morning."""
