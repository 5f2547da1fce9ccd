"""Root without its right to read and write whatever it likes: tests of closed files and folders run as root (CI) as
well as for everybody else, for whom all of this does nothing.

Linux only: capabilities(7), by the system calls, since no package of the development list has them.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
# linux/capability.h: _LINUX_CAPABILITY_VERSION_3, which has two words of 32 capabilities; linux/prctl.h.
VERSION, WORDS, PR_CAPBSET_DROP = 0x20080522, 2, 24


class Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class Word(ctypes.Structure):
    _fields_ = [("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32)]


LIBC = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *words: object) -> None:
    if getattr(LIBC, name)(*words) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


@contextmanager
def without_privileges() -> Iterator[None]:
    """This thread obeys the permissions of files inside the block."""
    if os.geteuid() != 0:
        yield
        return
    header, words = Header(VERSION, 0), (Word * WORDS)()
    _call("capget", ctypes.byref(header), words)
    before = words[0].effective
    words[0].effective &= ~(1 << CAP_DAC_OVERRIDE | 1 << CAP_DAC_READ_SEARCH)
    _call("capset", ctypes.byref(header), words)
    try:
        yield
    finally:
        words[0].effective = before
        _call("capset", ctypes.byref(header), words)


def give_up_privileges() -> None:
    """`preexec_fn` of a process that obeys the permissions of files, as do all that it starts."""
    if os.geteuid() == 0:
        for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
            _call("prctl", PR_CAPBSET_DROP, capability, 0, 0, 0)
