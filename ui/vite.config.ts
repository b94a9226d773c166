import { defineConfig } from 'vitest/config';

/** Where a running upto answers, for `npm run dev`. */
const server = process.env['UPTO_URL'] ?? 'http://127.0.0.1:8080';

export default defineConfig({
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: 'dist',
    target: 'es2022',
    // The binary serves the page with a policy that allows no inline script and no data: script,
    // so nothing may be inlined and no polyfill may be injected.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/api': server } },
  test: { include: ['src/**/*.test.ts'] },
});
