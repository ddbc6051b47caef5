"""GGUF version 3, little-endian: as much of it as this model needs, written and read back."""
import struct

import numpy as np

ALIGNMENT = 32
U32, I32, F32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
FORMAT = {U32: '<I', I32: '<i', F32: '<f', BOOL: '<?'}
TENSOR_TYPES = {0: np.dtype('<f4'), 1: np.dtype('<f2')}  # GGML's numbers for F32 and F16


def _string(text):
    raw = text.encode()
    return struct.pack('<Q', len(raw)) + raw


def _value(kind, value):
    if kind == STRING:
        return _string(value)
    if kind == ARRAY:
        item, values = value
        return struct.pack('<IQ', item, len(values)) + b''.join(_value(item, v) for v in values)
    return struct.pack(FORMAT[kind], value)


def _padding(size):
    return b'\0' * (-size % ALIGNMENT)


def write_gguf(path, metadata, tensors):
    """metadata: {key: (kind, value)}; tensors: {name: array of <f4 or <f2, rows last but one}."""
    head = b'GGUF' + struct.pack('<IQQ', 3, len(tensors), len(metadata))
    for key, (kind, value) in metadata.items():
        head += _string(key) + struct.pack('<I', kind) + _value(kind, value)
    offset = 0
    for name, array in tensors.items():
        kind = next(k for k, dtype in TENSOR_TYPES.items() if dtype == array.dtype)
        shape = array.shape[::-1]  # GGML counts dimensions from the fastest
        head += _string(name) + struct.pack(f'<I{len(shape)}QIQ', len(shape), *shape, kind, offset)
        offset += array.nbytes + len(_padding(array.nbytes))
    with open(path, 'wb') as file:
        file.write(head + _padding(len(head)))
        for array in tensors.values():
            file.write(array.tobytes() + _padding(array.nbytes))


def read_gguf(path):
    """(metadata, tensors), with plain values and arrays in their stored precision."""
    data = open(path, 'rb').read()
    at = 0

    def take(form):
        nonlocal at
        values = struct.unpack_from(form, data, at)
        at += struct.calcsize(form)
        return values if len(values) > 1 else values[0]

    def string():
        nonlocal at
        n = take('<Q')
        at += n
        return data[at - n:at].decode()

    def value(kind):
        if kind == STRING:
            return string()
        if kind == ARRAY:
            item, n = take('<IQ')
            return [value(item) for _ in range(n)]
        return take(FORMAT[kind])

    assert data[:4] == b'GGUF', f'{path} is not a GGUF file'
    at = 4
    version, n_tensors, n_keys = take('<IQQ')
    assert version == 3, f'{path} is GGUF version {version}, wanted 3'
    metadata = {}
    for _ in range(n_keys):
        key = string()
        metadata[key] = value(take('<I'))
    infos = []
    for _ in range(n_tensors):
        name, n_dims = string(), take('<I')
        shape = [take('<Q') for _ in range(n_dims)]
        infos.append((name, shape[::-1], TENSOR_TYPES[take('<I')], take('<Q')))
    start = at + len(_padding(at))
    return metadata, {name: np.frombuffer(data, dtype, int(np.prod(shape)), start + offset).reshape(shape)
                      for name, shape, dtype, offset in infos}
