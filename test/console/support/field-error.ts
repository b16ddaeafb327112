import type { Page } from "playwright-core";

/** What stands at a field as wrong, once it does; the control is marked and described by it. */
export async function fieldError(page: Page, label: string): Promise<string> {
  const control = page.getByLabel(label, { exact: true }).and(page.locator("[aria-invalid=true]"));
  const id = await control.getAttribute("aria-describedby");
  return (await page.locator(`#${escapeId(id?.split(" ")[0] ?? "")}`).textContent()) ?? "";
}

/** React's ids have characters that selectors give a meaning. */
function escapeId(id: string): string {
  return id.replace(/[^\w-]/g, (character) => `\\${character}`);
}
