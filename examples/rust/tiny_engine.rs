//! A Llama in a few lines, token by token, and what to add to yours: the calls of `keep`.
//!
//!     rustc -O tiny_engine.rs && PROBE_MODEL=model.gguf PROBE_TOKENS=1,338,292 PROBE_OUT=mine.safetensors ./tiny_engine
//!
//! --bug takes SiLU of up, not of gate. PROBE_STEPS is how many greedy tokens to decode after these (none).

mod gguf;
mod probe_dump;

use gguf::{read_gguf, Gguf};
use probe_dump::ProbeDump;

struct Engine {
    model: Gguf,
    has_bug: bool,
    width: usize,
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
    layers: usize,
    epsilon: f32,
    base: f32,
    /// Keys and values of each layer, of the tokens so far.
    cache: Vec<(Vec<f32>, Vec<f32>)>,
    dump: ProbeDump,
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn plus(a: &[f32], b: &[f32]) -> Vec<f32> {
    a.iter().zip(b).map(|(x, y)| x + y).collect()
}

impl Engine {
    fn new(model: Gguf, has_bug: bool) -> Engine {
        let number = |key: &str| model.numbers.get(&format!("llama.{key}")).copied();
        let size = |key: &str| number(key).expect(key) as usize;
        let (width, heads, layers) = (size("embedding_length"), size("attention.head_count"), size("block_count"));
        Engine {
            has_bug,
            width,
            heads,
            kv_heads: size("attention.head_count_kv"),
            head_dim: width / heads,
            layers,
            epsilon: number("attention.layer_norm_rms_epsilon").expect("epsilon") as f32,
            base: number("rope.freq_base").unwrap_or(10000.0) as f32,
            cache: vec![Default::default(); layers],
            dump: ProbeDump::default(),
            model,
        }
    }

    fn keep(&mut self, name: &str, layer: usize, row: Vec<f32>) -> Vec<f32> {
        self.dump.keep(name, Some(layer), &row, &[1, row.len()]);
        row
    }

    fn keep_whole(&mut self, name: &str, row: Vec<f32>) -> Vec<f32> {
        self.dump.keep(name, None, &row, &[1, row.len()]);
        row
    }

    /// A weight, which is (outputs, inputs), times a row.
    fn product(&self, name: &str, x: &[f32]) -> Vec<f32> {
        self.model.weights[&format!("{name}.weight")].chunks_exact(x.len()).map(|row| dot(row, x)).collect()
    }

    fn norm(&self, name: &str, x: &[f32]) -> Vec<f32> {
        let scale = 1.0 / (dot(x, x) / x.len() as f32 + self.epsilon).sqrt();
        x.iter().zip(&self.model.weights[&format!("{name}.weight")]).map(|(x, w)| x * scale * w).collect()
    }

    /// Turns neighbours (2j, 2j + 1) of each head.
    fn rope(&self, x: &[f32], position: usize) -> Vec<f32> {
        let mut out = x.to_vec();
        for i in (0..x.len()).step_by(2) {
            let frequency = self.base.powf(-((i % self.head_dim) as f32) / self.head_dim as f32);
            let (sin, cos) = (position as f32 * frequency).sin_cos();
            out[i] = x[i] * cos - x[i + 1] * sin;
            out[i + 1] = x[i] * sin + x[i + 1] * cos;
        }
        out
    }

    fn attention(&self, q: &[f32], layer: usize) -> Vec<f32> {
        let (keys, values) = &self.cache[layer];
        let (head_dim, kv_width) = (self.head_dim, self.kv_heads * self.head_dim);
        let mut out = vec![0.0; q.len()];
        for head in 0..self.heads {
            let own = head * head_dim..(head + 1) * head_dim;
            let begin = head / (self.heads / self.kv_heads) * head_dim;
            let scale = 1.0 / (head_dim as f32).sqrt();
            let scores: Vec<f32> = keys
                .chunks_exact(kv_width)
                .map(|key| dot(&q[own.clone()], &key[begin..begin + head_dim]) * scale)
                .collect();
            let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let powers: Vec<f32> = scores.iter().map(|score| (score - most).exp()).collect();
            let sum: f32 = powers.iter().sum();
            for (power, value) in powers.iter().zip(values.chunks_exact(kv_width)) {
                for (out, value) in out[own.clone()].iter_mut().zip(&value[begin..begin + head_dim]) {
                    *out += power / sum * value;
                }
            }
        }
        out
    }

    fn swiglu(&self, gate: &[f32], up: &[f32]) -> Vec<f32> {
        let (inner, outer) = if self.has_bug { (up, gate) } else { (gate, up) };
        inner.iter().zip(outer).map(|(x, y)| x / (1.0 + (-x).exp()) * y).collect()
    }

    /// The pass of one token: its logits.
    fn forward(&mut self, id: i32, position: usize) -> Vec<f32> {
        let begin = id as usize * self.width;
        let embedding = self.model.weights["token_embd.weight"][begin..begin + self.width].to_vec();
        let mut x = self.keep_whole("embd", embedding);
        for il in 0..self.layers {
            let blk = |name: &str| format!("blk.{il}.{name}");
            let attn_norm = self.keep("attn_norm", il, self.norm(&blk("attn_norm"), &x));
            let q = self.keep("q_proj", il, self.product(&blk("attn_q"), &attn_norm));
            let k = self.keep("k_proj", il, self.product(&blk("attn_k"), &attn_norm));
            let v = self.keep("v_proj", il, self.product(&blk("attn_v"), &attn_norm));
            let q = self.keep("q_rope", il, self.rope(&q, position));
            let k = self.keep("k_rope", il, self.rope(&k, position));
            self.cache[il].0.extend(k);
            self.cache[il].1.extend(v);
            let kqv_out = self.keep("kqv_out", il, self.attention(&q, il));
            let attn_out = self.keep("attn_out", il, self.product(&blk("attn_output"), &kqv_out));
            x = self.keep("ffn_inp", il, plus(&x, &attn_out));
            let ffn_norm = self.keep("ffn_norm", il, self.norm(&blk("ffn_norm"), &x));
            let gate = self.keep("ffn_gate", il, self.product(&blk("ffn_gate"), &ffn_norm));
            let up = self.keep("ffn_up", il, self.product(&blk("ffn_up"), &ffn_norm));
            let swiglu = self.keep("ffn_swiglu", il, self.swiglu(&gate, &up));
            let ffn_out = self.keep("ffn_out", il, self.product(&blk("ffn_down"), &swiglu));
            x = self.keep("l_out", il, plus(&x, &ffn_out));
        }
        let result_norm = self.keep_whole("result_norm", self.norm("output_norm", &x));
        let head = if self.model.weights.contains_key("output.weight") { "output" } else { "token_embd" };
        self.keep_whole("result_output", self.product(head, &result_norm))
    }
}

fn run() -> Result<(), String> {
    let what = "it says the GGUF file, the token ids or the file to write";
    let needed = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set: {what}."));
    let (model, out, tokens) = (needed("PROBE_MODEL")?, needed("PROBE_OUT")?, needed("PROBE_TOKENS")?);
    let mut ids: Vec<i32> = tokens.split(',').map(|id| id.parse().expect("PROBE_TOKENS has numbers")).collect();
    let steps = std::env::var("PROBE_STEPS").map_or(0, |steps| steps.parse().expect("PROBE_STEPS is a number"));
    let wanted = ids.len() + steps;
    let mut engine = Engine::new(read_gguf(&model)?, std::env::args().any(|arg| arg == "--bug"));
    for position in 0..wanted {
        let logits = engine.forward(ids[position], position);
        let best = (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap_or(0);
        if position + 1 == ids.len() && ids.len() < wanted {
            ids.push(best as i32);
        }
    }
    engine.dump.save(&out, &ids).map_err(|error| format!("{out}: {error}"))
}

fn main() {
    if let Err(message) = run() {
        eprintln!("{message}");
        std::process::exit(2);
    }
}
