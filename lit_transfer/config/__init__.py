"""One reader of configurations, and of the settings in checkpoints, for every command."""
