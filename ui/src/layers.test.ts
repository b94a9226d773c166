import { expect, test } from 'vitest';

/** Each folder may import from itself and from those after it. */
const LAYERS = ['pages', 'components', 'chart', 'state', 'model', 'api'];

const sources = import.meta.glob<string>('./*/*.{ts,tsx}', { query: '?raw', import: 'default', eager: true });

test('folders import downwards only', () => {
  const upwards: string[] = [];
  for (const [path, source] of Object.entries(sources)) {
    const layer = LAYERS.indexOf(path.split('/')[1]);
    for (const [, folder] of source.matchAll(/from '\.\.\/(\w+)\//g)) {
      if (LAYERS.indexOf(folder) < layer) upwards.push(`${path} imports from ${folder}`);
    }
  }
  expect(Object.keys(sources).length).toBeGreaterThan(40);
  expect(upwards).toEqual([]);
});
