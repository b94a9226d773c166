import fc from 'fast-check';
import { expect, test } from 'vitest';
import { expand, withQuery } from './template';

test('fills a path variable and a query variable', () => {
  const template = '/api/contexts/deploy/timelines/41/events/{name}{?host}';
  expect(expand(template, { name: 'db.migrate', host: 'db-2' })).toBe(
    '/api/contexts/deploy/timelines/41/events/db.migrate?host=db-2',
  );
  expect(expand(template, { name: 'a/b c', host: '' })).toBe(
    '/api/contexts/deploy/timelines/41/events/a%2Fb%20c?host=',
  );
  expect(expand(template, { name: 'x', host: undefined })).toBe('/api/contexts/deploy/timelines/41/events/x');
});

test('any name comes back whole from the path it was put into', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (name) => {
      const path = expand('/e/{name}', { name });
      expect(decodeURIComponent(path.slice('/e/'.length))).toBe(name);
    }),
  );
});

test('sets a query parameter beside those that are there', () => {
  expect(withQuery('/bars', 'group', 'host')).toBe('/bars?group=host');
  expect(withQuery('/bars?group=step&x=1', 'group', 'host')).toBe('/bars?group=host&x=1');
});
