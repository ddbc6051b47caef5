"""Weights and vocabulary -> the GGUF file: norms F32, matrices F16."""
from corpus import CHAT_TEMPLATE, IM_END
from gguf import ARRAY, BOOL, F32, I32, STRING, U32, write_gguf
from model import EPS, FREQ_BASE, HEAD_DIM, N_CTX, N_EMBD, N_FF, N_HEAD, N_HEAD_KV, N_LAYER
from tokenizer import BOS, EOS, UNK, vocabulary


def export(path, w, pieces):
    tokens, scores, types = vocabulary(pieces)
    metadata = {
        'general.architecture': (STRING, 'llama'),
        'general.type': (STRING, 'model'),
        'general.name': (STRING, 'smalltalk'),
        'general.size_label': (STRING, '4M'),
        'general.license': (STRING, 'mit'),
        'general.description': (STRING, 'A small model of a small world, made by scripts/bundled-model of llama-probe.'),
        'general.file_type': (U32, 1),
        'general.quantization_version': (U32, 2),
        'llama.context_length': (U32, N_CTX),
        'llama.embedding_length': (U32, N_EMBD),
        'llama.block_count': (U32, N_LAYER),
        'llama.feed_forward_length': (U32, N_FF),
        'llama.attention.head_count': (U32, N_HEAD),
        'llama.attention.head_count_kv': (U32, N_HEAD_KV),
        'llama.attention.layer_norm_rms_epsilon': (F32, EPS),
        'llama.rope.dimension_count': (U32, HEAD_DIM),
        'llama.rope.freq_base': (F32, FREQ_BASE),
        'llama.vocab_size': (U32, len(tokens)),
        'tokenizer.ggml.model': (STRING, 'llama'),
        'tokenizer.ggml.pre': (STRING, 'default'),
        'tokenizer.ggml.tokens': (ARRAY, (STRING, tokens)),
        'tokenizer.ggml.scores': (ARRAY, (F32, scores)),
        'tokenizer.ggml.token_type': (ARRAY, (I32, types)),
        'tokenizer.ggml.bos_token_id': (U32, BOS),
        'tokenizer.ggml.eos_token_id': (U32, EOS),
        'tokenizer.ggml.eot_token_id': (U32, tokens.index(IM_END)),
        'tokenizer.ggml.unknown_token_id': (U32, UNK),
        'tokenizer.ggml.add_bos_token': (BOOL, True),
        'tokenizer.ggml.add_eos_token': (BOOL, False),
        'tokenizer.ggml.add_space_prefix': (BOOL, True),
        'tokenizer.chat_template': (STRING, CHAT_TEMPLATE),
    }
    tensors = {f'{name}.weight': x.detach().numpy().astype('<f4' if x.ndim == 1 else '<f2') for name, x in w.items()}
    write_gguf(path, metadata, tensors)
