/** Lists in pages, as one sequence. */

interface Page {
  nextCursor?: string;
}

/**
 * Read a list page by page, each when its first element is asked for.
 *
 * @param readPage reads the page that a cursor leads to; the first one without.
 * @param getItems takes the elements out of it.
 */
export async function* iteratePages<P extends Page, Item>(
  readPage: (cursor: string | undefined) => Promise<P>,
  getItems: (page: P) => Item[],
): AsyncGenerator<Item, void, undefined> {
  let cursor: string | undefined;
  do {
    const page = await readPage(cursor);
    yield* getItems(page);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
}
