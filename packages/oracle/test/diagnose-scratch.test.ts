import { test } from 'vitest';
import { STAGE_NAMES } from '@llama-probe/dump';
import { CATALOGUE } from '../src/catalogue/index.js';
import { diagnose } from '../src/diagnose.js';
import { engineRows, randomCase, randomModel, CONFIG } from './diagnose-cases.js';
test('all', async () => {
  const model = randomModel(CONFIG, { 'rope_freqs.weight': 8, 'blk.1.attn_q.bias': 128, 'blk.1.attn_k.bias': 32 , 'blk.1.attn_v.bias': 32 });
  for (const o of [{rows:6},{rows:1,firstPosition:7}]) for (const stage of STAGE_NAMES) {
    const c = randomCase(stage, {...o, model, size: 2});
    for (const e of CATALOGUE) {
      if (!e.stages.includes(stage)) continue;
      const ex = e.example(c);
      if (!ex) { continue; }
      const t = performance.now();
      const cpu = process.cpuUsage();
      try {
      const d = await diagnose(c, engineRows(c, ex), engineRows(c), { limit: 1e-5, budgetMs: 500 });
      const ok = d.confidence==='confirmed' && d.candidates[0]?.id === e.id ? 'OK' : d.indistinguishable.includes(e.id) ? 'SECOND' : 'MISS';
      console.log(`MATRIX ${ok} ${stage} ${JSON.stringify(o)} ${e.id} ${JSON.stringify(ex)} -> ${d.confidence} ${d.candidates[0]?.id} ${d.candidates[0]?.with?.id ?? ''} ${d.candidates[0]?.deltaBefore} ${d.candidates[0]?.delta} [${d.indistinguishable}] ${d.indistinguishable.length ? d.text : ""} cpu ${process.cpuUsage(cpu).user/1e3|0} ${ok==='MISS'? d.text:''}`);
      } catch (err) { console.log('MATRIX ERR', stage, e.id, JSON.stringify(ex), (err as Error).stack); }
    }
  }
}, 600000);
