"""Print the oldest versions that setup.cfg allows, as constraints for pip.

Use as `python .github/oldest.py > oldest.txt && pip install -c oldest.txt -e ".[dev]"`.
"""

import configparser
import re
from pathlib import Path

config = configparser.ConfigParser(interpolation=None)
config.read(Path(__file__).parents[1] / "setup.cfg")
requirements = config["options"]["install_requires"].splitlines()
for requirement in requirements:
    if found := re.match(r"\s*([\w.-]+)(?:\[\w+\])?>=([\w.]+)", requirement):
        print(f"{found[1]}=={found[2]}")
