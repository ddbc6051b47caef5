// A Llama in a few lines, token by token, and what to add to yours: the calls of `keep`.
//
//     g++ -std=c++17 -O2 -o tiny_engine tiny_engine.cpp
//     PROBE_MODEL=model.gguf PROBE_TOKENS=1,338,292 PROBE_OUT=mine.safetensors ./tiny_engine
//
// --bug tiles the KV heads. PROBE_STEPS is how many greedy tokens to decode after these (none).
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <sstream>

#include "gguf.hpp"
#define PROBE_DUMP_IMPLEMENTATION
#include "probe_dump.h"

using Row = std::vector<float>;

static Row keep(const char *name, int layer, Row row) {
  if (probe_keep(name, layer, row.data(), 1, row.size()) != 0) throw std::runtime_error(std::string(name) + ": cannot be kept");
  return row;
}

static float dot(const float *a, const float *b, size_t length) {
  float sum = 0;
  for (size_t i = 0; i < length; i++) sum += a[i] * b[i];
  return sum;
}

static Row plus(Row a, const Row &b) {
  for (size_t i = 0; i < a.size(); i++) a[i] += b[i];
  return a;
}

static Row swiglu(Row gate, const Row &up) {
  for (size_t i = 0; i < gate.size(); i++) gate[i] *= up[i] / (1 + std::exp(-gate[i]));
  return gate;
}

struct Engine {
  Gguf model;
  bool hasBug;
  size_t wanted;  // how many tokens there will be
  size_t width = size("embedding_length"), heads = size("attention.head_count"), kvHeads = size("attention.head_count_kv");
  size_t headDim = width / heads, layers = size("block_count");
  float epsilon = model.numbers.at("llama.attention.layer_norm_rms_epsilon");
  float base = model.numbers.count("llama.rope.freq_base") ? model.numbers["llama.rope.freq_base"] : 10000;
  std::vector<Row> keys{layers}, values{layers};  // of each layer, of the tokens so far

  size_t size(const std::string &key) const { return model.numbers.at("llama." + key); }
  const Row &weight(const std::string &name) const { return model.weights.at(name + ".weight"); }

  /** A weight, which is (outputs, inputs), times a row. */
  Row product(const std::string &name, const Row &x) const {
    Row out(weight(name).size() / x.size());
    for (size_t o = 0; o < out.size(); o++) out[o] = dot(&weight(name)[o * x.size()], x.data(), x.size());
    return out;
  }

  Row norm(const std::string &name, Row x) const {
    const float scale = 1 / std::sqrt(dot(x.data(), x.data(), x.size()) / x.size() + epsilon);
    for (size_t i = 0; i < x.size(); i++) x[i] *= scale * weight(name)[i];
    return x;
  }

  /** Turns neighbours (2j, 2j + 1) of each head. */
  Row rope(const Row &x, size_t position) const {
    Row out(x.size());
    for (size_t i = 0; i < x.size(); i += 2) {
      const float angle = position * std::pow(base, -static_cast<float>(i % headDim) / headDim);
      out[i] = x[i] * std::cos(angle) - x[i + 1] * std::sin(angle);
      out[i + 1] = x[i] * std::sin(angle) + x[i + 1] * std::cos(angle);
    }
    return out;
  }

  /** Keeps scores and their softmax, too: as many for each head as there will be tokens. */
  Row attention(const Row &q, const Row &cachedKeys, const Row &cachedValues, int layer) const {
    Row out(q.size()), kq(heads * wanted, -INFINITY), softMax(heads * wanted);
    const size_t kvWidth = kvHeads * headDim, tokens = cachedKeys.size() / kvWidth;
    for (size_t head = 0; head < heads; head++) {
      const size_t kvHead = (hasBug ? head % kvHeads : head / (heads / kvHeads)) * headDim;
      float *scores = &kq[head * wanted], *weights = &softMax[head * wanted], sum = 0;
      for (size_t t = 0; t < tokens; t++) scores[t] = dot(&q[head * headDim], &cachedKeys[t * kvWidth + kvHead], headDim);
      const float most = *std::max_element(scores, scores + tokens);
      for (size_t t = 0; t < tokens; t++) sum += weights[t] = std::exp((scores[t] - most) / std::sqrt(static_cast<float>(headDim)));
      for (size_t t = 0; t < tokens; t++) {
        weights[t] /= sum;
        for (size_t i = 0; i < headDim; i++) out[head * headDim + i] += weights[t] * cachedValues[t * kvWidth + kvHead + i];
      }
    }
    keep("kq", layer, kq);
    keep("kq_soft_max", layer, softMax);
    return out;
  }

  /** The pass of one token: its logits. */
  Row forward(int32_t id, size_t position) {
    const float *row = &weight("token_embd")[id * width];
    Row x = keep("embd", -1, Row(row, row + width));
    for (size_t il = 0; il < layers; il++) {
      const std::string blk = "blk." + std::to_string(il) + ".";
      const Row attnNorm = keep("attn_norm", il, norm(blk + "attn_norm", x));
      const Row q = keep("q_rope", il, rope(keep("q_proj", il, product(blk + "attn_q", attnNorm)), position));
      const Row k = keep("k_rope", il, rope(keep("k_proj", il, product(blk + "attn_k", attnNorm)), position));
      const Row v = keep("v_proj", il, product(blk + "attn_v", attnNorm));
      keys[il].insert(keys[il].end(), k.begin(), k.end());
      values[il].insert(values[il].end(), v.begin(), v.end());
      const Row kqvOut = keep("kqv_out", il, attention(q, keys[il], values[il], il));
      x = keep("ffn_inp", il, plus(x, keep("attn_out", il, product(blk + "attn_output", kqvOut))));
      const Row ffnNorm = keep("ffn_norm", il, norm(blk + "ffn_norm", x));
      const Row gate = keep("ffn_gate", il, product(blk + "ffn_gate", ffnNorm));
      const Row up = keep("ffn_up", il, product(blk + "ffn_up", ffnNorm));
      const Row hidden = keep("ffn_swiglu", il, swiglu(gate, up));
      x = keep("l_out", il, plus(x, keep("ffn_out", il, product(blk + "ffn_down", hidden))));
    }
    const char *head = model.weights.count("output.weight") ? "output" : "token_embd";
    return keep("result_output", -1, product(head, keep("result_norm", -1, norm("output_norm", x))));
  }
};

static std::string needed(const char *name) {
  const char *value = std::getenv(name);
  if (!value) throw std::runtime_error(std::string(name) + " is not set: it says the GGUF file, the token ids or the file to write.");
  return value;
}

int main(int argc, char **argv) try {
  const std::string model = needed("PROBE_MODEL"), out = needed("PROBE_OUT");
  std::istringstream tokens(needed("PROBE_TOKENS"));
  std::vector<int32_t> ids;
  for (std::string id; std::getline(tokens, id, ',');) ids.push_back(std::stoi(id));
  const char *steps = std::getenv("PROBE_STEPS");
  const size_t wanted = ids.size() + (steps ? std::stoul(steps) : 0);
  Engine engine{readGguf(model), argc > 1 && std::string(argv[1]) == "--bug", wanted};
  for (size_t position = 0; position < wanted; position++) {
    const Row logits = engine.forward(ids[position], position);
    if (position + 1 == ids.size() && position + 1 < wanted) ids.push_back(std::max_element(logits.begin(), logits.end()) - logits.begin());
  }
  if (probe_save(out.c_str(), ids.data(), ids.size()) != 0) throw std::runtime_error(out + ": cannot be written");
} catch (const std::exception &error) {
  std::cerr << error.what() << '\n';
  return 2;
}
