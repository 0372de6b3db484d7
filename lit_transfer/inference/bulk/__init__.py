"""A file of answers for each of many files of texts."""
