import { defineConfig } from 'vitest/config';

export default defineConfig({
  // JupyterLab's packages are ES modules without saying so: vite has to read them.
  test: {
    include: ['test/**/*.spec.ts'],
    environment: 'node',
    server: { deps: { inline: [/@jupyterlab/, /@lumino/] } }
  }
});
