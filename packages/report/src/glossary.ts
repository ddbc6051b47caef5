/** What a view of a comparison calls things, each in a sentence or two: for the terminal view, the page, and docs/outputs.md. */
export const GLOSSARY: Readonly<Record<string, string>> = {
  exact:
    'The reference is llama.cpp on the weights of the file as F32. It is the same to about 1e-6 on every build, so that small errors can be seen.',
  native:
    'The reference is llama.cpp on the file as users run it. Its CPU kernels quantise activations as well, so limits are far wider than for exact.',
  'free run': 'Both sides run, and each goes on with what it has computed itself.',
  blame:
    'The second run: at every stage both sides go on from the same rows. What is over its limit there is wrong by itself.',
  stage: "A step of the model and the rows that it makes, by llama.cpp's name for it.",
  step: 'p, or 0, is the prompt; 1 and more are the decoded tokens.',
  'RMS Δ': "The root mean square of the difference of the two sides' values, not in relation to anything.",
  relative:
    "The size of the difference as a share of the reference's values, ‖a−b‖ / ‖b‖: the relative RMS delta. The limit is for it.",
  floor:
    'How far the reference is from another run of itself at this stage, as by another CPU build. What is below it may be mere rounding.',
  limit: 'What the relative delta may be: a multiple of the floor, and at least a minimum.',
  local:
    "The stage's delta from inputs that both sides had: its own error, whatever came before it. Over its limit the stage is a fault.",
  'of limit':
    'The largest of three deltas (the stage, its worst row, its worst value), each over its own limit. Above 1 the stage has diverged.',
  agrees: 'The stage is within its limit.',
  fault: 'A stage that is wrong even from inputs that both sides had. What is to be mended is there.',
  inherits:
    'Over its limit only because of what it was computed from. It will be right once the fault before it is mended.',
  'first wrong':
    'The first stage that is over its limit. Whether it is wrong by itself was not looked at, or not found.',
  'over its limit':
    'The stage has diverged. Whether by itself, or because of what it was computed from, was not looked at.',
  incomparable: 'One side does not have the stage, or has it in another shape: nothing can be said of it.',
  'worst row': 'The token whose row is furthest off, and how far: a single row has a wider limit than the stage.',
  'reference RMS': "The root mean square of the reference's values: how large they are.",
  'max |Δ|': 'The largest difference of two values that belong together.',
  cosine:
    'Whether the values of both sides point the same way: 1 if they differ by a factor at most, 0 if they have nothing in common.',
  SQNR: 'How much louder the reference is than the difference, in decibels: 20 dB more is a tenth of the difference.',
};
