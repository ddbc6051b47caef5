"""A Llama in a few lines of plain Python, all tokens at once, and what to add to yours: the calls of `keep`.

    PROBE_MODEL=model.gguf PROBE_TOKENS=1,338,292 PROBE_OUT=mine.safetensors python3 tiny_engine.py

--bug turns the halves of a head, not neighbours. PROBE_STEPS is how many greedy tokens to add (none).
"""

import math
import os
import sys
from operator import mul

import probe_dump
from gguf import read_gguf

HAS_BUG = "--bug" in sys.argv
MISSING = [name for name in ("PROBE_MODEL", "PROBE_TOKENS", "PROBE_OUT") if not os.environ.get(name)]
if MISSING:
    print(f"{MISSING[0]} is not set: it says the GGUF file, the token ids or the file to write.", file=sys.stderr)
    sys.exit(2)

metadata, weights = read_gguf(os.environ["PROBE_MODEL"])
width = metadata["llama.embedding_length"]
heads = metadata["llama.attention.head_count"]
kv_heads = metadata["llama.attention.head_count_kv"]
head_dim = width // heads
epsilon = metadata["llama.attention.layer_norm_rms_epsilon"]
base = metadata.get("llama.rope.freq_base", 10000.0)


def dot(a, b):
    return sum(map(mul, a, b))


def product(name, rows):
    """Rows times a weight, which is (outputs, inputs)."""
    weight = weights[name + ".weight"]
    inputs = len(rows[0])
    columns = [weight[i : i + inputs] for i in range(0, len(weight), inputs)]
    return [[dot(row, column) for column in columns] for row in rows]


def norm(name, rows):
    scales = [1 / math.sqrt(dot(row, row) / width + epsilon) for row in rows]
    return [[x * scale * w for x, w in zip(row, weights[name + ".weight"])] for row, scale in zip(rows, scales)]


def rope(rows):
    """Turns neighbours (2j, 2j + 1) of each head."""
    out = [list(row) for row in rows]
    for position, row in enumerate(rows):
        for head in range(0, len(row), head_dim):
            for j in range(head_dim // 2):
                a, b = (head + j, head + j + head_dim // 2) if HAS_BUG else (head + 2 * j, head + 2 * j + 1)
                angle = position * base ** (-2 * j / head_dim)
                out[position][a] = row[a] * math.cos(angle) - row[b] * math.sin(angle)
                out[position][b] = row[a] * math.sin(angle) + row[b] * math.cos(angle)
    return out


def attention(q, k, v):
    """Scores and their softmax, each (heads, tokens, tokens), and the values that they weigh."""
    tokens = len(q)
    scores, soft_max, out = [], [], [[] for _ in q]
    for head in range(heads):
        query = slice(head * head_dim, (head + 1) * head_dim)
        kv_head = head // (heads // kv_heads)
        key = slice(kv_head * head_dim, (kv_head + 1) * head_dim)
        scores.append([[dot(q[t][query], k[s][key]) for s in range(t + 1)] for t in range(tokens)])
        soft_max.append([])
        for t, row in enumerate(scores[head]):
            powers = [math.exp((score - max(row)) / math.sqrt(head_dim)) for score in row]
            chances = [power / sum(powers) for power in powers]
            out[t] += [dot(chances, [v[s][i] for s in range(t + 1)]) for i in range(key.start, key.stop)]
            soft_max[head].append(chances + [0.0] * (tokens - 1 - t))
            row += [-math.inf] * (tokens - 1 - t)  # what the mask hides
    return scores, soft_max, out


def plus(a, b):
    return [[x + y for x, y in zip(*rows)] for rows in zip(a, b)]


def swiglu(gate, up):
    return [[g / (1 + math.exp(-g)) * u for g, u in zip(*rows)] for rows in zip(gate, up)]


def forward(ids, keep):
    """One pass over all tokens: the logits of each."""
    embedding = weights["token_embd.weight"]
    x = keep("embd", None, [embedding[id * width : (id + 1) * width] for id in ids])
    for il in range(metadata["llama.block_count"]):
        attn_norm = keep("attn_norm", il, norm(f"blk.{il}.attn_norm", x))
        q = keep("q_proj", il, product(f"blk.{il}.attn_q", attn_norm))
        k = keep("k_proj", il, product(f"blk.{il}.attn_k", attn_norm))
        v = keep("v_proj", il, product(f"blk.{il}.attn_v", attn_norm))
        q, k = keep("q_rope", il, rope(q)), keep("k_rope", il, rope(k))
        scores, soft_max, kqv_out = attention(q, k, v)
        keep("kq", il, scores)
        keep("kq_soft_max", il, soft_max)
        keep("kqv_out", il, kqv_out)
        x = keep("ffn_inp", il, plus(x, keep("attn_out", il, product(f"blk.{il}.attn_output", kqv_out))))
        ffn_norm = keep("ffn_norm", il, norm(f"blk.{il}.ffn_norm", x))
        gate = keep("ffn_gate", il, product(f"blk.{il}.ffn_gate", ffn_norm))
        up = keep("ffn_up", il, product(f"blk.{il}.ffn_up", ffn_norm))
        hidden = keep("ffn_swiglu", il, swiglu(gate, up))
        x = keep("l_out", il, plus(x, keep("ffn_out", il, product(f"blk.{il}.ffn_down", hidden))))
    head = "output" if "output.weight" in weights else "token_embd"
    return keep("result_output", None, product(head, keep("result_norm", None, norm("output_norm", x))))


def kept(name, layer, rows):
    probe_dump.keep(name, layer, rows)
    return rows


ids = [int(id) for id in os.environ["PROBE_TOKENS"].split(",")]
for _ in range(int(os.environ.get("PROBE_STEPS", 0))):
    last = forward(ids, lambda name, layer, rows: rows)[-1]
    ids.append(last.index(max(last)))
forward(ids, kept)
probe_dump.save(os.environ["PROBE_OUT"], ids)
