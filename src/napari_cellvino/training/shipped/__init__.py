"""The models that ship: their sets, their plans, how each is made again."""
