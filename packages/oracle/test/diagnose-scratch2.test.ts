import { test } from 'vitest';
import { STAGE_NAMES } from '@llama-probe/dump';
import { CATALOGUE } from '../src/catalogue/index.js';
import { diagnose } from '../src/diagnose.js';
import { engineRows, randomCase, randomModel, CONFIG } from './diagnose-cases.js';
test('all variants', async () => {
  for (const type of ['F32', 'Q4_0','Q5_0', 'Q8_0', 'Q4_K', 'Q5_K', 'Q6_K', 'F16'] as const) {
  const model = type==='F32' ? randomModel(CONFIG, { 'rope_freqs.weight': 8, 'blk.1.attn_q.bias': 128, 'blk.1.attn_k.bias': 32 , 'blk.1.attn_v.bias': 32 })
   : randomModel({...CONFIG, embeddingLength: 256, headDim: 32, attentionScale: 32**-.5}, {}, type);
  for (const o of [{rows:6},{rows:1,firstPosition:7}]) for (const stage of type ==='F32' ? STAGE_NAMES : ['embd', 'q_proj','k_proj','v_proj','attn_out','ffn_gate','result_output']) {
    const c = randomCase(stage, {...o, model, size: 2});
    for (const e of CATALOGUE) {
      if (!e.stages.includes(stage)) continue;
      const vs = [...e.variants(c)].map((v) => v.variation);
      for (const ex of vs) {
      const cpu = process.cpuUsage();
      try {
      const d = await diagnose(c, engineRows(c, ex), engineRows(c), { limit: 1e-5, budgetMs: 100 });
      const ok = d.confidence==='confirmed' && d.candidates[0]?.id === e.id ? 'OK' : d.indistinguishable.includes(e.id) ? 'SECOND' : 'MISS';
      console.log(`MATRIX ${ok} ${type} ${stage} ${JSON.stringify(o)} ${e.id} ${JSON.stringify(ex)} -> ${d.confidence} ${d.candidates[0]?.id} ${d.candidates[0]?.with?.id ?? ''} ${d.candidates[0]?.deltaBefore} ${d.candidates[0]?.delta} [${d.indistinguishable}] cpu ${process.cpuUsage(cpu).user/1e3|0} ${ok==='MISS'? d.text:''}`);
      } catch (err) { console.log('MATRIX ERR', stage, e.id, JSON.stringify(ex), (err as Error).stack); }
      }
    }
  }
  }
}, 600000);
