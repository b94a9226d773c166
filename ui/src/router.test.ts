import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FUNCTION_TABS, functionPath, parsePath, pathOf } from './router';

test.each([
  ['/', { page: 'contexts' }],
  ['/c/deploy', { page: 'timelines', context: 'deploy' }],
  ['/c/deploy/', { page: 'timelines', context: 'deploy' }],
  ['/c/a%2Fb/41', { page: 'timeline', context: 'a/b', run: 41 }],
  ['/c/name:..', { page: 'timelines', context: '..' }],
  ['/c/name%3A../41', { page: 'timeline', context: '..', run: 41 }],
  ['/c/deploy/latest', { page: 'timeline', context: 'deploy', run: 'latest' }],
  ['/c/deploy/0', { page: 'unknown' }],
  ['/c/deploy/41/more', { page: 'unknown' }],
  ['/c/name:', { page: 'unknown' }],
  ['/c/%zz', { page: 'unknown' }],
  ['/c', { page: 'unknown' }],
  ['/f', { page: 'functions' }],
  ['/f/', { page: 'functions' }],
  ['/f/_new', { page: 'new-function' }],
  ['/f/_new/logs', { page: 'unknown' }],
  ['/f/new', { page: 'function', name: 'new', tab: 'overview' }],
  ['/f/20-rename/dead-letters', { page: 'function', name: '20-rename', tab: 'dead-letters' }],
  ['/f/20-rename/nothing', { page: 'unknown' }],
  ['/f/20-rename/logs/more', { page: 'unknown' }],
  ['/f/Rename', { page: 'unknown' }],
  ['/f/..', { page: 'unknown' }],
  ['/api', { page: 'unknown' }],
])('%s', (path, route) => {
  expect(parsePath(path)).toEqual(route);
});

test('any context has a page', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (context) => {
      expect(parsePath(pathOf(context))).toEqual({ page: 'timelines', context });
      expect(parsePath(pathOf(context, 7))).toEqual({ page: 'timeline', context, run: 7 });
    }),
  );
});

test.each(FUNCTION_TABS)('a function has a page for %s', (tab) => {
  expect(parsePath(functionPath('rename', tab))).toEqual({ page: 'function', name: 'rename', tab });
});
