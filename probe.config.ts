import { defineConfig } from 'llama-probe';

// This repository's own gate: the bundled model, on whatever adapter the machine has.
export default defineConfig({
  runs: [
    {
      name: 'bundled',
      quantize: [null, 'Q4_K_M'],
      prompts: [
        'What is 2 plus 3?',
        // More than 64 tokens: the products over a prompt go tile by tile.
        {
          name: 'long',
          text: 'Once upon a time there was a little girl who lived in a small house near the woods. One day she went out to play with her friend, and they saw a big dog that was very sad. What is 2 plus 3? What is 10 plus 1? The dog said that it had lost its ball, so the girl and her friend looked for it all day long.',
        },
      ],
      // Whatever memory the machine has, so that all are held to the same.
      reference: 'exact',
    },
  ],
});
