"""A search for settings, and a comparison of its result with the defaults on held-out texts."""
