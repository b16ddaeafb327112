import type { DescField, DescMessage, DescMethod, DescService } from "@bufbuild/protobuf";
import { getComments } from "@bufbuild/protoplugin";

/** The comment above a definition as prose, without instructions to the linter; "" when there is none. */
export function commentOf(desc: DescField | DescMethod | DescService | DescMessage): string {
  return (getComments(desc).leading ?? "")
    .split("\n")
    .filter((line) => !line.trim().startsWith("buf:lint:"))
    .map((line) => line.trim())
    .join("\n")
    .replace(/(?<!\n)\n(?!\n)/g, " ")
    .trim();
}
