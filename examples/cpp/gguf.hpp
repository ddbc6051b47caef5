// What a GGUF file holds, of tensors those in F32 and F16: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

struct Gguf {
  std::map<std::string, double> numbers;  // of the metadata; of a text or an array nothing is kept
  std::map<std::string, std::vector<float>> weights;
};

/** An IEEE half by its bits. */
inline float half(uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const float fraction = (bits & 1023) / 1024.0f;
  const float size = exponent == 0    ? std::ldexp(fraction, -14)
                     : exponent == 31 ? (fraction == 0 ? INFINITY : NAN)
                                      : std::ldexp(1 + fraction, exponent - 15);
  return bits >> 15 ? -size : size;
}

inline Gguf readGguf(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path + ": cannot be read");
  const std::vector<char> data{std::istreambuf_iterator<char>(file), {}};
  size_t at = 8;  // behind the magic and the version
  auto number = [&](auto kind) {
    if (at + sizeof kind > data.size()) throw std::runtime_error(path + ": ends too early");
    std::memcpy(&kind, &data[at], sizeof kind);
    at += sizeof kind;
    return kind;
  };
  auto u32 = [&] { return number(uint32_t{}); };
  auto u64 = [&] { return number(uint64_t{}); };
  auto string = [&] {
    const size_t length = u64();
    if (length > data.size() - at) throw std::runtime_error(path + ": ends too early");
    at += length;
    return std::string(&data[at - length], length);
  };
  auto value = [&](auto &self, uint32_t type) -> double {
    switch (type) {
      case 0: case 1: case 7: return number(uint8_t{});
      case 2: case 3: return number(uint16_t{});
      case 4: case 5: return u32();
      case 6: return number(float{});
      case 8: string(); return NAN;
      case 9: {
        const uint32_t of = u32();
        for (uint64_t left = u64(); left > 0; left--) self(self, of);
        return NAN;
      }
      case 12: return number(double{});
      default: return static_cast<double>(u64());
    }
  };
  struct Info { std::string name; size_t size; uint32_t type; uint64_t offset; };
  const size_t tensors = u64(), pairs = u64();
  Gguf gguf;
  for (size_t i = 0; i < pairs; i++) {
    const std::string key = string();
    gguf.numbers[key] = value(value, u32());
  }
  std::vector<Info> infos(tensors);
  for (auto &info : infos) {
    info.name = string();
    info.size = 1;
    for (uint32_t dimensions = u32(); dimensions > 0; dimensions--) info.size *= u64();
    info.type = u32();
    info.offset = u64();
  }
  const size_t align = gguf.numbers.count("general.alignment") ? gguf.numbers["general.alignment"] : 32;
  const size_t begin = (at + align - 1) / align * align;
  for (const auto &[name, size, type, offset] : infos) {
    if (type > 1) throw std::runtime_error(name + " is neither F32 nor F16, which is all that this example reads");
    at = begin + offset;
    auto &weight = gguf.weights[name];
    for (size_t i = 0; i < size; i++) weight.push_back(type == 0 ? number(float{}) : half(number(uint16_t{})));
  }
  return gguf;
}
