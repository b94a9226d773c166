import { bandColors, expectOutline, markDocument, openDetails, row } from '../support/page';
import { Run } from '../support/run';
import { expect, test } from '../support/test';

test('a step runs, grows and ends before the eyes of who looks', async ({ page, server }) => {
  await server.client('start', 'deploy', 'build', '-n', 'ci-1');
  await page.goto('/c/deploy/1');
  await expect(row(page, 'build')).toContainText('running');
  const expectSameDocument = await markDocument(page);
  const took = row(page, 'build').getByRole('gridcell').last();
  const first = parseInt((await took.textContent())!);
  await expect.poll(async () => parseInt((await took.textContent())!)).toBeGreaterThan(first + 1);

  await server.client('start', 'deploy', 'test');
  await expectOutline(page, ['build', 'test']);
  await server.client('end', 'deploy', 'build', '-n', 'ci-1');
  await expect(row(page, 'build')).toContainText('ended');
  await server.client('end', 'deploy', 'test', '--status', 'failure');
  await expect(row(page, 'test')).toContainText('failed');
  await expect(page.getByRole('button', { name: '1 failed' })).toBeVisible();
  await expect(page).toHaveTitle('✗ #1 deploy · upto');
  await expectSameDocument();
});

test('an end without a start is shown as waiting for it', async ({ page, server }) => {
  const run = new Run('deploy').step('build', 0, 20).end('unpack', 12);
  await server.post(run.reports);
  await page.goto('/c/deploy/1');
  await expect(row(page, 'unpack')).toContainText('waiting');
  const details = await openDetails(page, 'unpack');
  await expect(details).toContainText('never came');
  await server.post(new Run('deploy').start('unpack', 10).reports);
  await expect(row(page, 'unpack')).toContainText('ended');
});

test('bars are drawn in the colours of their states', async ({ page, server }) => {
  const run = new Run('deploy', undefined, Date.now() - 60_000)
    .step('ended', 0, 30)
    .step('failed', 0, 30, { status: 'error' })
    .start('running', 30)
    .point('point', 30);
  await server.post(run.reports);
  await page.goto('/c/deploy/1');
  await expect(row(page, 'running')).toBeVisible();
  const token = async (name: string) => {
    const text = await page.evaluate((property) => {
      const probe = document.createElement('span');
      probe.style.color = `var(--${property})`;
      document.body.append(probe);
      const { color } = getComputedStyle(probe);
      probe.remove();
      return color;
    }, name);
    return text.match(/\d+/g)!.slice(0, 3).join();
  };
  const plotWidth = (await page.getByRole('img', { name: /^Chart: / }).boundingBox())!.width;
  for (const state of ['ended', 'failed', 'running']) {
    const color = await token(state);
    // A bar over about half of the width, twelve pixels high; the hatch takes a part of the failed one.
    await expect
      .poll(async () => (await bandColors(page, state)).get(color) ?? 0, { message: state })
      .toBeGreaterThan(plotWidth * 0.3 * 12 * 0.5);
  }
  const point = (await bandColors(page, 'point')).get(await token('text')) ?? 0;
  expect(point).toBeGreaterThan(20);
  expect(point).toBeLessThan(100);
});

test('a newer run is announced, and the newest can be followed', async ({ page, server }) => {
  await server.post(new Run('deploy', 'one').step('build', 0, 10).reports);
  await page.goto('/c/deploy/1');
  await expectOutline(page, ['build']);
  const expectSameDocument = await markDocument(page);
  await server.client('new', 'deploy', '--timeline', 'two');
  await server.client('start', 'deploy', 'compile', '--timeline', 'two');
  const notice = page.getByRole('status').filter({ hasText: 'A newer run of deploy started' });
  await expect(notice.getByRole('link', { name: '#2' })).toHaveAttribute('href', '/c/deploy/2');
  // What is looked at stays.
  await expectOutline(page, ['build']);
  await notice.getByRole('link', { name: 'follow the newest' }).click();
  await expect(page).toHaveURL('/c/deploy/latest');
  await expectOutline(page, ['compile']);
  await server.client('new', 'deploy', '--timeline', 'three');
  await server.client('start', 'deploy', 'link', '--timeline', 'three');
  await expectOutline(page, ['link']);
  await expect(page.getByRole('heading', { name: '#3 three' })).toBeVisible();
  await expect(page.getByText('Following the newest')).toBeVisible();
  await page.getByRole('link', { name: 'Previous run' }).click();
  await expect(page).toHaveURL('/c/deploy/2');
  await expectSameDocument();
});

test.describe('while the server is away', () => {
  test.use({
    allowed: [
      /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE/,
    ],
  });

  test('the page says so, keeps what it shows and recovers', async ({ page, server }) => {
    await server.post(new Run('deploy').step('build', 0, 10).reports);
    await page.goto('/c/deploy/1');
    await expectOutline(page, ['build']);
    const expectSameDocument = await markDocument(page);
    const lost = page.getByRole('status').filter({ hasText: 'Not up to date' });

    await server.kill();
    await expect(lost).toContainText('connection lost');
    await expectOutline(page, ['build']);
    await server.start();
    await server.post(new Run('deploy').start('test', 10).reports);
    await expect(lost).toHaveCount(0);
    await expectOutline(page, ['build', 'test']);

    await page.getByRole('link', { name: 'upto, all contexts' }).click();
    await expect(page.getByRole('link', { name: 'deploy' })).toBeVisible();
    await server.kill();
    await expect(lost).toBeVisible();
    await expect(page.getByRole('link', { name: 'deploy' })).toBeVisible();
    await server.start();
    await expect(lost).toHaveCount(0);
    await expectSameDocument();
  });
});
