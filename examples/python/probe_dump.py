"""What an engine computed, as a .safetensors file that `probe diff` reads. The standard library is enough.

    from probe_dump import keep, save
    keep("embd", None, x)  # (tokens, width); a list of rows, or an array of NumPy, JAX or PyTorch
    keep("q_rope", layer, q)  # wherever a stage has been computed
    keep("result_output", None, logits)
    save("mine.safetensors", ids)
"""

import json
import math
import struct

_stages = {}  # what each stage has so far: its shape, and its floats as bytes


def keep(name, layer, rows):
    """Copies the rows of a stage. An engine that runs token by token calls this again for the next ones."""
    key = name if layer is None else f"{name}-{layer}"
    shape, values = _floats(rows)
    while len(shape) > 2 and shape[0] == 1:  # a batch
        shape = shape[1:]
    before, kept = _stages.setdefault(key, ([0, *shape[1:]], bytearray()))
    if before[1:] != shape[1:] or (before[0] and len(shape) != 2):
        raise ValueError(f"{key}: {shape} are no more rows of {before}")
    before[0] += shape[0]
    kept += values


def save(path, ids):
    """Writes the file. `ids` are the tokens that were run, one for each row."""
    arrays = [("tokens", "I32", [len(ids)], struct.pack(f"<{len(ids)}i", *ids))]
    arrays += [(key, "F32", shape, values) for key, (shape, values) in _stages.items()]
    header, end = {}, 0
    for key, dtype, shape, values in arrays:
        header[key] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + len(values)]}
        end += len(values)
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.writelines([struct.pack("<Q", len(text)), text, *(values for *_, values in arrays)])


def _floats(rows):
    if hasattr(rows, "detach"):  # PyTorch, whose bfloat16 NumPy does not know
        rows = rows.detach().float().cpu()
    if hasattr(rows, "__array__"):
        import numpy

        array = numpy.asarray(rows, dtype="<f4")
        return list(array.shape), array.tobytes()
    shape = [len(rows)]
    while hasattr(rows[0], "__len__"):
        shape.append(len(rows[0]))
        rows = [value for row in rows for value in row]
    if len(rows) != math.prod(shape):
        raise ValueError(f"rows of different widths: {len(rows)} values, and {shape} has {math.prod(shape)}")
    return shape, struct.pack(f"<{len(rows)}f", *rows)
