"""Greedy continuations, from the weights as the GGUF file holds them.

    python3 speak.py MODEL.gguf Hello "What is 2 plus 3?"
"""
import sys

import torch

from gguf import read_gguf
from model import forward
from tokenizer import decode


def spm(tokens, scores, types, text):
    """SentencePiece's BPE from the file's own vocabulary: join the best-scored neighbours until none is left."""
    index = {token: i for i, token in enumerate(tokens)}
    parts = list('▁' + text.replace(' ', '▁'))
    while True:
        pairs = [(scores[index[a + b]], -i) for i, (a, b) in enumerate(zip(parts, parts[1:])) if a + b in index]
        if not pairs:
            break
        at = -max(pairs)[1]
        parts[at:at + 2] = [parts[at] + parts[at + 1]]
    ids = []
    for part in parts:
        ids += [index[part]] if part in index else [index[f'<0x{byte:02X}>'] for byte in part.encode()]
    return ids


def main():
    metadata, tensors = read_gguf(sys.argv[1])
    w = {name.removesuffix('.weight'): torch.tensor(x.astype('f4')) for name, x in tensors.items()}
    tokens, scores, types = (metadata[f'tokenizer.ggml.{key}'] for key in ('tokens', 'scores', 'token_type'))
    bos, eos = metadata['tokenizer.ggml.bos_token_id'], metadata['tokenizer.ggml.eos_token_id']
    for prompt in sys.argv[2:]:
        ids = [bos] + spm(tokens, scores, types, prompt)
        start = len(ids)
        with torch.no_grad():
            while len(ids) < start + 64 and ids[-1] != eos:
                ids.append(int(forward(w, torch.tensor([ids]), bos)[0, -1].argmax()))
        print(f'{prompt}|{decode(tokens, types, ids[start:])}', end='\n\n')


if __name__ == '__main__':
    main()
