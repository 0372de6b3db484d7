"""Files: locations, recognition of their format, and atomic writing."""

from lit_transfer.files.locations import PACKAGE_SCHEME, expanded, is_address, locate, output_file, package_folders
from lit_transfer.files.recognition import excerpt, is_hidden, is_text, recognize, unmarked_utf16, without_marks
from lit_transfer.files.writing import (
    atomic_folder,
    atomic_path,
    atomic_write,
    check_file,
    check_folder,
    is_standard_output,
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
    "expanded",
    "is_address",
    "is_hidden",
    "is_standard_output",
    "is_text",
    "locate",
    "output_file",
    "package_folders",
    "recognize",
    "remove_unfinished",
    "unmarked_utf16",
    "without_marks",
]
