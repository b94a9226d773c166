import type { Page } from '@playwright/test';
import { expectOutline, markDocument, nextRange, plot, row, shownRange } from '../support/page';
import { Run } from '../support/run';
import { expect, test } from '../support/test';

/** A run of 100 s. The chart shows it with some air, about 0 to 104. */
test.beforeEach(async ({ page, server }) => {
  const run = new Run('deploy');
  for (let step = 0; step < 10; step++) run.step(`step ${step}`, step * 10, step * 10 + 10);
  await server.post(run.reports);
  await page.goto('/c/deploy/1');
  await expect(page.getByRole('treegrid')).toBeVisible();
});

test('keys zoom, pan and fit', async ({ page }) => {
  await page.keyboard.press('+');
  const zoomed = (await nextRange(page, null))!;
  expect(zoomed.to - zoomed.from).toBeLessThan(80);
  await page.keyboard.press('Shift+ArrowRight');
  const later = (await nextRange(page, zoomed))!;
  expect(later.from).toBeGreaterThan(zoomed.from);
  expect(later.to - later.from).toBeCloseTo(zoomed.to - zoomed.from, 1);
  await page.keyboard.press('a');
  const earlier = (await nextRange(page, later))!;
  expect(earlier.from).toBeLessThan(later.from);
  await page.keyboard.press('-');
  await page.keyboard.press('-');
  expect(await nextRange(page, earlier)).toBeNull();
  await page.keyboard.press('ArrowDown');
  await page.getByRole('row').filter({ hasText: 'step 4' }).click();
  await page.keyboard.press('z');
  const step = (await nextRange(page, null))!;
  expect(step.from).toBeGreaterThan(35);
  expect(step.from).toBeLessThan(40);
  expect(step.to).toBeGreaterThan(50);
  expect(step.to).toBeLessThan(55);
  await page.keyboard.press('0');
  expect(await nextRange(page, step)).toBeNull();
});

test('the wheel zooms about the pointer and pans', async ({ page }) => {
  const box = (await plot(page).boundingBox())!;
  await page.mouse.move(box.x + box.width / 4, box.y + 100);
  await page.keyboard.down('Control');
  await page.mouse.wheel(0, -300);
  await page.keyboard.up('Control');
  const zoomed = (await nextRange(page, null))!;
  // What was under the pointer, at a quarter of the whole, is still there.
  const under = zoomed.from + (zoomed.to - zoomed.from) / 4;
  expect(under).toBeGreaterThan(20);
  expect(under).toBeLessThan(30);
  await page.keyboard.down('Shift');
  await page.mouse.wheel(0, 200);
  await page.keyboard.up('Shift');
  const later = (await nextRange(page, zoomed))!;
  expect(later.from).toBeGreaterThan(zoomed.from);
  await page.mouse.dblclick(box.x + box.width / 2, box.y + 10);
  expect(await nextRange(page, later)).toBeNull();
});

test('a double click zooms to a step, in the table and on the chart', async ({ page }) => {
  await row(page, 'step 2').dblclick();
  const second = (await nextRange(page, null))!;
  expect(second.from).toBeGreaterThan(15);
  expect(second.to).toBeLessThan(35);
  await page.keyboard.press('Escape');
  await page.keyboard.press('0');
  await nextRange(page, second);
  // The details that the first click opens come to stand where the second falls.
  const box = (await plot(page).boundingBox())!;
  const last = (await row(page, 'step 9').boundingBox())!;
  await page.mouse.dblclick(box.x + box.width * 0.93, last.y + last.height / 2);
  const ninth = (await nextRange(page, null))!;
  expect(ninth.from).toBeGreaterThan(85);
});

test('the table is made wider by keys, and stays so', async ({ page }) => {
  const width = async () => (await page.getByRole('treegrid').boundingBox())!.width;
  const before = await width();
  await page.getByRole('separator').focus();
  await page.keyboard.press('ArrowRight');
  await expect.poll(width).toBeGreaterThan(before);
  const after = await width();
  await page.reload();
  await expect.poll(width).toBe(after);
});

test('dragging on the axis zooms, dragging the chart moves it', async ({ page }) => {
  const box = (await plot(page).boundingBox())!;
  await drag(page, box.x + box.width * 0.4, box.x + box.width * 0.6, box.y + 10);
  const zoomed = (await nextRange(page, null))!;
  expect(zoomed.to - zoomed.from).toBeGreaterThan(15);
  expect(zoomed.to - zoomed.from).toBeLessThan(25);
  await drag(page, box.x + box.width * 0.6, box.x + box.width * 0.3, box.y + 100);
  const moved = (await nextRange(page, zoomed))!;
  expect(moved.from).toBeGreaterThan(zoomed.from);
  await expect(page.getByRole('complementary', { name: 'Details' })).toHaveCount(0);
});

test('the overview zooms and moves what is shown', async ({ page }) => {
  const box = (await page.locator('.overview').boundingBox())!;
  const y = box.y + box.height / 2;
  await drag(page, box.x + box.width * 0.5, box.x + box.width * 0.75, y);
  const zoomed = (await nextRange(page, null))!;
  expect(zoomed.to - zoomed.from).toBeGreaterThan(20);
  expect(zoomed.to - zoomed.from).toBeLessThan(32);
  await drag(page, box.x + box.width * 0.6, box.x + box.width * 0.4, y);
  const moved = (await nextRange(page, zoomed))!;
  expect(moved.from).toBeLessThan(zoomed.from - 10);
  expect(moved.to - moved.from).toBeCloseTo(zoomed.to - zoomed.from, 1);
  await page.getByRole('button', { name: 'Show all' }).first().click();
  expect(await nextRange(page, moved)).toBeNull();
});

test('a link shows the same again', async ({ page, context }) => {
  await page.keyboard.press('+');
  await page.keyboard.press('+');
  await page.keyboard.press('d');
  await page.keyboard.press('t');
  await page.keyboard.press('g');
  await page.getByRole('searchbox').fill('step');
  await expect.poll(() => page.url()).toContain('q=step');
  expect(shownRange(page)).not.toBeNull();
  await expect.poll(() => page.url()).toMatch(/group=host.*time=absolute/);
  await page.mouse.move(0, 0);

  const other = await context.newPage();
  await other.goto(page.url());
  await expectOutline(other, ['(no host)', ...Array.from({ length: 10 }, (_, step) => `  step ${step}`)]);
  const picture = (of: Page) => plot(of).evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());
  await expect.poll(async () => (await picture(other)) === (await picture(page))).toBe(true);
  expect(other.url()).toBe(page.url());
});

test('the theme is chosen and kept', async ({ page }) => {
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const picture = () => plot(page).evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());
  const [light, lightPicture] = [await background(), await picture()];
  await page.getByRole('button', { name: 'Colours: as the system' }).click();
  await page.getByRole('button', { name: 'Colours: light' }).click();
  await expect(page.getByRole('button', { name: 'Colours: dark' })).toBeVisible();
  expect(await background()).not.toBe(light);
  await expect.poll(picture).not.toBe(lightPicture);
  await page.reload();
  await expect(page.getByRole('button', { name: 'Colours: dark' })).toBeVisible();
  expect(await background()).not.toBe(light);
  await page.getByRole('button', { name: 'Colours: dark' }).click();
  await expect.poll(background).toBe(light);
  await page.emulateMedia({ colorScheme: 'dark' });
  await expect.poll(background).not.toBe(light);
});

test('the sheet of keys opens and closes', async ({ page }) => {
  const expectSameDocument = await markDocument(page);
  await page.keyboard.press('?');
  const sheet = page.getByRole('dialog', { name: 'Keys' });
  await expect(sheet).toContainText('zoom in');
  // Keys in it mean nothing to the chart behind it.
  await page.keyboard.press('c');
  await page.keyboard.press('Escape');
  await expect(sheet).toHaveCount(0);
  await page.getByRole('button', { name: 'Keys' }).click();
  await expect(sheet).toBeVisible();
  await sheet.getByRole('button', { name: 'Close' }).click();
  await expect(sheet).toHaveCount(0);
  await expectSameDocument();
});

async function drag(page: Page, fromX: number, toX: number, y: number): Promise<void> {
  await page.mouse.move(fromX, y);
  await page.mouse.down();
  await page.mouse.move((fromX + toX) / 2, y, { steps: 4 });
  await page.mouse.move(toX, y, { steps: 4 });
  await page.mouse.up();
}
