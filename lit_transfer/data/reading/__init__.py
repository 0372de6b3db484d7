"""Reading of tabular files, pipes, datasets of the Hugging Face hub and data in memory as columns."""
