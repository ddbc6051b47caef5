// Runs one command line after another, as packages/probe/src/main.ts runs one: test/support/session.ts sends them.
import { keepDevices, keepProcesses, runCli } from '../../packages/probe/dist/bundle/cli.js';

keepDevices(2);
keepProcesses(4); // each of llama.cpp's builds that tests open by turns
process.setMaxListeners(0); // each command listens for signals
process.on('disconnect', () => process.exit());

const STREAMS = ['stdout', 'stderr'];

process.on('message', async ({ args, env }) => {
  const before = Object.fromEntries(Object.keys(env).map((name) => [name, process.env[name]]));
  Object.assign(process.env, env);
  const said = { stdout: '', stderr: '' };
  const writes = STREAMS.map((name) => process[name].write);
  for (const name of STREAMS) {
    process[name].write = (chunk, encoding, done = encoding) => {
      said[name] += chunk;
      if (typeof done === 'function') done();
      return true;
    };
  }
  const code = await runCli(args);
  for (const [i, name] of STREAMS.entries()) process[name].write = writes[i];
  for (const [name, value] of Object.entries(before)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  process.send({ code, signal: null, ...said });
});
