import { bandColors, plot, row } from '../support/page';
import { Run } from '../support/run';
import type { Report } from '../support/server';
import { expect, test } from '../support/test';

// Another page that works beside this one would be measured too.
test.describe.configure({ mode: 'serial' });

const EVENTS = 10_000;
/** What it should be on a machine that does nothing else is 1000 and 200; a busy one is given more. */
const OPEN_MS = 3000;
const LONG_TASK_MS = 600;

function tenThousandEvents(): Report[] {
  const run = new Run('nightly');
  for (let event = 0; event < EVENTS; event++) {
    const name = `stage ${event % 10}.job ${Math.floor(event / 10) % 50}.step ${Math.floor(event / 500)}`;
    const from = (event % 500) * 2 + Math.floor(event / 500) * 40;
    run.step(name, from, from + 20 + (event % 37), { host: `host-${event % 40}` });
  }
  return run.reports;
}

test('10,000 events open fast and stay smooth', async ({ page, server }) => {
  await server.post(tenThousandEvents());
  await page.addInitScript(() => {
    const told = { firstRow: 0, longTasks: [] as number[], frames: 0 };
    Object.assign(window, { told });
    new MutationObserver((_, observer) => {
      if (document.querySelector('[role=treegrid] [role=row][aria-level]') === null) return;
      told.firstRow = performance.now();
      observer.disconnect();
    }).observe(document, { childList: true, subtree: true });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) told.longTasks.push(entry.duration);
    }).observe({ type: 'longtask' });
    const frame = () => {
      told.frames++;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  await page.goto('/c/nightly/1');
  const grid = page.getByRole('treegrid');
  await expect(row(page, 'stage 0')).toBeVisible();
  await expect(page.getByText('10,000 events')).toBeVisible();
  const opened = await page.evaluate(() => (window as unknown as Watched).told.firstRow);
  console.log(`10,000 events: the first row after ${opened.toFixed(0)} ms`);
  expect(opened).toBeLessThan(OPEN_MS);
  await expect(grid).toHaveAttribute('aria-rowcount', String(1 + 10 + 500 + EVENTS));
  // Only what is on the screen is in the document.
  expect(await grid.getByRole('row').count()).toBeLessThan(60);
  expect((await bandColors(page, 'stage 0')).size).toBeGreaterThan(0);

  const measure = async (what: string, act: () => Promise<void>) => {
    await page.evaluate(() => {
      const { told } = window as unknown as Watched;
      told.longTasks = [];
      told.frames = 0;
    });
    const began = performance.now();
    await act();
    // Two frames on, all that the last act caused is drawn.
    await page.evaluate(
      () => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))),
    );
    const seconds = (performance.now() - began) / 1000;
    const { frames, longTasks } = await page.evaluate(() => (window as unknown as Watched).told);
    const longest = Math.max(0, ...longTasks);
    const pace = `${frames} frames in ${seconds.toFixed(1)} s`;
    console.log(`${what}: ${pace}, longest task ${longest < 50 ? 'below 50' : longest.toFixed(0)} ms`);
    expect.soft(longest, what).toBeLessThan(LONG_TASK_MS);
  };

  const box = (await plot(page).boundingBox())!;
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await measure('scrolling by the wheel', async () => {
    for (let turn = 0; turn < 60; turn++) await page.mouse.wheel(0, 480);
  });
  expect(await page.locator('.chart-scroll').evaluate((element) => element.scrollTop)).toBeGreaterThan(
    10_000,
  );
  await measure('zooming by the wheel', async () => {
    await page.keyboard.down('Control');
    for (let turn = 0; turn < 40; turn++) await page.mouse.wheel(0, turn < 20 ? -60 : 60);
    await page.keyboard.up('Control');
  });
  await measure('collapsing all', async () => {
    await page.keyboard.press('c');
    await expect(grid).toHaveAttribute('aria-rowcount', '11');
  });
  await measure('zooming all collapsed', async () => {
    await page.keyboard.down('Control');
    for (let turn = 0; turn < 20; turn++) await page.mouse.wheel(0, -60);
    await page.keyboard.up('Control');
  });
  await measure('expanding all', async () => {
    await page.keyboard.press('e');
    await expect(grid).toHaveAttribute('aria-rowcount', String(1 + 10 + 500 + EVENTS));
  });
  await measure('searching', async () => {
    await page.getByRole('searchbox').fill('host-7 step');
    await expect(page.locator('.search-count')).toHaveText('250 matches');
  });
});

interface Watched {
  told: { firstRow: number; longTasks: number[]; frames: number };
}
