"""Small color profiles (ICC version 2), written by hand: what they do is known in closed form."""

import struct
from collections.abc import Mapping

# Bradford-adapted to D50, as ICC writes sRGB's primaries
SRGB_PRIMARIES = {
    b"rXYZ": (0.43607, 0.22249, 0.01392),
    b"gXYZ": (0.38515, 0.71687, 0.09708),
    b"bXYZ": (0.14307, 0.06061, 0.71410),
}
WHITE = (0.9642, 1.0, 0.8249)


def _fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def _profile(kind: bytes, space: bytes, connection: bytes, tags: Mapping[bytes, bytes]) -> bytes:
    place, table, content = 128 + 4 + 12 * len(tags), b"", b""
    for name, value in tags.items():
        table += name + struct.pack(">II", place + len(content), len(value))
        content += value + b"\0" * (-len(value) % 4)
    header = bytearray(128)
    header[8:12], header[12:24] = b"\x02\x40\0\0", kind + space + connection
    header[36:40], header[68:80] = b"acsp", _fixed(*WHITE)
    header[0:4] = struct.pack(">I", place + len(content))
    return bytes(header) + struct.pack(">I", len(tags)) + table + content


def matrix_profile(gamma: float | None) -> bytes:
    """sRGB's primaries with a power as the curve, or with sRGB's own curve in 1,024 steps."""
    if gamma is None:
        steps = [step / 1023 for step in range(1024)]
        light = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in steps]
        values = [round(65535 * value) for value in light]
    else:
        values = [round(gamma * 256)]
    curve = b"curv\0\0\0\0" + struct.pack(f">I{len(values)}H", len(values), *values)
    tags = {name: b"XYZ \0\0\0\0" + _fixed(*xyz) for name, xyz in SRGB_PRIMARIES.items()}
    tags |= {b"wtpt": b"XYZ \0\0\0\0" + _fixed(*WHITE)}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    return _profile(b"mntr", b"RGB ", b"XYZ ", tags)


def cmyk_profile() -> bytes:
    """Inks whose black alone counts: L* is 100 times what it leaves of the paper, a* and b* 0."""
    straight = bytes(range(256))
    corners = b"".join(
        bytes([255 * (1 - corner % 2), 128, 128])  # the last ink changes fastest
        for corner in range(16)
    )
    head = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    table = head + straight * 4 + corners + straight * 3
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"A2B0": table})
