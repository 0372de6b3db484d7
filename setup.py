"""The long description of the package index: the README, less the links and pictures that only a checkout can follow."""

import re
from pathlib import Path

from setuptools import setup

RELATIVE = re.compile(r"!?\[([^]]*)\]\((?!https?:|#)[^)]*\)")

readme = Path(__file__).with_name("README.md").read_text(encoding="utf-8")
setup(long_description=RELATIVE.sub(r"\1", readme))
