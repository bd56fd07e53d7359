"""The night run in the window: what the ledger of a folder of results says, and a watch over folders."""
