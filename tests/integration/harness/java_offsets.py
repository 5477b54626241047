"""The offset file of Kafka Connect's standalone mode: a java.util.HashMap<byte[], byte[]>.

In Java's serialisation, as `ObjectOutputStream.writeObject` gives it. tests/golden has a file that
Connect itself wrote; a test compares.
"""

from __future__ import annotations

import struct

HASH_MAP = (b"\xac\xed\x00\x05sr" + struct.pack(">H", 17) + b"java.util.HashMap" +
            bytes.fromhex("0507dac1c31660d1") + b"\x03\x00\x02"
            b"F\x00\nloadFactorI\x00\tthreshold" b"xp?@\x00\x00")
FIRST_ARRAY = b"ur\x00\x02[B" + bytes.fromhex("acf317f8060854e0") + b"\x02\x00\x00xp"
NEXT_ARRAY = b"uq\x00~\x00\x02"
NULL, END, BLOCK = b"p", b"x", b"w\x08"

Offsets = dict[bytes, bytes | None]


def encode(offsets: Offsets) -> bytes:
    """As Java writes a map of up to 12 entries (more would make the table larger)."""
    if len(offsets) > 12:
        raise ValueError("for up to 12 offsets")
    parts = [HASH_MAP, struct.pack(">i", 12), BLOCK, struct.pack(">ii", 16, len(offsets))]
    introduction = FIRST_ARRAY
    for data in (part for offset in offsets.items() for part in offset):
        if data is None:
            parts.append(NULL)
            continue
        parts += [introduction, struct.pack(">i", len(data)), data]
        introduction = NEXT_ARRAY
    return b"".join(parts) + END


def decode(file: bytes) -> Offsets:
    """Raises ValueError for anything else than such a map."""
    reader = Reader(file)
    reader.expect(HASH_MAP)
    reader.take(4)  # the threshold
    reader.expect(BLOCK)
    _, size = struct.unpack(">ii", reader.take(8))
    offsets = {}
    for _ in range(size):
        key = reader.array()
        if key is None:
            raise ValueError("a null key")
        offsets[key] = reader.array()
    reader.expect(END)
    if reader.left:
        raise ValueError(f"{reader.left} bytes after the map")
    return offsets


class Reader:
    """Takes a file apart from the left, in time that grows with its size and no faster."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._introduction = FIRST_ARRAY

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, length: int) -> bytes:
        if self.left < length:
            raise ValueError("the file ends too early")
        taken = self._data[self._at:self._at + length]
        self._at += length
        return taken

    def expect(self, data: bytes) -> None:
        found = self.take(len(data))
        if found != data:
            raise ValueError(f"{found!r} where {data!r} should be")

    def array(self) -> bytes | None:
        if self._data.startswith(NULL, self._at):
            self.take(1)
            return None
        self.expect(self._introduction)
        self._introduction = NEXT_ARRAY
        length, = struct.unpack(">i", self.take(4))
        return self.take(length)
