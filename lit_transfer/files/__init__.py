"""Files: where they are, what they are, and how they are written."""

from lit_transfer.files.locations import PACKAGE_SCHEME, locate, package_folders
from lit_transfer.files.recognition import excerpt, is_text, recognize
from lit_transfer.files.writing import (
    atomic_folder,
    atomic_path,
    atomic_write,
    check_file,
    check_folder,
    remove_unfinished,
)

__all__ = [
    "PACKAGE_SCHEME",
    "atomic_folder",
    "atomic_path",
    "atomic_write",
    "check_file",
    "check_folder",
    "excerpt",
    "is_text",
    "locate",
    "package_folders",
    "recognize",
    "remove_unfinished",
]
