//! What an engine computed, as a .safetensors file that `probe diff` reads.
//!
//!     let mut dump = ProbeDump::default();
//!     dump.keep("embd", None, &x, &[tokens, width]);
//!     dump.keep("q_rope", Some(layer), &q, &[tokens, heads * head_dim]); // wherever a stage has been computed
//!     dump.keep("result_output", None, &logits, &[tokens, vocabulary]);
//!     dump.save("mine.safetensors", &ids)?;

use std::collections::BTreeMap;
use std::io::Write;

#[derive(Default)]
pub struct ProbeDump {
    /// What each stage has so far, by its name: its shape, and its floats as bytes.
    stages: BTreeMap<String, (Vec<usize>, Vec<u8>)>,
}

impl ProbeDump {
    /// Copies the rows of a stage. An engine that runs token by token calls this again for the next ones.
    ///
    /// `name` is llama.cpp's, such as `l_out`, or your own; layers count from 0. `shape` is (tokens, width), or (heads, tokens, tokens) for
    /// scores, of all tokens at once. Panics where `shape` is not that of `values`, or of no further rows.
    pub fn keep(&mut self, name: &str, layer: Option<usize>, values: &[f32], shape: &[usize]) {
        let key = layer.map_or(name.to_string(), |layer| format!("{name}-{layer}"));
        assert_eq!(values.len(), shape.iter().product(), "{key}: the number of values, and that of {shape:?}");
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        match self.stages.get_mut(&key) {
            None => drop(self.stages.insert(key, (shape.to_vec(), bytes.collect()))),
            Some((before, kept)) => {
                let fits = shape.len() == 2 && before[1..] == shape[1..];
                assert!(fits, "{key}: {shape:?} are no more rows of {before:?}");
                before[0] += shape[0];
                kept.extend(bytes);
            }
        }
    }

    /// Writes the file. `ids` are the tokens that were run, one for each row.
    pub fn save(&self, path: &str, ids: &[i32]) -> std::io::Result<()> {
        let mut end = 4 * ids.len();
        let mut header = format!("{{\"tokens\":{{\"dtype\":\"I32\",\"shape\":[{}],\"data_offsets\":[0,{end}]}}", ids.len());
        for (name, (shape, values)) in &self.stages {
            let begin = end;
            end += values.len();
            header += &format!(",\"{name}\":{{\"dtype\":\"F32\",\"shape\":{shape:?},\"data_offsets\":[{begin},{end}]}}");
        }
        header += "}";
        let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
        file.write_all(&(header.len() as u64).to_le_bytes())?;
        file.write_all(header.as_bytes())?;
        ids.iter().try_for_each(|id| file.write_all(&id.to_le_bytes()))?;
        self.stages.values().try_for_each(|(_, values)| file.write_all(values))?;
        file.flush()
    }
}
