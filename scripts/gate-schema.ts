/**
 * Prints the JSON Schema of the gate's configuration.
 *
 *     node scripts/dist/gate-schema.js > packages/probe/schema/probe.config.schema.json
 *     npx biome format --write packages/probe/schema
 */
import { configSchema } from 'llama-probe/internal';

process.stdout.write(`${JSON.stringify(configSchema(), null, 2)}\n`);
