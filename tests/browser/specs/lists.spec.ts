import { markDocument } from '../support/page';
import { Run } from '../support/run';
import { expect, test } from '../support/test';

test('a first report brings its context onto the empty page', async ({ page, server }) => {
  await page.goto('/');
  await expect(page.getByRole('heading', { name: 'Nothing has been reported yet' })).toBeVisible();
  await expect(page.locator('code')).toContainText('upto-client start deploy build.compile');
  const expectSameDocument = await markDocument(page);

  await server.client('start', 'deploy', 'build.compile');
  const context = page.getByRole('row').filter({ has: page.getByRole('link', { name: 'deploy' }) });
  await expect(context).toContainText('running');
  await server.client('end', 'deploy', 'build.compile');
  await expect(context).toContainText('ended');
  await server.client('new', 'deploy');
  await expect(context.getByRole('link', { name: '#2' })).toBeVisible();
  await expectSameDocument();

  await context.getByRole('link', { name: 'deploy' }).click();
  await expect(page).toHaveURL('/c/deploy');
  await expect(page.getByRole('heading', { name: 'deploy' })).toBeVisible();
  await page.goBack();
  await expect(page.getByRole('heading', { name: 'Contexts' })).toBeVisible();
  await page.goForward();
  await expect(page.getByRole('heading', { name: 'deploy' })).toBeVisible();
  await expectSameDocument();
});

test('the last runs of a context are told by bars, which are asked for once', async ({ page, server }) => {
  await server.post(new Run('once').step('build', 0, 5).reports);
  await server.post(new Run('deploy', 'a').step('build', 0, 10).reports);
  await server.post(new Run('deploy', 'b').step('build', 0, 40, { status: 'failure' }).reports);
  await server.post(new Run('deploy', 'c', Date.now()).start('build', 0).reports);
  let asked = 0;
  page.on('request', (request) => (asked += Number(request.url().includes('timelines?limit='))));
  await page.goto('/');
  const bars = page.getByRole('img', {
    name: /^Last 3 runs, oldest first: #1 ended, 10.0 s; #2 failed, 40.0 s; #3 running/,
  });
  await expect(bars).toBeVisible();
  const heights = await bars
    .locator('.history-bar')
    .evaluateAll((all) => all.map((bar) => bar.getBoundingClientRect().height));
  expect(heights[1]! / heights[0]!).toBeCloseTo(4, 1);
  await expect(bars.locator('.history-mark')).toHaveCount(1);
  // A single run has nothing to be compared with.
  await expect(page.getByRole('img', { name: /^Last/ })).toHaveCount(1);

  // How the newest run goes is known from the list of contexts, so that asks for nothing more.
  await server.client('end', 'deploy', 'build', '--timeline', 'c');
  await expect(page.getByRole('img', { name: /#3 ended/ })).toBeVisible();
  expect(asked).toBe(1);
  await server.client('new', 'deploy');
  await expect(page.getByRole('img', { name: /^Last 4 runs/ })).toBeVisible();
  expect(asked).toBe(2);
});

test('a run that took longer than usual is marked', async ({ page, server }) => {
  const seconds = [10, 11, 30, 9, 10];
  for (const [index, took] of seconds.entries()) {
    const run = new Run('deploy', `gh-${index + 1}`).new({ branch: 'main' });
    run.step('build', 0, took, { status: index === 3 ? 'failure' : 'success' });
    await server.post(run.reports);
  }
  await page.goto('/c/deploy');
  const runs = page.locator('tbody').getByRole('row');
  await expect(runs).toHaveCount(5);
  await expect(page.getByRole('columnheader', { name: 'Compared with the usual 10.5 s' })).toBeVisible();

  const slow = runs.filter({ hasText: 'gh-3' });
  await expect(slow).toContainText('+186 %');
  await expect(slow).toContainText('30.0 s');
  await expect(runs.filter({ hasText: '%' })).toHaveCount(1);
  await expect(runs.filter({ hasText: 'failed' })).toContainText('gh-4');
  await expect(slow.getByRole('list', { name: 'Labels' })).toHaveText('branchmain');
  const widths = await page
    .locator('.took-fill')
    .evaluateAll((fills) => fills.map((fill) => fill.getBoundingClientRect().width));
  expect(widths[2]! / widths[4]!).toBeCloseTo(3, 1);

  await slow.getByRole('link', { name: '#3 gh-3' }).click();
  await expect(page).toHaveURL('/c/deploy/3');
  await expect(page.getByRole('heading', { name: '#3 gh-3' })).toBeVisible();
});

test('a context or a run that is not there is said to be so', async ({ page, complaints }) => {
  await page.goto('/c/nowhere');
  await expect(page.getByRole('heading', { name: 'Not here' })).toBeVisible();
  await page.goto('/c/nowhere/7');
  await expect(page.getByRole('heading', { name: 'Not here' })).toBeVisible();
  await page.goto('/c/nowhere/7/8');
  await expect(page.getByRole('heading', { name: 'There is no such page' })).toBeVisible();
  // The browser itself tells of each answer that says 404.
  expect(complaints.length).toBeGreaterThan(1);
  expect(complaints.every((text) => text.includes('404'))).toBe(true);
  complaints.length = 0;
});

test('a context named .. has its pages', async ({ page, server }) => {
  for (const name of ['.', '..', 'name:..', 'a/b?c#d %2e']) {
    await server.post(new Run(name).step('build', 0, 10).reports);
  }
  await page.goto('/');
  await page.getByRole('link', { name: '..', exact: true }).first().click();
  await expect(page.getByRole('heading', { name: '..', exact: true })).toBeVisible();
  await page.getByRole('link', { name: '#1' }).click();
  await expect(page.getByRole('treegrid', { name: 'run 1 of ..' })).toBeVisible();

  // The address alone leads there too.
  await page.reload();
  await expect(page.getByRole('treegrid', { name: 'run 1 of ..' })).toBeVisible();
  for (const [path, name] of [
    ['/c/name:./latest', '.'],
    ['/c/name:name%3A../1', 'name:..'],
    ['/c/a%2Fb%3Fc%23d%20%252e/1', 'a/b?c#d %2e'],
  ]) {
    await page.goto(path!);
    await expect(page.getByRole('treegrid', { name: `run 1 of ${name}`, exact: true })).toBeVisible();
  }
});
