import { signal } from '@preact/signals';
import { get } from './client';
import type { Page } from './types';

interface Loaded<Item> {
  href: string;
  etag: string | null;
  items: Item[];
  next: string | null;
}

/** A paged collection of which the first pages are shown and kept fresh, each page by its own ETag. */
export class Collection<Key extends string, Item> {
  /** All items of the pages that are shown, or null before the first answer. */
  readonly items = signal<Item[] | null>(null);
  readonly hasMore = signal(false);

  private pages: Loaded<Item>[] = [];
  private wanted = 1;

  constructor(
    private readonly first: () => Promise<string>,
    private readonly key: Key,
  ) {}

  /** Asks the server anew for the pages that are shown, and for one that was asked for meanwhile. */
  async refresh(): Promise<void> {
    let href: string | null = await this.first();
    const pages: Loaded<Item>[] = [];
    let changed = false;
    while (href !== null && pages.length < this.wanted) {
      const last: Loaded<Item> | undefined = this.pages[pages.length];
      // A later page's address moves when items arrive before it, and a tag is good for one address.
      const known = last?.href === href ? last : null;
      const answer = await get<Page<Key, Item>>(href, { etag: known?.etag ?? null });
      changed ||= answer !== null;
      const page: Loaded<Item> = answer === null ? known! : this.load(href, answer.body, answer.etag);
      pages.push(page);
      href = page.next;
    }
    changed ||= pages.length !== this.pages.length;
    this.pages = pages;
    this.hasMore.value = href !== null;
    if (changed) this.items.value = pages.flatMap((page) => page.items);
  }

  /** Shows one page more. */
  async more(): Promise<void> {
    this.wanted = this.pages.length + 1;
    await this.refresh();
  }

  private load(href: string, body: Page<Key, Item>, etag: string | null): Loaded<Item> {
    return { href, etag, items: body._embedded[this.key], next: body._links.next?.href ?? null };
  }
}
