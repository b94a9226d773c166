import { expectOutline, fact, openDetails, row } from '../support/page';
import { Run } from '../support/run';
import { expect, test } from '../support/test';

const OPEN = ['a', '  b', '  c', '    d', '      e', '      f'];

test.describe('a hierarchy of which only the leaves are reported', () => {
  test.beforeEach(async ({ page, server }) => {
    const run = new Run('test').step('a.b', 0, 20).step('a.c.d.e', 8, 31).step('a.c.d.f', 31, 45);
    await server.post(run.reports);
    await page.goto('/c/test/1');
    await expectOutline(page, OPEN);
  });

  test('has the ancestors that it implies, as long as what is in them', async ({ page }) => {
    await expect(row(page, 'a').getByRole('gridcell').last()).toHaveText('45.0 s');
    await expect(row(page, 'c').getByRole('gridcell').last()).toHaveText('37.0 s');
    const details = await openDetails(page, 'd');
    await expect(details.getByRole('heading', { name: 'a.c.d' })).toBeVisible();
    await expect(fact(details, 'Took')).toContainText('37.0 s');
    await expect(details).toContainText('2 steps');
  });

  test('is collapsed and expanded by the mouse', async ({ page }) => {
    await row(page, 'c').locator('.twist').click();
    await expectOutline(page, ['a', '  b', '  +c']);
    await expect(row(page, 'c')).toContainText('2');
    await row(page, 'c').locator('.twist').click();
    await expectOutline(page, OPEN);
    const levels = page.getByRole('group', { name: 'Levels' });
    await levels.getByRole('button', { name: '1', exact: true }).click();
    await expectOutline(page, ['+a']);
    await levels.getByRole('button', { name: '3', exact: true }).click();
    await expectOutline(page, ['a', '  b', '  c', '    +d']);
    await levels.getByRole('button', { name: 'All' }).click();
    await expectOutline(page, OPEN);
  });

  test('is collapsed and expanded by keys', async ({ page }) => {
    await row(page, 'a').focus();
    await page.keyboard.press('End');
    await expect(row(page, 'f')).toBeFocused();
    await page.keyboard.press('ArrowLeft');
    await expect(row(page, 'd')).toBeFocused();
    await page.keyboard.press('ArrowLeft');
    await expectOutline(page, ['a', '  b', '  c', '    +d']);
    await page.keyboard.press('ArrowRight');
    await expectOutline(page, OPEN);
    await page.keyboard.press('ArrowRight');
    await expect(row(page, 'e')).toBeFocused();
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('ArrowUp');
    await expect(row(page, 'c')).toBeFocused();
    await expect(row(page, 'c')).toHaveAttribute('aria-selected', 'true');

    await page.keyboard.press('c');
    await expectOutline(page, ['+a']);
    // What had the focus is folded away: the focus stays in the table.
    await expect(row(page, 'a')).toBeFocused();
    await page.keyboard.press(']');
    await expectOutline(page, ['a', '  b', '  +c']);
    await page.keyboard.press('e');
    await expectOutline(page, OPEN);
    await page.keyboard.press('[');
    await expectOutline(page, ['a', '  b', '  c', '    +d']);
    await page.keyboard.press('2');
    await expectOutline(page, ['a', '  b', '  +c']);
  });
});

test.describe('steps on several hosts', () => {
  test.beforeEach(async ({ page, server }) => {
    const run = new Run('deploy').step('build', 0, 5, { host: 'ci-1' });
    for (const [index, host] of ['web-1', 'web-2'].entries()) {
      run.step('rollout', 5 + index, 15 + 5 * index, { host });
    }
    run.point('approved', 4, { host: 'web-1' }).point('done', 21);
    await server.post(run.reports);
    await page.goto('/c/deploy/1');
  });

  test('have a row for each host', async ({ page }) => {
    await expectOutline(page, ['build', 'approved', 'rollout', '  web-1', '  web-2', 'done']);
    await expect(row(page, 'build').getByRole('gridcell').nth(1)).toHaveText('ci-1');
    await expect(row(page, 'rollout').getByRole('gridcell').nth(1)).toHaveText('2 hosts');
    const details = await openDetails(page, 'web-2');
    await expect(fact(details, 'Host')).toContainText('web-2');
    await expect(fact(details, 'Took')).toContainText('14.0 s');
  });

  test('are grouped by host', async ({ page }) => {
    await page.getByRole('button', { name: 'Host', exact: true }).click();
    const grouped = [
      'ci-1',
      '  build',
      'web-1',
      '  approved',
      '  rollout',
      'web-2',
      '  rollout',
      '(no host)',
      '  done',
    ];
    await expectOutline(page, grouped);
    await expect(page).toHaveURL('/c/deploy/1?group=host');
    await page.reload();
    await expectOutline(page, grouped);
    await page.keyboard.press('g');
    await expect(page.getByRole('button', { name: 'Step', exact: true })).toHaveAttribute(
      'aria-pressed',
      'true',
    );
    await expect(page).toHaveURL('/c/deploy/1');
  });

  test('show points as points', async ({ page }) => {
    const details = await openDetails(page, 'approved');
    await expect(details.locator('.details-state')).toHaveText('point');
    await expect(fact(details, 'At')).toContainText('4.000s from the beginning');
    await expect(fact(details, 'Took')).toHaveCount(0);
  });
});

test('details tell the labels of a step, and the keys lead in and out', async ({ page, server }) => {
  const run = new Run('deploy').step('build.compile', 0, 65, {
    labels: { compiler: 'gcc 15', log: 'https://ci.example.net/8812' },
  });
  run.step('test', 65, 70, { status: 'timeout' });
  await server.post(run.reports);
  await page.goto('/c/deploy/1');
  await row(page, 'build').focus();
  await page.keyboard.press('End');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  const details = page.getByRole('complementary', { name: 'Details' });
  await expect(details.getByRole('heading', { name: 'build.compile' })).toBeVisible();
  await expect(details.locator('.details-state')).toHaveText('endedsuccess');
  await expect(fact(details, 'Took')).toContainText('1m 05s');
  const labels = details.getByRole('list', { name: 'Labels' }).getByRole('listitem');
  await expect(labels).toHaveText(['compilergcc 15', 'loghttps://ci.example.net/8812']);
  await expect(labels.getByRole('link')).toHaveAttribute('href', 'https://ci.example.net/8812');
  await page.keyboard.press('n');
  await expect(details.locator('.details-state')).toHaveText('failedtimeout');
  await page.keyboard.press('Escape');
  await expect(details).toHaveCount(0);
});

test('a search leaves what it finds and what holds that', async ({ page, server }) => {
  const run = new Run('deploy')
    .step('build.api', 0, 5, { host: 'ci-1' })
    .step('build.web', 0, 6, { host: 'ci-2' })
    .step('verify.smoke', 6, 9, { host: 'ci-2', status: 'failure' });
  await server.post(run.reports);
  await page.goto('/c/deploy/1');
  await expectOutline(page, ['build', '  api', '  web', 'verify', '  smoke']);
  await page.keyboard.press('/');
  await expect(page.getByRole('searchbox')).toBeFocused();
  await page.keyboard.type('ci-2 web');
  await expectOutline(page, ['build', '  web']);
  await expect(page.locator('.search-count')).toHaveText('1 match');
  await expect(page).toHaveURL('/c/deploy/1?q=ci-2+web');
  await page.reload();
  await expectOutline(page, ['build', '  web']);
  await page.getByRole('searchbox').fill('is:failed');
  await expectOutline(page, ['verify', '  smoke']);
  await page.getByRole('searchbox').press('Enter');
  await expect(row(page, 'smoke')).toHaveAttribute('aria-selected', 'true');
  await page.getByRole('searchbox').fill('nothing like it');
  await expect(page.getByText('No step or host has all of these words.')).toBeVisible();
  await page.getByRole('searchbox').press('Escape');
  await expectOutline(page, ['build', '  api', '  web', 'verify', '  smoke']);
});
