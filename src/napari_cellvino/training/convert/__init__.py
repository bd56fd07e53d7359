"""From networks, ours or others', to model packages."""
