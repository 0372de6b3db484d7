"""Print reviews with labels as CSV, for the first run of an installed wheel."""

import csv
import itertools
import sys

WORDS = {"positive": ("good", "great", "lovely", "superb"), "negative": ("bad", "poor", "dull", "awful")}

writer = csv.writer(sys.stdout)
writer.writerow(["review", "sentiment"])
for number, (first, second) in enumerate(itertools.product(range(4), repeat=2)):
    for sentiment, words in WORDS.items():
        for thing in ("film", "plot", "cast"):
            writer.writerow([f"{words[first]} {thing} number {number}, with {words[second]} actors", sentiment])
