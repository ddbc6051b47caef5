/**
 * Writes the JSON Schemas of what the commands print: packages/probe/schema.
 *
 *     node scripts/dist/schemas.js && npx biome format --write packages/probe/schema
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { jsonSchemas } from 'llama-probe/internal';

for (const [kind, schema] of Object.entries(jsonSchemas())) {
  const path = fileURLToPath(new URL(`../../packages/probe/schema/${kind}.schema.json`, import.meta.url));
  writeFileSync(path, `${JSON.stringify(schema, null, 2)}\n`);
}
