"""Build script; the long description is the README without relative links and images, which a package index cannot show."""

import re
from pathlib import Path

from setuptools import setup

# A badge that links to a file: the badge stays.
BADGE = re.compile(r"\[(!\[[^]]*\]\(https?:[^)]*\))\]\((?!https?:|#)[^)]*\)")
RELATIVE = re.compile(r"!?\[([^]]*)\]\((?!https?:|#)[^)]*\)")

readme = Path(__file__).with_name("README.md").read_text(encoding="utf-8")
setup(long_description=RELATIVE.sub(r"\1", BADGE.sub(r"\1", readme)))
