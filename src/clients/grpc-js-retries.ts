import { type DescMethod, type DescService, getOption, hasOption } from "@bufbuild/protobuf";
import type { MethodConfig, ServiceConfig } from "@grpc/grpc-js";
import { http } from "../../gen/google/api/annotations_pb.js";
import { EventIngestService } from "../../gen/jitsudo/notifications/v1/event_pb.js";

/**
 * gRPC's service config (https://github.com/grpc/grpc/blob/master/doc/service_config.md)
 * that repeats calls which ended as UNAVAILABLE. Such a call may have been carried
 * out, its answer alone got lost. So it names the methods that a second time does no
 * harm: what REST has as GET or PUT, and the ingest calls, whose events all have an
 * idempotency key by the time they are sent (`withIdempotencyKeys`). Streams are left out: gRPC
 * cannot repeat one that has begun to answer.
 */
export function retryConfig(service: DescService, maxAttempts: number): ServiceConfig {
  const names = service.methods
    .filter(({ methodKind }) => methodKind === "unary")
    .filter((method) => isIdempotent(method))
    .map(({ name }) => ({ service: service.typeName, method: name }));
  const retryPolicy = {
    maxAttempts,
    initialBackoff: "0.3s",
    maxBackoff: "5s",
    backoffMultiplier: 4,
    retryableStatusCodes: ["UNAVAILABLE"],
  };
  const methodConfig: MethodConfig[] =
    names.length > 0 && maxAttempts > 1 ? [{ name: names, retryPolicy }] : [];
  return { loadBalancingConfig: [], methodConfig };
}

function isIdempotent(method: DescMethod): boolean {
  if (method.parent.typeName === EventIngestService.typeName) return true;
  if (!hasOption(method, http)) return false;
  const { pattern } = getOption(method, http);
  return pattern.case === "get" || pattern.case === "put";
}
