"""The Llama pass in PyTorch, its tensors named as in the GGUF file."""
import math

import torch
import torch.nn.functional as F

N_EMBD, N_FF, N_LAYER, N_HEAD, N_HEAD_KV, N_CTX = 256, 768, 4, 8, 4, 512
HEAD_DIM = N_EMBD // N_HEAD
EPS, FREQ_BASE = 1e-5, 10000.0


def shapes(n_vocab):
    """{name: (rows out, columns in)}: every row is 256 or 768 long, a whole number of K-quant blocks."""
    table = {'token_embd': (n_vocab, N_EMBD)}
    for i in range(N_LAYER):
        table |= {f'blk.{i}.attn_norm': (N_EMBD,),
                  f'blk.{i}.attn_q': (N_HEAD * HEAD_DIM, N_EMBD),
                  f'blk.{i}.attn_k': (N_HEAD_KV * HEAD_DIM, N_EMBD),
                  f'blk.{i}.attn_v': (N_HEAD_KV * HEAD_DIM, N_EMBD),
                  f'blk.{i}.attn_output': (N_EMBD, N_HEAD * HEAD_DIM),
                  f'blk.{i}.ffn_norm': (N_EMBD,),
                  f'blk.{i}.ffn_gate': (N_FF, N_EMBD),
                  f'blk.{i}.ffn_up': (N_FF, N_EMBD),
                  f'blk.{i}.ffn_down': (N_EMBD, N_FF)}
    return table | {'output_norm': (N_EMBD,), 'output': (n_vocab, N_EMBD)}


def init(n_vocab):
    w = {}
    for name, shape in shapes(n_vocab).items():
        into_residual = name.endswith(('attn_output', 'ffn_down'))
        scale = 1 / math.sqrt(2 * N_LAYER) if into_residual else 1
        # the usual 0.02 leaves attention at this width nearly uniform, and recall is then learnt very late
        w[name] = torch.ones(shape) if len(shape) == 1 else torch.randn(shape) * scale / math.sqrt(shape[1])
    return w


def rope(x):
    """x: (batch, tokens, heads, head_dim). llama.cpp rotates adjacent pairs for this architecture, not halves."""
    pos = torch.arange(x.shape[1], dtype=torch.float32)
    freq = FREQ_BASE ** (-torch.arange(0, HEAD_DIM, 2, dtype=torch.float32) / HEAD_DIM)
    angle = torch.outer(pos, freq)[None, :, None, :]
    even, odd = x[..., 0::2], x[..., 1::2]
    cos, sin = angle.cos(), angle.sin()
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)


def rms_norm(x, weight):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPS) * weight


def document_mask(ids, bos):
    """(batch, 1, tokens, tokens): 0 where a token may look, -inf ahead of it and in other documents of the row."""
    document = (ids == bos).cumsum(1)
    other = document[:, None, :, None] != document[:, None, None, :]
    ahead = torch.ones(ids.shape[1], ids.shape[1], dtype=torch.bool).triu(1)
    return torch.zeros(other.shape).masked_fill(other | ahead, -math.inf)


def attention(w, i, x, mask):
    b, t, _ = x.shape
    q = rope(F.linear(x, w[f'blk.{i}.attn_q']).view(b, t, N_HEAD, HEAD_DIM)).transpose(1, 2)
    k = rope(F.linear(x, w[f'blk.{i}.attn_k']).view(b, t, N_HEAD_KV, HEAD_DIM)).transpose(1, 2)
    v = F.linear(x, w[f'blk.{i}.attn_v']).view(b, t, N_HEAD_KV, HEAD_DIM).transpose(1, 2)
    # neighbouring query heads share a key/value head: 0,1 -> 0, 2,3 -> 1, …
    k = k.repeat_interleave(N_HEAD // N_HEAD_KV, 1)
    v = v.repeat_interleave(N_HEAD // N_HEAD_KV, 1)
    kq = torch.softmax((q / math.sqrt(HEAD_DIM)) @ k.transpose(2, 3) + mask, -1)  # (batch, heads, tokens, tokens)
    return F.linear((kq @ v).transpose(1, 2).reshape(b, t, -1), w[f'blk.{i}.attn_output'])


def feed_forward(w, i, x):
    return F.linear(F.silu(F.linear(x, w[f'blk.{i}.ffn_gate'])) * F.linear(x, w[f'blk.{i}.ffn_up']), w[f'blk.{i}.ffn_down'])


def forward(w, ids, bos):
    """ids: (batch, tokens), each document opened by `bos` -> logits: (batch, tokens, n_vocab)."""
    mask = document_mask(ids, bos)
    x = F.embedding(ids, w['token_embd'])
    for i in range(N_LAYER):
        x = x + attention(w, i, rms_norm(x, w[f'blk.{i}.attn_norm']), mask)
        x = x + feed_forward(w, i, rms_norm(x, w[f'blk.{i}.ffn_norm']))
    return F.linear(rms_norm(x, w['output_norm']), w['output'])
