import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
} from "@opentelemetry/sdk-trace";

/**
 * The sampler that OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG name, by default
 * "parentbased_always_on" (OpenTelemetry's specification, "General SDK configuration").
 * Throws when they do not fit.
 */
export function createSampler(env: NodeJS.ProcessEnv): Sampler {
  const name = env.OTEL_TRACES_SAMPLER || "parentbased_always_on";
  const root = rootSampler(name.replace(/^parentbased_/, ""), env.OTEL_TRACES_SAMPLER_ARG);
  return name.startsWith("parentbased_") ? new ParentBasedSampler({ root }) : root;
}

function rootSampler(name: string, argument: string | undefined): Sampler {
  switch (name) {
    case "always_on":
      return new AlwaysOnSampler();
    case "always_off":
      return new AlwaysOffSampler();
    case "traceidratio":
      return new TraceIdRatioBasedSampler(ratioOf(argument));
    default:
      throw new Error(
        "OTEL_TRACES_SAMPLER must be always_on, always_off, traceidratio, or one of them after parentbased_",
      );
  }
}

function ratioOf(argument: string | undefined): number {
  const ratio = Number(argument || 1);
  if (ratio >= 0 && ratio <= 1) return ratio;
  throw new Error("OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1");
}
