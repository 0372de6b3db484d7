"""A reader for each format of pretrained vectors."""
