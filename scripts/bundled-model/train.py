"""Train once, write the GGUF. About half an hour on two cores.

    OMP_NUM_THREADS=2 python3 train.py OUT.gguf [--steps 1600] [--seed 20]
"""
import argparse
import math
import time

import torch
import torch.nn.functional as F

from corpus import documents
from export import export
from gguf import read_gguf
from model import N_CTX, forward, init
from tokenizer import BOS, EOS, N_VOCAB, encode, load_tokenizer, train_tokenizer

BATCH = 4  # sequences of N_CTX tokens in a step
WARMUP, PEAK, FLOOR = 60, 3e-3, 5e-5
HELD_OUT_BATCHES = 25


def sequences(pieces, texts):
    """Whole documents, one behind the other, cut to N_CTX + 1 ids: BOS is always at position 0, as it is in use."""
    while True:
        ids = []
        while len(ids) <= N_CTX:
            ids += encode(pieces, next(texts)) + [EOS]
        yield ids[:N_CTX + 1]


def batches(pieces, texts):
    rows = sequences(pieces, texts)
    while True:
        yield torch.tensor([next(rows) for _ in range(BATCH)])


def remembered(texts, seen):
    for text in texts:
        seen.add(text)
        yield text


def loss_of(w, batch):
    return F.cross_entropy(forward(w, batch[:, :-1], BOS).flatten(0, 1), batch[:, 1:].flatten())


def mean_loss(w, source, n):
    with torch.no_grad():
        return sum(loss_of(w, next(source)).item() for _ in range(n)) / n


def rate(step, steps):
    if step < WARMUP:
        return PEAK * (step + 1) / WARMUP
    return FLOOR + (PEAK - FLOOR) * (1 + math.cos(math.pi * (step - WARMUP) / (steps - WARMUP))) / 2


def main():
    args = argparse.ArgumentParser()
    args.add_argument('out')
    args.add_argument('--steps', type=int, default=1600)
    args.add_argument('--seed', type=int, default=20)
    args = args.parse_args()

    torch.manual_seed(args.seed)
    pieces = load_tokenizer(train_tokenizer(args.seed))
    w = {name: x.requires_grad_() for name, x in init(N_VOCAB).items()}
    matrices, norms = [x for x in w.values() if x.ndim == 2], [x for x in w.values() if x.ndim == 1]
    adam = torch.optim.AdamW([{'params': matrices, 'weight_decay': 0.1}, {'params': norms, 'weight_decay': 0.0}], betas=(0.9, 0.95))
    print(f'{sum(x.numel() for x in w.values())} parameters, vocabulary of {N_VOCAB}', flush=True)

    seen = set()
    source = batches(pieces, remembered(documents(args.seed + 1), seen))
    began, average = time.time(), None
    for step in range(args.steps):
        for group in adam.param_groups:
            group['lr'] = rate(step, args.steps)
        loss = loss_of(w, next(source))
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(w.values(), 1.0)
        adam.step()
        average = loss.item() if average is None else 0.95 * average + 0.05 * loss.item()
        if (step + 1) % 50 == 0:
            print(f'step {step + 1}: loss {average:.4f}, {time.time() - began:.0f} s', flush=True)
        if (step + 1) % 200 == 0:  # a stopped run leaves a model that can be used
            export(args.out, w, pieces)
    export(args.out, w, pieces)

    # what is reported is what the file holds, after rounding to F16
    rounded = {name.removesuffix('.weight'): torch.tensor(x.astype('f4')) for name, x in read_gguf(args.out)[1].items()}
    unseen = (text for text in documents(args.seed + 2) if text not in seen)
    again = batches(pieces, documents(args.seed + 1))
    held = [next(batches(pieces, unseen)) for _ in range(HELD_OUT_BATCHES)]
    print(f'training time {time.time() - began:.0f} s, {args.steps * BATCH * N_CTX} tokens')
    print(f'train loss, F16: {mean_loss(rounded, again, HELD_OUT_BATCHES):.4f}')
    print(f'held-out loss, F32: {mean_loss(w, iter(held), HELD_OUT_BATCHES):.4f}')
    print(f'held-out loss, F16: {mean_loss(rounded, iter(held), HELD_OUT_BATCHES):.4f}')


if __name__ == '__main__':
    main()
