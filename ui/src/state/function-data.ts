import { signal } from '@preact/signals';
import { change, entry, functionHref, get } from '../api/client';
import type { FunctionResource } from '../api/function-types';
import { poll } from '../api/repeat';

const POLL_MS = 2000;

/** One function as the server tells it, kept fresh from `start` until what that returns is called. */
export class FunctionData {
  readonly resource = signal<FunctionResource | null>(null);
  /** Why what is shown is not there or may be old, or null. OfflineError: it is tried again. */
  readonly problem = signal<Error | null>(null);

  private changes = 0;
  private etag: string | null = null;

  constructor(private readonly name: string) {}

  start(): () => void {
    return poll(() => this.refresh(), POLL_MS);
  }

  /** Changes the function by a request that answers with it. Throws ApiError or OfflineError. */
  async change(href: string, body: unknown): Promise<void> {
    this.take(await change<FunctionResource>(href, { method: 'POST', body }));
  }

  /** Ends the canary. Throws as `change` does. */
  async endCanary(href: string): Promise<void> {
    this.take(await change<FunctionResource>(href, { method: 'DELETE' }));
  }

  /** Takes what a change answered: whatever was asked for before that is older. */
  take(resource: FunctionResource | null): void {
    this.changes += 1;
    this.etag = null;
    if (resource !== null) this.resource.value = resource;
  }

  private async refresh(): Promise<void> {
    const before = this.changes;
    try {
      const answer = await get<FunctionResource>(functionHref(await entry(), this.name), { etag: this.etag });
      this.problem.value = null;
      if (answer === null || before !== this.changes) return;
      this.etag = answer.etag;
      this.resource.value = answer.body;
    } catch (error) {
      this.problem.value = error as Error;
      throw error;
    }
  }
}
