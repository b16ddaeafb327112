import { invalidField } from "./errors.ts";

const defaultSize = 50;

/** Which page of a list is asked for. */
export interface PageRequest {
  size: number;
  /** Where the page before ended; undefined: the first page. */
  after: string | undefined;
}

/** Reads page_size and page_token. Throws invalid_argument for a token that no list has given. */
export function pageRequest({ pageSize, pageToken }: { pageSize: number; pageToken: string }): PageRequest {
  return { size: pageSize || defaultSize, after: pageToken === "" ? undefined : openToken(pageToken) };
}

/**
 * Cuts a list that was read one item longer than the page. The extra item tells
 * that there is a next page.
 */
export function cutPage<Item extends { id: string }>(
  items: Item[],
  size: number,
): { items: Item[]; next: string } {
  const page = items.slice(0, size);
  const last = page.at(-1);
  return { items: page, next: items.length > size && last ? makeToken(last.id) : "" };
}

/** The token of the page after `id`: an id in disguise, so that nobody is tempted to make one. */
export function makeToken(id: string): string {
  return Buffer.from(id.replaceAll("-", ""), "hex").toString("base64url");
}

function openToken(token: string): string {
  const hex = Buffer.from(token, "base64url").toString("hex");
  if (hex.length !== 32 || !/^[A-Za-z0-9_-]{22}$/.test(token)) {
    throw invalidField("page_token", "must be a next_page_token of this list");
  }
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
