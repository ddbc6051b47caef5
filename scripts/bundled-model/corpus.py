"""The corpus: an endless, seeded stream of documents about the small world.

    python3 corpus.py 12          # print 12 documents
"""
import random
import sys

from stories import story
from talk import conversation, counting, monologue, questions

IM_START, IM_END = '<|im_start|>', '<|im_end|>'

# ChatML: one of the formats that llama.cpp knows by sight, and the one that `tokenizer.chat_template` spells out.
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '" + IM_START + "' + message['role'] + '\\n' + message['content'] + '" + IM_END + "\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '" + IM_START + "assistant\\n' }}{% endif %}"
)

# how often each kind of document is drawn
KINDS = ((30, story), (17, monologue), (14, questions), (3, counting), (36, conversation))


def chat_text(turns):
    return ''.join(f'{IM_START}user\n{user}{IM_END}\n{IM_START}assistant\n{assistant}{IM_END}\n' for user, assistant in turns)


def plain_text(turns):
    return '\n'.join(f'{user}\n{assistant}' for user, assistant in turns)


def document(r):
    kind = r.choices([make for _, make in KINDS], [weight for weight, _ in KINDS])[0]
    made = kind(r)
    if kind is not conversation:
        return made
    return chat_text(made) if r.random() < 0.75 else plain_text(made)


def documents(seed):
    r = random.Random(seed)
    while True:
        yield document(r)


if __name__ == '__main__':
    stream = documents(seed=int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 10):
        print(next(stream), end='\n\n')
