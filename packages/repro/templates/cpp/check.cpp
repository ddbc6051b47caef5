// {{about}}
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

// {{limit}}

/// Rows one after another.
struct Matrix {
    size_t rows, columns;
    std::vector<double> values;
};
using Indices = std::vector<size_t>;
const double PI = 3.14159265358979323846;

[[noreturn]] void fail(const std::string& why) {
    std::fprintf(stderr, "%s\n", why.c_str());
    std::exit(2);
}

Matrix load(const std::string& name) {
    std::ifstream file(name, std::ios::binary);
    if (!file) fail(name + " cannot be read; run this in its own folder");
    std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    size_t begin = 10 + (uint8_t(bytes[8]) | size_t(uint8_t(bytes[9])) << 8);
    Matrix out{};
    if (std::sscanf(bytes.c_str() + bytes.find('(', 10), "(%zu, %zu)", &out.rows, &out.columns) != 2) fail(name + " has no shape (rows, columns)");
    for (size_t at = begin; at + 4 <= bytes.size(); at += 4) {
        float value;
        std::memcpy(&value, &bytes[at], 4);
        out.values.push_back(value);
    }
    return out;
}

/// The relative RMS distance over what no mask hides.
double distance(const Matrix& rows, const Matrix& expected) {
    if (rows.rows != expected.rows || rows.columns != expected.columns) fail("rows of another shape");
    double delta = 0, size = 0;
    for (size_t i = 0; i < expected.values.size(); i++) {
        if (std::isnan(expected.values[i])) continue;
        delta += (rows.values[i] - expected.values[i]) * (rows.values[i] - expected.values[i]);
        size += expected.values[i] * expected.values[i];
    }
    return std::sqrt(delta) / std::max(std::sqrt(size), 1e-300);
}

int report(const Matrix& expected, const Matrix& yours) {
    double own = distance(yours, expected);
    bool is_right = own <= LIMIT;  // NaN is not
    std::printf("right.npy  %.2e from float64\n", distance(load("right.npy"), expected));
    std::printf("wrong.npy  %.2e\n", distance(load("wrong.npy"), expected));
    std::printf("yours      %.2e, limit %.2e: %s\n", own, LIMIT, is_right ? "right" : "WRONG");
    return is_right ? 0 : 1;
}

// {{functions}}

int main() {
    // The inputs, as the engine had them.
    // {{inputs}}

    // The operation, in float64.
    // {{steps}}

    // >>> Call your own function here, on the inputs above. As it is, these are the rows that the engine computed.
    Matrix yours = load("wrong.npy");
    // <<<

    return report(expected, yours);
}
