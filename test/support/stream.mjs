// Shows the terminal view of a made-up comparison that streams without end, for measuring how the keyboard fares meanwhile.
// node stream.mjs STAGES_PER_SECOND; when it is left it prints what it measured.
import { fork } from 'node:child_process';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';

const LAYERS = 32;
const NAMES = [
  'embd',
  ...'attn_rms attn_norm q_proj k_proj v_proj q_rope k_rope kq kq_soft_max kqv_out attn_out ffn_inp'.split(' '),
  ...'ffn_rms ffn_norm ffn_gate ffn_up ffn_swiglu ffn_out l_out result_rms result_norm result_output'.split(' '),
];
const EVERY = 30; // ms between two batches, as the real one has

if (process.argv[2] === 'child') stream(Number(process.argv[3]));
else await show(process.argv[2]);

function stream(rate) {
  const model = { file: 'made-up.gguf', arch: 'llama', quantization: 'F32', layers: LAYERS, bytes: 1 };
  const reference = { name: 'llama.cpp', version: '1', mode: 'exact' };
  const candidate = { name: 'llama-probe', backend: 'none', adapter: 'none' };
  const about = { model, tokens: [1], reference, candidate, heads: {}, stages: NAMES, layers: null, steps: 1000 };
  process.send({ type: 'begin', run: 1, about });
  const begin = performance.now();
  let sent = 0;
  setInterval(() => {
    const due = Math.floor(((performance.now() - begin) * rate) / 1000);
    const stages = [];
    while (sent < due) stages.push(stage(sent++));
    process.send({ type: 'stages', pass: 'free', stages });
    process.send({ type: 'progress', text: `comparing stage ${sent}` });
  }, EVERY);
  process.on('disconnect', () => process.exit());
}

function stage(number) {
  const perStep = (NAMES.length - 4) * LAYERS + 4;
  const order = number % perStep;
  const inLayers = order - 1;
  const isWide = order === 0 || order > perStep - 4;
  const name = order === 0 ? 'embd' : isWide ? NAMES.at(order - perStep) : NAMES[1 + (inLayers % (NAMES.length - 4))];
  const ofLimit = 10 ** (Math.sin(number) * 3 - 2);
  return {
    step: Math.floor(number / perStep),
    order: number,
    layer: isWide ? null : Math.floor(inLayers / (NAMES.length - 4)),
    stage: name,
    shape: [1, 4096],
    count: 4096,
    ...{ rms: 1e-7, rel: ofLimit * 1e-5, referenceRms: 1, maxAbs: 1e-6, cosine: 1, sqnr: 120, distance: 0 },
    ...{ worst: null, worstRow: null, token: 0, where: null, firstNonFinite: null, local: null, inherits: null },
    nan: { candidate: 0, reference: 0 },
    inf: { candidate: 0, reference: 0 },
    ...{ floor: 1e-7, limit: 1e-5, limits: { rel: 1e-5, row: 1e-5, value: 1e-5 }, ofLimit },
    verdict: ofLimit > 1 ? 'diverged' : 'agree',
  };
}

async function show(rate) {
  const { openScreen } = await import('../../packages/terminal/dist/screen.js');
  const { showTui } = await import('../../packages/terminal/dist/bundle/main.js');
  const child = fork(fileURLToPath(import.meta.url), ['child', rate], { serialization: 'advanced' });
  let stages = 0;
  const worker = {
    ask() {},
    listen: (hear) =>
      child.on('message', (news) => {
        stages += news.stages?.length ?? 0;
        hear(news);
      }),
    stop: async () => void child.kill(),
  };
  const screen = openScreen('');
  const job = { command: 'compare', options: {} };
  const begin = performance.now();
  const cpu = process.cpuUsage();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  setTimeout(() => delay.enable(), 1000); // the first picture is compiled as it is drawn
  await showTui({ job, watch: false, worker, signal: new AbortController().signal, screen });
  screen.close();
  await worker.stop();
  child.disconnect();
  const seconds = (performance.now() - begin) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const measured = {
    stagesPerSecond: Math.round(stages / seconds),
    longestBlockMs: Math.round(delay.max / 1e6),
    p99Ms: Math.round(delay.percentile(99) / 1e6),
    cpuPercent: Math.round((user + system) / 1e4 / seconds),
  };
  console.log(`measured ${JSON.stringify(measured)}`);
}
