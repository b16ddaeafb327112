import { createHash } from "node:crypto";
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

/**
 * The token of the page after `id`: an id in disguise, so that nobody is tempted to make one, and
 * what tells it from one that is misspelled, cut or made up: any id would do as a place in a list.
 */
export function makeToken(id: string): string {
  const bytes = Buffer.from(id.replaceAll("-", ""), "hex");
  const check = createHash("sha256").update("page token").update(bytes).digest().subarray(0, checkBytes);
  return Buffer.concat([bytes, check]).toString("base64url");
}

const idBytes = 16;
const checkBytes = 4;

function openToken(token: string): string {
  const hex = Buffer.from(token, "base64url").toString("hex", 0, idBytes);
  const id = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  if (makeToken(id) === token) return id;
  throw invalidField("page_token", "must be a next_page_token of this list");
}
