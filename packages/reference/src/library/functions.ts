import koffi, { type LibraryHandle } from 'koffi';
import { Batch, ChatMessage, ContextParams, GgufInitParams, ModelParams, QuantizeParams } from './structs.js';

/** An address; koffi gives null for NULL. */
export type Pointer = bigint;

const P = 'void *';

/** Every C function that is called: library, result, arguments. */
export const FUNCTIONS = {
  ggml_op_name: ['base', 'str', ['int32']],
  ggml_unary_op_name: ['base', 'str', ['int32']],
  ggml_glu_op_name: ['base', 'str', ['int32']],
  ggml_type_name: ['base', 'str', ['int32']],
  ggml_get_type_traits: ['base', P, ['int32']],
  ggml_backend_tensor_get: ['base', 'void', [P, P, 'size_t', 'size_t']],
  ggml_backend_tensor_set: ['base', 'void', [P, P, 'size_t', 'size_t']],
  gguf_init_from_file: ['base', P, ['str', GgufInitParams]],
  gguf_free: ['base', 'void', [P]],
  gguf_get_n_tensors: ['base', 'int64', [P]],
  gguf_get_tensor_type: ['base', 'int32', [P, 'int64']],
  ggml_get_first_tensor: ['base', P, [P]],
  ggml_get_next_tensor: ['base', P, [P, P]],
  ggml_free: ['base', 'void', [P]],
  ggml_backend_load: ['ggml', P, ['str']],
  ggml_backend_reg_by_name: ['ggml', P, ['str']],
  ggml_backend_dev_count: ['ggml', 'size_t', []],
  ggml_backend_dev_get: ['ggml', P, ['size_t']],
  ggml_backend_dev_name: ['base', 'str', [P]],
  ggml_backend_dev_description: ['base', 'str', [P]],
  ggml_backend_dev_type: ['base', 'int32', [P]],
  llama_model_default_params: ['llama', ModelParams, []],
  llama_context_default_params: ['llama', ContextParams, []],
  llama_model_quantize_default_params: ['llama', QuantizeParams, []],
  llama_backend_init: ['llama', 'void', []],
  llama_model_load_from_file: ['llama', P, ['str', ModelParams]],
  llama_model_free: ['llama', 'void', [P]],
  llama_init_from_model: ['llama', P, [P, ContextParams]],
  llama_free: ['llama', 'void', [P]],
  llama_decode: ['llama', 'int32', [P, Batch]],
  llama_get_memory: ['llama', P, [P]],
  llama_memory_clear: ['llama', 'void', [P, 'bool']],
  llama_get_logits_ith: ['llama', P, [P, 'int32']],
  llama_model_get_vocab: ['llama', P, [P]],
  llama_model_meta_val_str: ['llama', 'int32', [P, 'str', P, 'size_t']],
  llama_model_desc: ['llama', 'int32', [P, P, 'size_t']],
  llama_model_ftype: ['llama', 'int32', [P]],
  llama_model_size: ['llama', 'uint64', [P]],
  llama_model_n_params: ['llama', 'uint64', [P]],
  llama_model_n_layer: ['llama', 'int32', [P]],
  llama_model_n_embd: ['llama', 'int32', [P]],
  llama_model_n_head: ['llama', 'int32', [P]],
  llama_model_n_head_kv: ['llama', 'int32', [P]],
  llama_model_n_ctx_train: ['llama', 'int32', [P]],
  llama_model_has_decoder: ['llama', 'bool', [P]],
  llama_model_chat_template: ['llama', 'str', [P, 'str']],
  llama_model_quantize: ['llama', 'uint32', ['str', 'str', koffi.pointer(QuantizeParams)]],
  llama_vocab_n_tokens: ['llama', 'int32', [P]],
  llama_vocab_type: ['llama', 'int32', [P]],
  llama_tokenize: ['llama', 'int32', [P, P, 'int32', P, 'int32', 'bool', 'bool']],
  llama_detokenize: ['llama', 'int32', [P, P, 'int32', P, 'int32', 'bool', 'bool']],
  llama_chat_apply_template: ['llama', 'int32', ['str', koffi.pointer(ChatMessage), 'size_t', 'bool', P, 'int32']],
} as const;

export type Functions = { readonly [name in keyof typeof FUNCTIONS]: ReturnType<LibraryHandle['func']> };
