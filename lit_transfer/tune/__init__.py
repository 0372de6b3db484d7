"""A search for settings, and a comparison of its result with the defaults on texts that it never saw."""
