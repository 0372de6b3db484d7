"""Classification of many files, with an output file for each."""
