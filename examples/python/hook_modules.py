"""What the modules of a Hugging Face model compute, without a line in its code:

    from hook_modules import hook_modules
    from probe_dump import save
    ids = hook_modules(model)
    model(input_ids)  # one prompt
    save("mine.safetensors", ids)

Q and K are in Hugging Face's order then, which `probe diff` undoes and tells.
"""

from probe_dump import keep

# What goes into these is a stage that no module puts out: kqv_out, ffn_swiglu, ffn_inp, and the last l_out.
GOES_IN = ("o_proj", "down_proj", "post_attention_layernorm", "model.norm")


def hook_modules(model):
    """Keeps what each module puts out from now on. Returns a list, into which go the token ids that the model is given."""
    ids = []

    def hook(name):
        def forward(_, inputs, output):
            if name.endswith("embed_tokens"):
                ids.extend(inputs[0].flatten().tolist())
            if name.endswith(GOES_IN):
                keep(f"{name}.input", None, inputs[0])
            outputs = output if isinstance(output, tuple) else (output,)
            for i, one in enumerate(outputs[:2]):  # the second of attention is the softmax, with attn_implementation="eager"
                if hasattr(one, "detach"):
                    keep(f"{name}.output.{i}", None, one)

        return forward

    for name, module in model.named_modules():
        if name and not name.endswith(("rotary_emb", "act_fn", "model")):
            module.register_forward_hook(hook(name))
    return ids
