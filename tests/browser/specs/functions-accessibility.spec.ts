import { callHook, deploy, fillEditor, HOOK, MENDED, RENAME } from '../support/functions';
import { expectNoViolations } from '../support/axe';
import { expect, test } from '../support/test';

// What checks the page is put into it as a script, which the server's policy forbids.
test.use({ bypassCSP: true, allowed: [/status of 422/] });

const start = (name: string, host = 'web-1') => ({ context: 'deploy', name, type: 'start', host }) as const;

for (const theme of ['light', 'dark'] as const) {
  test(`axe finds nothing on the pages of functions in the ${theme} theme`, async ({ page, server }) => {
    test.slow(); // axe looks at thirteen pages.
    await page.emulateMedia({ colorScheme: theme });
    await page.goto('/f');
    await expect(page.getByRole('heading', { name: 'No functions yet' })).toBeVisible();
    await expectNoViolations(page);

    const cases = [{ name: 'lower case', in: [start('DB')], out: [start('db')] }];
    await deploy(server, 'rename', { source: RENAME, cases, settings: { on_error: 'dead-letter' } });
    await deploy(server, 'rename', { source: MENDED, activate: false });
    await deploy(server, 'off', { source: MENDED, activate: false });
    await server.post([start('DB'), start('web.healthcheck'), start('cache'), start('web', 'bad-host')]);
    await page.goto('/f');
    await expect(page.getByText('failing')).toBeVisible();
    await expectNoViolations(page);
    await page.getByRole('link', { name: 'rename' }).click();
    await expect(page.getByRole('heading', { name: 'Last error' })).toBeVisible();
    await expectNoViolations(page);

    await deploy(server, 'steps', { source: HOOK });
    await callHook(server, 'steps', { method: 'POST', body: 'no JSON' });
    await page.goto('/f/steps');
    await expect(page.getByRole('heading', { name: 'The request' })).toBeVisible();
    await expectNoViolations(page);
    await page.goto('/f/rename');

    await page.getByRole('link', { name: 'Source' }).click();
    await expect(page.getByRole('region', { name: 'Cases' })).toBeVisible();
    await expectNoViolations(page);
    await page.getByRole('link', { name: 'Versions' }).click();
    await expect(page.getByRole('region', { name: /^Difference/ })).toBeVisible();
    await expectNoViolations(page);
    await page.getByRole('button', { name: 'Canary…: version 2' }).click();
    await expectNoViolations(page);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Delete…' }).click();
    await expectNoViolations(page);
    await page.keyboard.press('Escape');

    await page.getByRole('link', { name: 'Edit and try' }).click();
    await page.getByRole('button', { name: 'Try', exact: true }).click();
    await expect(page.locator('.passage').first()).toBeVisible();
    await page.getByRole('textbox', { name: 'Code', exact: true }).fill('function transform(report)\n');
    await page.getByRole('button', { name: 'Deploy', exact: true }).click();
    await expect(page.getByRole('alert')).toBeVisible();
    await expectNoViolations(page);
    await page.getByRole('button', { name: 'Discard changes' }).click();

    await page.getByRole('link', { name: 'Logs' }).click();
    await expect(page.getByText('It has logged nothing yet.')).toBeVisible();
    await expectNoViolations(page);
    await page.getByRole('link', { name: 'Tap' }).click();
    await expect(page.getByText('Waiting for a report to pass…')).toBeVisible();
    await server.post([start('Cache'), start('kept')]);
    await expect(page.locator('.passage')).toHaveCount(2);
    await expectNoViolations(page);
    await page.getByRole('link', { name: /^Dead letters/ }).click();
    await expect(page.locator('.passage')).toHaveCount(1);
    await expectNoViolations(page);
  });
}

test('all of it fits a narrow screen', async ({ page, server }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await deploy(server, 'rename', { source: RENAME });
  await deploy(server, 'rename', { source: MENDED });
  await deploy(server, 'steps', { source: HOOK });
  await callHook(server, 'steps', { method: 'POST', body: 'x'.repeat(300) });
  await server.post([start('A'.repeat(200)), start('web', 'bad-host')]);
  for (const path of [
    '',
    '/_new',
    '/rename',
    '/rename/source',
    '/rename/versions',
    '/rename/try',
    '/rename/tap',
    '/steps',
  ]) {
    await page.goto(`/f${path}`);
    await expect(page.locator('main h1, main h2').first()).toBeVisible();
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect.soft(wider, path).toBeLessThanOrEqual(0);
  }
});

for (const width of [390, 1280]) {
  test(`a case that failed with a long line fits a screen of ${width} px`, async ({ page, server }) => {
    await page.setViewportSize({ width, height: 844 });
    await deploy(server, 'rename', { source: RENAME });
    await page.goto('/f/rename/try');
    const labels = { url: `https://example.org/${'a'.repeat(200)}` };
    const cases = [{ name: 'c'.repeat(200), in: [start('DB')], out: [{ ...start('DB'), labels }] }];
    await fillEditor(page, 'Cases as JSON', JSON.stringify(cases));
    const trial = page.getByRole('region', { name: 'Try' });
    await trial.getByRole('button', { name: 'Try', exact: true }).click();
    await expect(trial.locator('.difference')).toBeVisible();
    await page.getByRole('button', { name: 'Deploy', exact: true }).click();
    const refused = page.locator('.workbench-form .difference');
    await expect(refused).toBeVisible();
    const wider = (element: Element) => element.scrollWidth - element.clientWidth;
    expect(await page.locator('html').evaluate(wider)).toBeLessThanOrEqual(0);
    expect(await refused.evaluate(wider)).toBeGreaterThan(0);
    const fault = (await page.getByRole('alert').first().boundingBox())!;
    expect(fault.x + fault.width).toBeLessThanOrEqual(width);
  });
}
