"""sha256 as in hashlib, without OpenSSL for the first QUICK bytes of a process.

Importing hashlib loads OpenSSL's library: 2 ms of processor time and 4 MiB of memory, for the ten kilobytes that a
short run hashes. The interpreter has its own sha256 (CPython's Modules/sha256module.c, from 3.12 on
sha2module.c), a quarter as fast.
"""

from __future__ import annotations

from exptrack.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import _Hash
    from hashlib import sha256 as _own
else:
    try:
        from _sha256 import sha256 as _own
    except ImportError:
        try:
            from _sha2 import sha256 as _own
        except ImportError:  # another interpreter than CPython, or one built without
            from hashlib import sha256 as _own

QUICK = 1 << 18
_left = QUICK


def sha256(data: bytes = b"", *, size: int = 0) -> _Hash:
    """A sum over `data` so far. `size`: bytes that it will be updated with, as far as they are known."""
    global _left
    _left -= len(data) + size
    if _left >= 0:
        return _own(data)
    from hashlib import sha256 as openssl

    return openssl(data)
