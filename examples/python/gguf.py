"""What a GGUF file holds, of tensors those in F32 and F16: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md"""

import math
import struct

NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}


def read_gguf(path):
    """Its metadata, and its tensors as flat tuples of floats."""
    with open(path, "rb") as file:
        data = file.read()
    at = 8  # behind the magic and the version

    def number(code):
        nonlocal at
        (value,) = struct.unpack_from("<" + code, data, at)
        at += struct.calcsize("<" + code)
        return value

    def string():
        nonlocal at
        length = number("Q")
        at += length
        return data[at - length : at].decode("utf-8", "replace")

    def value(kind):
        if kind == 8:
            return string()
        if kind == 9:
            of, count = number("I"), number("Q")
            return [value(of) for _ in range(count)]
        return number(NUMBERS[kind])

    tensors, pairs = number("Q"), number("Q")
    metadata = {}
    for _ in range(pairs):
        key = string()
        metadata[key] = value(number("I"))
    infos = []
    for _ in range(tensors):
        name = string()
        shape = [number("Q") for _ in range(number("I"))]
        infos.append((name, math.prod(shape), number("I"), number("Q")))
    align = metadata.get("general.alignment", 32)
    begin = -(-at // align) * align
    weights = {}
    for name, size, kind, offset in infos:
        if kind > 1:
            raise SystemExit(f"{name} is neither F32 nor F16, which is all that this example reads")
        weights[name] = struct.unpack_from(f"<{size}{'fe'[kind]}", data, begin + offset)
    return metadata, weights
