//! What a GGUF file holds, of tensors those in F32 and F16: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

use std::collections::HashMap;

#[derive(Default)]
pub struct Gguf {
    /// Numbers of the metadata; of a text or an array nothing is kept.
    pub numbers: HashMap<String, f64>,
    pub weights: HashMap<String, Vec<f32>>,
}

struct Reader<'a> {
    data: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        self.at += N;
        self.data[self.at - N..self.at].try_into().unwrap()
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.bytes())
    }

    fn u64(&mut self) -> usize {
        u64::from_le_bytes(self.bytes()) as usize
    }

    fn string(&mut self) -> String {
        let length = self.u64();
        self.at += length;
        String::from_utf8_lossy(&self.data[self.at - length..self.at]).into_owned()
    }

    fn value(&mut self, kind: u32) -> Option<f64> {
        match kind {
            0 | 1 | 7 => Some(self.bytes::<1>()[0] as f64),
            2 | 3 => Some(u16::from_le_bytes(self.bytes()) as f64),
            4 | 5 => Some(self.u32() as f64),
            6 => Some(f32::from_le_bytes(self.bytes()) as f64),
            8 => {
                self.string();
                None
            }
            9 => {
                let (of, count) = (self.u32(), self.u64());
                for _ in 0..count {
                    self.value(of);
                }
                None
            }
            12 => Some(f64::from_le_bytes(self.bytes())),
            _ => Some(self.u64() as f64),
        }
    }
}

pub fn read_gguf(path: &str) -> Result<Gguf, String> {
    let data = std::fs::read(path).map_err(|error| format!("{path}: {error}"))?;
    let mut reader = Reader { data: &data, at: 8 }; // behind the magic and the version
    let (tensors, pairs) = (reader.u64(), reader.u64());
    let mut gguf = Gguf::default();
    for _ in 0..pairs {
        let key = reader.string();
        let kind = reader.u32();
        if let Some(number) = reader.value(kind) {
            gguf.numbers.insert(key, number);
        }
    }
    let infos: Vec<_> = (0..tensors)
        .map(|_| {
            let name = reader.string();
            let size: usize = (0..reader.u32()).map(|_| reader.u64()).product();
            (name, size, reader.u32(), reader.u64())
        })
        .collect();
    let align = gguf.numbers.get("general.alignment").map_or(32, |&align| align as usize);
    let begin = reader.at.div_ceil(align) * align;
    for (name, size, kind, offset) in infos {
        let bytes = &data[begin + offset..];
        let floats = match kind {
            0 => bytes.chunks_exact(4).take(size).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect(),
            1 => bytes.chunks_exact(2).take(size).map(|b| half(u16::from_le_bytes([b[0], b[1]]))).collect(),
            _ => return Err(format!("{name} is neither F32 nor F16, which is all that this example reads")),
        };
        gguf.weights.insert(name, floats);
    }
    Ok(gguf)
}

/// An IEEE half by its bits.
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = ((bits >> 10 & 31) as i32, (bits & 1023) as f32 / 1024.0);
    match exponent {
        0 => sign * fraction * 2f32.powi(-14),
        31 => sign * if fraction == 0.0 { f32::INFINITY } else { f32::NAN },
        _ => sign * (1.0 + fraction) * 2f32.powi(exponent - 15),
    }
}
