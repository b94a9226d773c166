import { expect, test as base } from '@playwright/test';
import { Server } from './server';

interface Fixtures {
  /** A server of this test alone. Addresses without a host mean it. */
  server: Server;
  /** What the browser complained of so far: errors, dialogs, refused content. */
  complaints: string[];
  /** Complaints that the test brings about itself. */
  allowed: RegExp[];
}

/** A test with a server of its own, which fails if the browser complains of anything. */
export const test = base.extend<Fixtures>({
  allowed: [[], { option: true }],
  server: async ({}, use, info) => {
    const server = await Server.start();
    await use(server);
    if (info.status !== info.expectedStatus) await info.attach('server', { body: server.log });
    await server.dispose();
  },
  baseURL: async ({ server }, use) => use(server.url),
  complaints: [
    async ({ context, allowed }, use) => {
      const complaints: string[] = [];
      context.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
      });
      context.on('weberror', (error) => complaints.push(String(error.error())));
      context.on('dialog', (dialog) => {
        complaints.push(`dialog: ${dialog.message()}`);
        void dialog.dismiss();
      });
      await use(complaints);
      expect(complaints.filter((text) => !allowed.some((each) => each.test(text)))).toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };
