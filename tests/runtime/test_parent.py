import multiprocessing
import multiprocessing.connection
import os
import signal
import time

from lit_transfer.runtime.parent import end_with_parent


def begin_child(connection):
    child = multiprocessing.get_context("fork").Process(target=wait_forever)
    child.start()
    connection.send(child.pid)
    child.join()


def wait_forever():
    end_with_parent()
    time.sleep(90)


def test_a_process_ends_when_its_parent_is_killed():
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    parent = context.Process(target=begin_child, args=(theirs,))
    parent.start()
    child = os.pidfd_open(ours.recv())
    os.kill(parent.pid, signal.SIGKILL)
    parent.join()
    try:
        assert multiprocessing.connection.wait([child], timeout=60), "the child is still running after a minute"
    finally:
        os.close(child)
