import { openDetails, row } from '../support/page';
import { Run } from '../support/run';
import { expect, test } from '../support/test';

const MARKUP = '<img src=x onerror="alert(1)"><script>alert(2)</script>';
const SCRIPT_LINK = 'javascript:alert(3)';
const BIDI = 'user\u202egnp\u2066exe\u200b\u0007';
const BIDI_SHOWN = 'user⟨U+202E⟩gnp⟨U+2066⟩exe⟨U+200B⟩␇';
const LONG = 'ä'.repeat(250);

test('names are shown as text, whatever they hold', async ({ page, server, complaints }) => {
  const run = new Run(MARKUP, `${MARKUP} ${BIDI}`).new({ [MARKUP]: MARKUP, link: SCRIPT_LINK });
  run.step(MARKUP, 0, 10, {
    host: MARKUP,
    labels: { [MARKUP]: MARKUP, [BIDI]: SCRIPT_LINK },
  });
  run.step(BIDI, 0, 10, { host: LONG.slice(0, 100) });
  run.step(LONG, 10, 20, { status: 'failure' }).point('  ', 5).step("'; DROP TABLE events; --", 2, 4);
  await server.post(run.reports);
  await server.post(new Run(BIDI).step('build', 0, 1).reports);

  await page.goto('/');
  await expect(page.getByRole('link', { name: BIDI_SHOWN, exact: true })).toBeVisible();
  await page.getByRole('link', { name: MARKUP, exact: true }).click();
  await expect(page.getByRole('heading', { name: MARKUP })).toBeVisible();
  await expect(page.getByRole('list', { name: 'Labels' })).toContainText(MARKUP);
  await page.getByRole('link', { name: `#1 ${MARKUP}` }).click();

  await expect(row(page, MARKUP)).toBeVisible();
  await expect(row(page, BIDI_SHOWN)).toBeVisible();
  const details = await openDetails(page, MARKUP);
  await expect(details.getByRole('list', { name: 'Labels' })).toContainText(MARKUP);
  await expect(details.getByRole('link', { name: SCRIPT_LINK })).toHaveCount(0);
  await openDetails(page, LONG);
  await expect(details.getByRole('heading')).toHaveText([LONG]);
  // A long name makes nothing wider than the window.
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
  const panel = (await details.boundingBox())!;
  expect(panel.x + panel.width).toBeLessThanOrEqual(1280);
  await page.mouse.move(700, 250);
  await expect(page.locator('.tooltip')).toBeVisible();
  await page.getByRole('searchbox').fill('<img');
  await expect(row(page, MARKUP)).toBeVisible();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Host', exact: true }).click();
  await expect(row(page, MARKUP).first()).toBeVisible();

  expect(await page.locator('img, script:not([src]), iframe, [onerror]').count()).toBe(0);
  expect(complaints).toEqual([]);
});

test('markup in addresses and searches is text too', async ({ page, server }) => {
  await server.post(new Run('deploy').step('build', 0, 1).reports);
  await page.goto(
    `/c/deploy/1?q=${encodeURIComponent(MARKUP)}&group=${encodeURIComponent(MARKUP)}&from=x&to=1e999`,
  );
  await expect(page.getByRole('searchbox')).toHaveValue(MARKUP);
  await expect(page.getByText('No step or host has all of these words.')).toBeVisible();
  expect(await page.locator('img').count()).toBe(0);
});
