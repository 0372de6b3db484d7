"""Processes that start fast, since they are forked from a server that has imported the package."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from multiprocessing.context import BaseContext, ForkServerContext
from pathlib import Path
from typing import IO, Any

from lit_transfer.cli.main import main


def context() -> ForkServerContext:
    """Return the context of a server without threads, which each test process starts once."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(["tests.imported", "lit_transfer.cli.fit", "tests.prepared"])
    return made


class Prepared:
    """The command line in a new process, with the part of the interface of `subprocess.Popen` that is used here.

    Args:
        command: Command line, including the program.
        env: Environment; None for that of this process.
        cwd: Working directory; None for that of this process.
        output: Folder for the output, in the files `stdout` and `stderr`; None for that of this process.
        group: Whether the process starts a new process group.
        method: Start method: the server, or a `fork` of this process.
    """

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str] | None = None,
        cwd: str | Path | None = None,
        output: Path | None = None,
        group: bool = False,
        method: BaseContext | None = None,
    ) -> None:
        arguments = (list(command), dict(env or os.environ), str(cwd or Path.cwd()), output, group, list(sys.path))
        self._process: Any = (method or context()).Process(target=_run, args=arguments)  # type: ignore[attr-defined]
        self._process.start()
        self.args, self.output = list(command), output

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return self._process.exitcode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        assert self.output is not None
        self.wait(timeout)
        return (self.output / "stdout").read_text(), (self.output / "stderr").read_text()

    def send_signal(self, number: int) -> None:
        if self._process.is_alive():
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def with_pipes(
    command: Sequence[str], folder: Path, env: Mapping[str, str] | None = None, group: bool = False
) -> tuple[Prepared, IO[bytes], IO[bytes]]:
    """Start the command line; return its process and its standard input and output. Its errors are in `folder/stderr`."""
    for name in ("stdin", "stdout"):
        os.mkfifo(folder / name)
    process = Prepared(command, env, folder, folder, group)
    # The process opens them in this order, and waits for the other end.
    stdout = (folder / "stdout").open("rb")
    return process, (folder / "stdin").open("wb"), stdout


def run(command: Sequence[str], env: Mapping[str, str], output: Path, timeout: float = 240) -> Any:
    """Run the command line in a new process, and wait for its end."""
    output.mkdir(exist_ok=True)
    process = Prepared(command, env, output=output)
    try:
        said, errors = process.communicate(timeout)
    finally:
        process.kill()
    return subprocess.CompletedProcess(list(command), process.wait(), said, errors)


def _run(command: list[str], env: dict[str, str], cwd: str, output: Path | None, group: bool, path: list[str]) -> None:
    if group:
        os.setsid()
    for number, name in ((1, "stdout"), (2, "stderr")) if output else ():
        os.dup2(os.open(output / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    if output and (output / "stdin").exists():
        os.dup2(os.open(output / "stdin", os.O_RDONLY), 0)
        sys.stdin = open(0, closefd=False)  # noqa: SIM115
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.argv, sys.path = command, path
    # Processes started by a shell in the background ignore ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from lightning.pytorch.strategies.launchers import subprocess_script

    # Lightning starts its other processes by the same command line; these also start fast.
    subprocess_script.subprocess = _Launched  # type: ignore[assignment]
    code: Any = 0
    try:
        main()
    except SystemExit as stop:
        code = stop.code
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


class _Launched:
    """The part of the module `subprocess` that Lightning uses."""

    @staticmethod
    def Popen(command: Sequence[str], env: Mapping[str, str], cwd: str | None) -> Prepared:
        # Children of the server do not inherit its address, and would start another server.
        return Prepared(sys.argv, env, cwd, method=multiprocessing.get_context("fork"))
