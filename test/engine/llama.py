"""Llama on NumPy, every row of a pass at once: somebody else's engine, for `probe compare --engine`. What it is to run the environment says.

It shares no code with what is tested, nor with mini-llama.mjs, whose bugs it has under the same names (BUGS in llama.mjs says where each shows first). Products
are NumPy's in float32, and in bf16 its weights are rounded, too, as such a checkpoint has them. In Hugging Face's order it has Hugging Face's permuted rows of Q
and K from the beginning, and writes the names and shapes that such an engine has.
"""

import argparse
import json
import os
import struct
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "python"))
from gguf import read_gguf  # noqa: E402

BUGS = """rope-halves rope-base rope-from-1 rope-backwards rope-left-out rope-twice rope-scaled rope-half-head rope-values rms-eps layer-norm no-norm-weight
norm-weight-plus-1 gqa-tiled no-gqa scaled-twice no-scale scale-of-width no-mask mask-one-late window softmax-sum heads-apart q-transposed k-from-v
down-of-first-layer gelu relu swiglu-swapped no-residual residual-twice embedding-scaled logits-scaled decode-position""".split()


def bf16(x):
    bits = np.asarray(x, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).view(np.float32)  # to nearest, ties to even


ROUND = {"f32": np.float32, "f16": lambda x: np.float16(x).astype(np.float32), "bf16": bf16}

# What Hugging Face calls a stage: the module that puts it out, or that takes it in.
MODULES = {
    "embd": "model.embed_tokens",
    "attn_norm": "model.layers.{}.input_layernorm",
    "q_proj": "model.layers.{}.self_attn.q_proj",
    "k_proj": "model.layers.{}.self_attn.k_proj",
    "v_proj": "model.layers.{}.self_attn.v_proj",
    "kqv_out": "model.layers.{}.self_attn.o_proj.input",
    "attn_out": "model.layers.{}.self_attn.o_proj",
    "ffn_inp": "model.layers.{}.post_attention_layernorm.input",
    "ffn_norm": "model.layers.{}.post_attention_layernorm",
    "ffn_gate": "model.layers.{}.mlp.gate_proj",
    "ffn_up": "model.layers.{}.mlp.up_proj",
    "ffn_swiglu": "model.layers.{}.mlp.down_proj.input",
    "ffn_out": "model.layers.{}.mlp.down_proj",
    "l_out": "model.layers.{}",
    "result_norm": "model.norm",
    "result_output": "lm_head",
}


class Llama:
    """A cache, and the weights: (outputs, inputs)."""

    def __init__(self, path, bug, first_sick, is_hf, rounded):
        facts, flat = read_gguf(path)
        self.bug, self.first_sick, self.is_hf, self.rounded = bug, first_sick, is_hf, rounded
        self.layers = facts["llama.block_count"]
        self.width = facts["llama.embedding_length"]
        self.heads = facts["llama.attention.head_count"]
        self.kv_heads = facts.get("llama.attention.head_count_kv", self.heads)
        self.d = self.width // self.heads
        self.epsilon = facts["llama.attention.layer_norm_rms_epsilon"]
        self.base = facts.get("llama.rope.freq_base", 10000.0)
        self.vocabulary = len(facts.get("tokenizer.ggml.tokens", [])) or facts["llama.vocab_size"]
        self.weights = {}
        for name, values in flat.items():
            values = rounded(np.array(values, np.float32))
            if "norm" not in name:
                values = values.reshape(-1, facts["llama.feed_forward_length"] if "ffn_down" in name else self.width)
            if is_hf and name.endswith(("attn_q.weight", "attn_k.weight")):
                values = values.reshape(-1, self.d // 2, 2, self.width).swapaxes(1, 2).reshape(-1, self.width)
            self.weights[name.removesuffix(".weight")] = values
        self.cache = [[np.empty((0, self.kv_heads, self.d), np.float32)] * 2 for _ in range(self.layers)]

    def turn(self, x, positions, has):
        """RoPE of (tokens, heads, d)."""
        if has("rope-left-out"):
            return x
        half = self.d // 2
        base = 500000.0 if has("rope-base") else self.base
        angles = np.outer(positions, base ** (-np.arange(half) / half))
        if has("rope-half-head"):
            angles[:, half // 2 :] = 0
        turns = np.exp((-1j if has("rope-backwards") else 1j) * angles)[:, None, :]
        is_halves = self.is_hf != has("rope-halves")
        pairs = x.reshape(*x.shape[:2], 2, half).swapaxes(2, 3) if is_halves else x.reshape(*x.shape[:2], half, 2)
        turned = (pairs[..., 0] + 1j * pairs[..., 1]) * turns
        parts = [self.rounded(turned.real), self.rounded(turned.imag)]
        return np.concatenate(parts, -1) if is_halves else np.stack(parts, -1).reshape(x.shape)

    def forward(self, ids, step, keep):
        """One pass over tokens that follow what the cache has. `keep(stage, layer, rows)` rounds what it is told, and gives it back."""
        w, t = self.weights, len(ids)
        past = len(self.cache[0][0])
        positions = past + np.arange(t)
        group = self.heads // self.kv_heads

        def normed(x, has):
            mean = x.mean(-1, keepdims=True) if has("layer-norm") else 0
            epsilon = 1e-3 if has("rms-eps") else self.epsilon
            return (x - mean) / np.sqrt(np.square(x - mean).mean(-1, keepdims=True) + epsilon)

        healthy = lambda _: False  # noqa: E731
        x = w["token_embd"][ids]
        x = keep("embd", None, x * np.sqrt(self.width) if self.bug == "embedding-scaled" else x)
        for il in range(self.layers):
            has = lambda name: self.bug == name and il >= self.first_sick  # noqa: B023, E731
            weight = lambda name, of=il: w[f"blk.{of}.{name}"]  # noqa: B023, E731

            h = keep("attn_norm", il, keep("attn_rms", il, normed(x, has)) * weight("attn_norm"))
            wq = weight("attn_q")
            q = keep("q_proj", il, h @ (wq if has("q-transposed") else wq.T))
            k = keep("k_proj", il, h @ weight("attn_v" if has("k-from-v") else "attn_k").T)
            q, k = q.reshape(t, -1, self.d), k.reshape(t, -1, self.d)
            v = self.rounded(h @ weight("attn_v").T).reshape(t, -1, self.d)
            if has("rope-values"):
                v = self.turn(v, positions, healthy)
            keep("v_proj", il, v.reshape(t, -1))
            late = has("rope-from-1") or (has("decode-position") and step > 0)
            places = (positions + late) / (4 if has("rope-scaled") else 1)
            for _ in range(2 if has("rope-twice") else 1):
                q, k = self.turn(q, places, has), self.turn(k, places, has)
            q, k = keep("q_rope", il, q), keep("k_rope", il, k)
            keys, values = self.cache[il] = [np.concatenate(both) for both in zip(self.cache[il], (k, v))]

            of = np.arange(self.heads) // group
            if has("gqa-tiled"):
                of = np.arange(self.heads) % self.kv_heads
            if has("no-gqa"):
                of = np.zeros(self.heads, int)
            scores = np.einsum("thd,nhd->htn", q, keys[:, of])
            distance = positions[:, None] - np.arange(past + t)  # from a token back to what it sees
            is_hidden = distance < (-1 if has("mask-one-late") else -t if has("no-mask") else 0)
            if has("window"):
                is_hidden |= distance >= 4
            kq = keep("kq", il, np.where(is_hidden, -np.inf, scores / np.sqrt(self.d) if has("scaled-twice") else scores))
            kq = kq / np.float32(1 if has("no-scale") else np.sqrt(self.width if has("scale-of-width") else self.d))
            powers = np.exp(kq - kq.max(-1, keepdims=True))
            soft = keep("kq_soft_max", il, powers if has("softmax-sum") else powers / powers.sum(-1, keepdims=True))
            out = np.einsum("htn,nhd->thd", soft, values[:, of])
            kqv = keep("kqv_out", il, (out.swapaxes(1, 2) if has("heads-apart") else out).reshape(t, -1))
            added = keep("attn_out", il, kqv @ weight("attn_output").T)
            x = keep("ffn_inp", il, added + (2 * x if has("residual-twice") else x))

            gain = 1 if has("no-norm-weight") else weight("ffn_norm") + (1 if has("norm-weight-plus-1") else 0)
            h = keep("ffn_norm", il, keep("ffn_rms", il, normed(x, has)) * gain)
            gate, up = [keep(name, il, h @ weight(name).T) for name in ("ffn_gate", "ffn_up")]
            if has("swiglu-swapped"):
                gate, up = up, gate
            if has("gelu"):
                active = gate / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (gate + 0.044715 * gate**3)))
            else:
                active = np.maximum(gate, 0) if has("relu") else gate / (1 + np.exp(-gate))
            act = keep("ffn_swiglu", il, active * up)
            added = keep("ffn_out", il, act @ weight("ffn_down", 0 if has("down-of-first-layer") else il).T)
            x = keep("l_out", il, added if has("no-residual") else added + x)

        normal = keep("result_norm", None, keep("result_rms", None, normed(x, lambda _: False)) * w["output_norm"])
        logits = (normal @ w.get("output", w["token_embd"]).T)[:, : self.vocabulary]
        return keep("result_output", None, logits * 1.25 if self.bug == "logits-scaled" else logits)[-1]


def padded(passes, fill):
    """Scores of passes, (heads, tokens, n_kv) each, below each other: those that a pass did not see yet are filled."""
    most = passes[-1].shape[-1]
    return np.concatenate([np.pad(p, [(0, 0), (0, 0), (0, most - p.shape[-1])], constant_values=fill) for p in passes], 1)


def arrays(kept, ids, is_hf):
    """Every stage as one array of all passes. Hugging Face's have a batch dimension, and the heads of what is rotated before the tokens."""
    named = {"input_ids": np.array([ids])} if is_hf else {"tokens": np.array(ids)}
    for (stage, layer), passes in kept.items():
        name = stage if layer is None else f"{stage}-{layer}"
        if stage in ("kq", "kq_soft_max"):
            rows = padded(passes, -np.inf if stage == "kq" else 0)
        else:
            rows = np.concatenate(passes)
            if rows.ndim == 3:
                rows = rows.swapaxes(0, 1) if is_hf else rows.reshape(len(rows), -1)
        if is_hf:
            name, rows = MODULES.get(stage, name).format(layer), rows[None]
        named[name] = np.ascontiguousarray(rows)
    return named


def save_safetensors(out, named):
    header, end = {}, 0
    for name, array in named.items():
        kind = {"float32": "F32", "int64": "I64"}[array.dtype.name]
        header[name] = {"dtype": kind, "shape": array.shape, "data_offsets": [end, end + array.nbytes]}
        end += array.nbytes
    text = json.dumps(header).encode()
    Path(out).write_bytes(b"".join([struct.pack("<Q", len(text)), text, *(array.tobytes() for array in named.values())]))


def save_npy(out, named):
    Path(out).mkdir()
    for name, array in named.items():
        np.save(Path(out) / f"{name}.npy", array)


SAVE = {"safetensors": save_safetensors, "npz": lambda out, named: np.savez_compressed(out, **named), "npy": save_npy}


def main():
    parser = argparse.ArgumentParser(description="Runs the Llama that PROBE_MODEL names.")
    parser.add_argument("--bug", choices=BUGS)
    parser.add_argument("--from", dest="first_sick", type=int, default=0, help="the first layer that has the bug")
    parser.add_argument("--order", choices=["gguf", "hf"], default="gguf")
    parser.add_argument("--format", choices=SAVE, default="npz")
    parser.add_argument("--precision", choices=ROUND, default="f32")
    options = parser.parse_args()
    is_hf, rounded, env = options.order == "hf", ROUND[options.precision], os.environ
    llama = Llama(env["PROBE_MODEL"], options.bug, options.first_sick, is_hf, rounded)
    kept = {}
    step = 0

    def keep(stage, layer, rows):
        rows = rounded(rows)
        kept.setdefault((stage, layer), []).append(rows)
        return rows

    ids = [int(id) for id in env["PROBE_TOKENS"].split(",")]
    logits = llama.forward(ids, step, keep)
    for step in range(1, int(env.get("PROBE_STEPS", 0)) + 1):
        ids.append(int(logits.argmax()))
        logits = llama.forward(ids[-1:], step, keep)
    SAVE[options.format](env["PROBE_OUT"], arrays(kept, ids, is_hf))


if __name__ == "__main__":
    main()
