import {
  type DescExtension,
  type DescMethod,
  type FileRegistry,
  getOption,
  hasOption,
} from "@bufbuild/protobuf";
import type { HttpRule } from "../../gen/google/api/http_pb.js";

export interface Binding {
  verb: string;
  path: string;
  hasBody: boolean;
}

/** What the options of a method say about its REST calls. */
export interface MethodOptions {
  /** None for a stream, and for a method without google.api.http. */
  bindings(method: DescMethod): Binding[];
  /** The scope that a key needs. */
  scope(method: DescMethod): string;
  /** HTTP status of success. */
  status(method: DescMethod): number;
}

/** Throws when the protos do not define the options. */
export function createMethodOptions(registry: FileRegistry): MethodOptions {
  const http = extension("google.api.http");
  const scope = extension("jitsudo.notifications.v1.required_scope");
  const status = extension("jitsudo.notifications.v1.success_status");

  function extension(name: string): DescExtension {
    const found = registry.getExtension(name);
    if (!found) throw new Error(`There is no option ${name}`);
    return found;
  }

  return {
    bindings(method) {
      if (method.methodKind !== "unary" || !hasOption(method, http)) return [];
      const rule = getOption(method, http) as HttpRule;
      return [rule, ...rule.additionalBindings].map(bindingOf);
    },
    scope: (method) => String(getOption(method, scope)),
    status: (method) => Number(getOption(method, status)) || 200,
  };
}

function bindingOf({ pattern, body }: HttpRule): Binding {
  if (pattern.case === undefined || pattern.case === "custom") throw new Error("A REST call has no path");
  return { verb: pattern.case, path: pattern.value, hasBody: body === "*" };
}
