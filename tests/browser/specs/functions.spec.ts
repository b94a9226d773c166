import { deploy, functionRow, MENDED, RENAME } from '../support/functions';
import { markDocument, openDetails, row } from '../support/page';
import { expect, test } from '../support/test';

const start = (name: string, host = 'web-1', context = 'deploy') =>
  ({ context, name, type: 'start', host }) as const;

test('the empty page explains what functions are, and its example works', async ({ page, server }) => {
  await page.goto('/');
  await page.getByRole('link', { name: 'Functions' }).click();
  await expect(page).toHaveURL('/f');
  await expect(page.getByRole('heading', { name: 'No functions yet' })).toBeVisible();
  await expect(page.getByText('sees each report before it is stored')).toBeVisible();
  await expect(page.getByRole('region', { name: 'An example' })).toContainText('function transform(report)');

  const expectSameDocument = await markDocument(page);
  await page.getByRole('link', { name: 'New function' }).click();
  const trial = page.getByRole('region', { name: 'Try' });
  await trial.getByRole('button', { name: 'Try', exact: true }).click();
  await expect(trial.getByRole('status')).toHaveText('2 changed, 1 dropped');
  await expect(trial.locator('.verdict')).toHaveText(['✓ passed', '✓ passed']);

  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('20-rename');
  await page.getByRole('button', { name: 'Deploy', exact: true }).click();
  await expect(page).toHaveURL('/f/20-rename');
  await expect(page.getByRole('heading', { name: '20-rename' })).toBeVisible();
  await server.post([start('DB.Migrate', '10.0.4.9')]);
  await expect(page.locator('.big-number')).toHaveText('1 received');
  await page.getByRole('link', { name: 'Functions' }).click();
  await expect(functionRow(page, '20-rename')).toContainText('active');
  await page.goBack();
  await expect(page.getByRole('heading', { name: '20-rename' })).toBeVisible();
  await expectSameDocument();

  await page.goto('/c/deploy/1');
  await expect(row(page, 'migrate')).toBeVisible();
});

test('the list shows what each function does to reports, in their order, and stays fresh', async ({
  page,
  server,
}) => {
  await deploy(server, 'last', { source: MENDED });
  await deploy(server, '20-rename', {
    source: RENAME,
    settings: { contexts: ['deploy', 'build-*'], on_error: 'drop' },
  });
  await deploy(server, 'off', { source: RENAME, settings: { order: 1 }, activate: false });
  await page.goto('/f');
  await expect(page.locator('tbody').getByRole('link')).toHaveText(['20-rename', 'last', 'off']);
  const expectSameDocument = await markDocument(page);
  const rename = functionRow(page, '20-rename');
  await expect(rename).toContainText('Lua, version 1');
  await expect(rename).toContainText('deploy, build-*');
  await expect(rename).toContainText('drop');
  await expect(functionRow(page, 'off')).toContainText('disabled');

  await server.post([start('DB'), start('web.healthcheck'), start('cache'), start('web', 'bad-host')]);
  const numbers = rename.locator('td.is-number');
  await expect(numbers.nth(1)).toHaveText('4');
  await expect(numbers).toHaveText([/20/, '4', '1', '1', '1', /µs|ms/, /µs|ms/]);
  await expect(rename).toContainText('no such host');
  await expect(rename).toContainText('failing');
  await expectSameDocument();
});

test('the overview tells counts, costs and the report on which it failed', async ({ page, server }) => {
  await deploy(server, '20-rename', { source: RENAME, settings: { on_error: 'dead-letter' } });
  await server.post([start('DB'), start('cache'), start('web.healthcheck'), start('web.unpack', 'bad-host')]);
  await page.goto('/f/20-rename');
  await expect(page.locator('.big-number')).toHaveText('4 received');
  const counts = page.locator('.flow-counts');
  for (const [text, count] of [
    ['kept as they were', '1'],
    ['changed', '1'],
    ['dropped', '1'],
    ['failed', '1'],
  ]) {
    await expect(counts.locator('div').filter({ hasText: text! })).toContainText(`${count} 25 %`);
  }
  await expect(page.getByText('1 × an error in the code')).toBeVisible();
  await expect(page.getByText(/20-rename\.lua:6: .*no such host/).first()).toBeVisible();
  await expect(page.getByText('The report became a dead letter.')).toBeVisible();
  await expect(page.locator('.difference')).toContainText('web.unpack');
  await expect(page.locator('.figures dd').first()).toHaveText(/^[\d.]+ [µm]s$/);
  await page.getByRole('link', { name: '1 dead letter' }).click();
  await expect(page).toHaveURL('/f/20-rename/dead-letters');
});

test('an event names the functions that changed it, and leads to them', async ({ page, server }) => {
  await deploy(server, '20-rename', { source: RENAME });
  await server.post([start('Migrate'), start('cache')]);
  await page.goto('/c/deploy/1');
  await expect(await openDetails(page, 'cache')).toContainText('This event as JSON');
  await expect(page.getByText('Made or changed by')).toHaveCount(0);
  const details = await openDetails(page, 'migrate');
  await expect(details).toContainText('Made or changed by 20-rename@1');
  await details.getByRole('link', { name: '20-rename@1' }).click();
  await expect(page).toHaveURL('/f/20-rename');
});

test('the source of each version can be read', async ({ page, server }) => {
  const cases = [{ name: 'lower case', in: [start('DB')], out: [start('db')] }];
  await deploy(server, 'rename', { source: RENAME, cases });
  await deploy(server, 'rename', { source: MENDED });
  await page.goto('/f/rename/source');
  const code = page.getByRole('region', { name: 'Code of rename, version 2' });
  await expect(code).toContainText('report.labels.team = "platform"');
  await expect(code.locator('.is-comment')).toHaveText('-- One spelling for all names.');
  await expect(code.locator('.is-keyword').first()).toHaveText('function');
  await page.getByRole('combobox', { name: 'Version' }).selectOption('1');
  await expect(page.getByRole('region', { name: 'Code of rename, version 1' })).toContainText('no such host');
  await expect(page.getByRole('region', { name: 'Cases' })).toContainText('lower case');
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download' }).click();
  expect((await download).suggestedFilename()).toBe('rename.lua');
});

test('a function that is not there is said to be so', async ({ page, complaints }) => {
  await page.goto('/f/nothing');
  await expect(page.getByRole('heading', { name: 'Not here' })).toBeVisible();
  await page.getByRole('link', { name: 'All functions' }).click();
  await expect(page).toHaveURL('/f');
  await page.goto('/f/nothing/nowhere');
  await expect(page.getByRole('heading', { name: 'There is no such page' })).toBeVisible();
  expect(complaints.every((text) => text.includes('404'))).toBe(true);
  complaints.length = 0;
});

test('what a function logs and fails with is text, whatever it holds', async ({
  page,
  server,
  complaints,
}) => {
  const markup = '<img src=x onerror=alert(1)>';
  await deploy(server, 'hostile', {
    source: `function transform(report)
	upto.log("warn", "${markup} user\\u{202e}gnp")
	error("${markup}")
end
`,
    settings: { contexts: ['<b>*'], on_error: 'dead-letter' },
  });
  await server.post([start(markup, 'a\u202eb', '<b>deploy</b>')]);
  await page.goto('/f');
  await expect(functionRow(page, 'hostile')).toContainText(markup);
  await expect(functionRow(page, 'hostile')).toContainText('<b>*');
  await page.goto('/f/hostile');
  await expect(page.locator('.difference')).toContainText('a⟨U+202E⟩b');
  await page.getByRole('link', { name: 'Logs' }).click();
  await expect(page.getByRole('list', { name: 'Log' })).toContainText(`${markup} user\\u{202e}gnp`);
  await page.getByRole('link', { name: /^Dead letters/ }).click();
  await expect(page.getByRole('list', { name: 'Dead letters' })).toContainText(markup);
  expect(await page.locator('img').count()).toBe(0);
  expect(complaints).toEqual([]);
});
