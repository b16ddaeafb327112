import { readdirSync } from "node:fs";
import type { DescMethod, DescService } from "@bufbuild/protobuf";

/** Every method of the API, from what was generated for it: a new one is found without anybody's help. */
export async function allMethods(): Promise<DescMethod[]> {
  const folder = new URL("../../gen/jitsudo/notifications/v1/", import.meta.url);
  const files = readdirSync(folder).filter((name) => name.endsWith("_pb.js"));
  const modules = await Promise.all(files.map((name) => import(new URL(name, folder).href)));
  return modules
    .flatMap((module: Record<string, unknown>) => Object.values(module).filter(isService))
    .flatMap((service) => service.methods);
}

function isService(value: unknown): value is DescService {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "service";
}
