"""Record commands in a terminal as an animated SVG, for the README: `pip install pyte`, then

python -m benchmarks.recording --out docs/images/demo.svg "make demo" "lightning classify ..."

The commands are run, and every picture is of what they print; only the time is another: progress bars take a part of it, and
what is printed the rest, by its lines. The SVG has no script and needs no other file, follows the light or dark scheme of the
reader, and stands still at its end where motion is not wanted.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pty
import struct
import sys
from collections.abc import Iterator, Sequence
from fcntl import ioctl
from operator import ne
from pathlib import Path
from termios import TIOCSWINSZ
from xml.sax.saxutils import escape

COLUMNS, ROWS = 100, 30
# Size of a character in the picture, and the space around the text.
WIDTH, HEIGHT, MARGIN = 8.4, 18, 14
# Seconds of the recording, of its last picture, between pictures, and for a step of typing.
SECONDS, LAST, STEP, TYPING = 16.0, 4.0, 0.2, 0.08
# Share of the time for pictures that differ from the one before in few lines, such as those of a progress bar.
BARS, FEW = 0.35, 2
# Colours of the terminal, light and dark. "brown" is pyte's name for yellow.
COLOURS = {
    "red": ("#b3261e", "#ff8a80"),
    "green": ("#1b6e3c", "#7ddc9a"),
    "brown": ("#7a5a00", "#e6c25a"),
    "blue": ("#0b57b0", "#82b7ff"),
    "magenta": ("#8e2f87", "#f29bea"),
    "cyan": ("#00687a", "#67d8e8"),
    "brightblack": ("#6b7280", "#9aa3ad"),
}
# A run of equal characters in a line: column, text, classes.
Run = tuple[int, str, str]
Picture = tuple[tuple[Run, ...], ...]


def outputs(command: str) -> Iterator[bytes]:
    """Run a command in a terminal of its own, and yield what it prints."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ |= {"TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": str(ROWS)}
        os.execvp("bash", ["bash", "-c", command])
    ioctl(terminal, TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    with contextlib.suppress(OSError):  # the end, on Linux
        while text := os.read(terminal, 1 << 16):
            yield text
    _, status = os.waitpid(child, 0)
    if status:
        sys.exit(f"{command} failed.")


def picture(screen: object) -> Picture:
    """Return the lines of a terminal."""
    lines = []
    for row in range(ROWS):
        cells = [screen.buffer[row][column] for column in range(COLUMNS)]  # type: ignore[attr-defined]
        runs: list[Run] = []
        for column, cell in enumerate(cells):
            style = " ".join([*([cell.fg] if cell.fg in COLOURS else []), *(["bold"] if cell.bold else [])])
            if runs and runs[-1][2] == style and runs[-1][0] + len(runs[-1][1]) == column:
                runs[-1] = (runs[-1][0], runs[-1][1] + cell.data, style)
            else:
                runs.append((column, cell.data, style))
        shown = [(column + len(text) - len(text.lstrip()), text.strip(), style) for column, text, style in runs]
        lines.append(tuple(run for run in shown if run[1]))
    return tuple(lines)


def record(commands: Sequence[str]) -> list[tuple[bool, Picture]]:
    """Run commands; return the pictures of the terminal, each with whether something was being typed."""
    import pyte

    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    taken: list[tuple[bool, Picture]] = []
    for command in commands:
        stream.feed(b"\r\n" if taken else b"")
        stream.feed(b"\x1b[32m$\x1b[0m ")
        for begin in range(0, len(command), 4):
            stream.feed(f"\x1b[1m{command[begin : begin + 4]}\x1b[0m".encode())
            taken.append((True, picture(screen)))
        stream.feed(b"\r\n")
        for text in outputs(command):
            stream.feed(text)
            taken.append((False, picture(screen)))
    return taken


def timed(taken: Sequence[tuple[bool, Picture]]) -> list[tuple[float, Picture]]:
    """Return the pictures with their seconds in the recording."""
    before = [taken[0][1], *(each for _, each in taken)]
    changed = [sum(map(ne, old, new)) for old, (_, new) in zip(before, taken, strict=False)]
    few = sum(not typed and lines <= FEW for (typed, _), lines in zip(taken, changed, strict=True))
    many = sum(lines for (typed, _), lines in zip(taken, changed, strict=True) if not typed and lines > FEW)
    left = SECONDS - TYPING * sum(typed for typed, _ in taken)
    now, found = 0.0, []
    for (typed, each), lines in zip(taken, changed, strict=True):
        found.append((now, each))
        now += TYPING if typed else left * BARS / few if lines <= FEW else left * (1 - BARS) * lines / many
    return [*found, (now, taken[-1][1])]


def thinned(taken: Sequence[tuple[float, Picture]]) -> list[tuple[float, Picture]]:
    """Return one picture for each step of the recording, without those that equal the one before."""
    kept: list[tuple[float, Picture]] = []
    for step in range(round(taken[-1][0] / STEP) + 1):
        shown = [each for seconds, each in taken if seconds <= step * STEP][-1]
        if not kept or kept[-1][1] != shown:
            kept.append((step * STEP, shown))
    return kept if kept[-1][1] == taken[-1][1] else [*kept, taken[-1]]


def svg(pictures: Sequence[tuple[float, Picture]], title: str) -> str:
    """Return the animation: a film of pictures that moves behind a window."""
    lines: dict[tuple[Run, ...], int] = {}
    film = []
    high = ROWS * HEIGHT
    for place, (_, lines_of) in enumerate(pictures):
        uses = "".join(
            f'<use href="#l{lines.setdefault(line, len(lines))}" y="{row * HEIGHT}"/>'
            for row, line in enumerate(lines_of)
            if line
        )
        film.append(f'<g transform="translate(0 {place * high})">{uses}</g>')
    known = "".join(
        f'<g id="l{number}">'
        + "".join(
            f'<text x="{column * WIDTH:.1f}" y="{HEIGHT - 5}" textLength="{len(text) * WIDTH:.1f}"'
            + (f' class="{style}"' if style else "")
            + f">{escape(text)}</text>"
            for column, text, style in line
        )
        + "</g>"
        for line, number in lines.items()
    )
    seconds = pictures[-1][0] + LAST
    frames = "".join(
        f"{100 * begin / seconds:.2f}%{{transform:translateY({-place * high}px)}}"
        for place, (begin, _) in enumerate(pictures)
    )
    last = -(len(pictures) - 1) * high
    colours = ["".join(f".{name}{{fill:{both[scheme]}}}" for name, both in COLOURS.items()) for scheme in (0, 1)]
    width, height = COLUMNS * WIDTH + 2 * MARGIN, high + 2 * MARGIN
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" role="img"
aria-label="{escape(title)}">
<style>
.paper{{fill:#f6f8fa;stroke:#d0d7de}}text{{fill:#1b1f24;white-space:pre}}
text{{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}}
.bold{{font-weight:700}}{colours[0]}
@media(prefers-color-scheme:dark){{.paper{{fill:#14171a;stroke:#3a4148}}text{{fill:#e8eaed}}{colours[1]}}}
.film{{animation:film {seconds:.2f}s step-end infinite}}
@keyframes film{{{frames}}}
@media(prefers-reduced-motion:reduce){{.film{{animation:none;transform:translateY({last}px)}}}}
</style>
<defs>{known}</defs>
<rect class="paper" x=".5" y=".5" width="{width - 1:.0f}" height="{height - 1}" rx="8"/>
<svg x="{MARGIN}" y="{MARGIN}" width="{COLUMNS * WIDTH:.0f}" height="{high}"><g class="film">{"".join(film)}</g></svg>
</svg>
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.recording", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("commands", nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    given.out.write_text(
        svg(thinned(timed(record(given.commands))), f"Recording of {given.commands[0]}"), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
