import { globSync } from "node:fs";
import { join, resolve } from "node:path";
import type { DescService } from "@bufbuild/protobuf";

const root = resolve(import.meta.dirname, "../..");

/** The services of ours that a running server says it serves, with their descriptors. */
export async function servedServices(url: string): Promise<DescService[]> {
  const response = await fetch(`${url}/grpc.health.v1.Health/List`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
  });
  const { statuses } = (await response.json()) as { statuses: Record<string, unknown> };
  const known = await generatedServices();
  return Object.keys(statuses)
    .filter((name) => name.startsWith("jitsudo."))
    .map((name) => {
      const service = known.get(name);
      if (!service) throw new Error(`${name} is not in gen/`);
      return service;
    });
}

async function generatedServices(): Promise<Map<string, DescService>> {
  const files = globSync("gen/jitsudo/**/*_pb.js", { cwd: root });
  const modules = await Promise.all(files.map((file) => import(join(root, file))));
  const exported = modules.flatMap((module) => Object.values(module));
  const services = exported.filter(
    (value): value is DescService =>
      typeof value === "object" && value !== null && "kind" in value && value.kind === "service",
  );
  return new Map(services.map((service) => [service.typeName, service]));
}
