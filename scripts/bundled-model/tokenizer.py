"""The vocabulary: SentencePiece BPE with byte tokens, and the two ChatML markers appended behind it.

`encode` splits at the markers first and gives every run of text between two of them its own leading space. That is what
llama.cpp does (`is_prev_special`), so the model is trained on exactly the ids that it will be given.
"""
import io
import itertools
import re

import sentencepiece

from corpus import IM_END, IM_START, documents

N_VOCAB = 1000  # not a multiple of 64 or 256: a kernel that forgets its last workgroup is seen in the logits
UNK, BOS, EOS = 0, 1, 2
ALPHABET = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:;!?\'"()+-=/'
MARKERS = (IM_START, IM_END)
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6  # llama.cpp's token types


def train_tokenizer(seed, n_documents=12000):
    """A SentencePiece model, as bytes."""
    lines = (line for text in itertools.islice(documents(seed), n_documents)
             for line in re.split(r'<\|im_\w+\|>|\n', text)
             if line and line.isascii())  # so that ë stays a pair of byte tokens
    # SentencePiece aborts on `required_chars` that never occur, so the alphabet comes as one more line
    lines = itertools.chain(lines, [ALPHABET])
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=lines, model_writer=model, model_type='bpe', vocab_size=N_VOCAB - len(MARKERS),
        byte_fallback=True, split_digits=True, character_coverage=1.0, normalization_rule_name='identity', add_dummy_prefix=True,
        remove_extra_whitespaces=False, num_threads=1, minloglevel=2)
    return model.getvalue()


def load_tokenizer(model):
    pieces = sentencepiece.SentencePieceProcessor()
    pieces.LoadFromSerializedProto(model)
    return pieces


def encode(pieces, text):
    ids = [BOS]
    for run in re.split('(' + '|'.join(map(re.escape, MARKERS)) + ')', text):
        if run in MARKERS:
            ids.append(pieces.get_piece_size() + MARKERS.index(run))
        elif run:
            ids += pieces.encode(run)
    return ids


def vocabulary(pieces):
    """(tokens, scores, types), as the GGUF lists them."""
    n = pieces.get_piece_size()
    types = [UNKNOWN if pieces.is_unknown(i) else CONTROL if pieces.is_control(i) else BYTE if pieces.is_byte(i) else NORMAL
             for i in range(n)]
    return ([pieces.id_to_piece(i) for i in range(n)] + list(MARKERS),
            [pieces.get_score(i) for i in range(n)] + [0.0] * len(MARKERS),
            types + [CONTROL] * len(MARKERS))


def decode(tokens, types, ids):
    """Text, from a vocabulary as read back from a GGUF."""
    out = b''
    for i in ids:
        if types[i] == BYTE:
            out += bytes([int(tokens[i][3:5], 16)])
        elif types[i] != CONTROL or tokens[i] in MARKERS:
            out += tokens[i].replace('▁', ' ').encode()
    return out.decode(errors='replace')
