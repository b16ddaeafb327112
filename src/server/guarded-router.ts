import type { DescMethod, Message } from "@bufbuild/protobuf";
import {
  type ConnectRouter,
  createMethodImplSpec,
  createServiceImplSpec,
  type HandlerContext,
} from "@connectrpc/connect";
import { refuse } from "../services/errors.ts";
import type { FieldValidator } from "../services/field-validator.ts";
import type { ToCallError } from "./failures.ts";
import { untilAborted } from "./until-aborted.ts";

type MethodSpec = ReturnType<typeof createMethodImplSpec>;
export type UnarySpec = Extract<MethodSpec, { kind: "unary" }>;

export interface GuardedRouter extends ConnectRouter {
  /** Every unary method that was registered, with its guarded implementation. */
  readonly unary: UnarySpec[];
}

export interface Guards {
  validate: FieldValidator;
  toCallError: ToCallError;
}

/**
 * Registers implementations so that all protocols get the same from them: a
 * message reaches them only when it is valid, a call ends as soon as its signal
 * aborts even if the implementation does not heed it, and only ConnectErrors leave.
 */
export function createGuardedRouter(router: ConnectRouter, { validate, toCallError }: Guards): GuardedRouter {
  const unary: UnarySpec[] = [];
  const guarded: GuardedRouter = {
    handlers: router.handlers,
    unary,
    service(service, implementation, options) {
      for (const spec of Object.values(createServiceImplSpec(service, implementation).methods)) {
        register(spec, options);
      }
      return guarded;
    },
    rpc(method, implementation, options) {
      register(createMethodImplSpec(method, implementation), options);
      return guarded;
    },
  };
  return guarded;

  function register(spec: MethodSpec, options: Parameters<ConnectRouter["rpc"]>[2]): void {
    switch (spec.kind) {
      case "unary": {
        const impl: UnarySpec["impl"] = (message, context) =>
          guardResult(context, () => spec.impl(valid(spec.method, message), context));
        unary.push({ ...spec, impl });
        router.rpc(spec.method, impl, options);
        break;
      }
      case "client_streaming": {
        const impl: typeof spec.impl = (messages, context) =>
          guardResult(context, () => spec.impl(validOnly(spec.method, messages), context));
        router.rpc(spec.method, impl, options);
        break;
      }
      case "server_streaming": {
        const impl: typeof spec.impl = (message, context) =>
          guardStream(context, () => spec.impl(valid(spec.method, message), context));
        router.rpc(spec.method, impl, options);
        break;
      }
      case "bidi_streaming": {
        const impl: typeof spec.impl = (messages, context) =>
          guardStream(context, () => spec.impl(validOnly(spec.method, messages), context));
        router.rpc(spec.method, impl, options);
        break;
      }
    }
  }

  function valid<Each extends Message>({ input }: DescMethod, message: Each): Each {
    refuse(validate(input, message));
    return message;
  }

  async function* validOnly<Each extends Message>(method: DescMethod, messages: AsyncIterable<Each>) {
    for await (const message of messages) yield valid(method, message);
  }

  async function guardResult<T>(context: HandlerContext, run: () => T | Promise<T>): Promise<T> {
    try {
      return await untilAborted(run(), context.signal);
    } catch (reason) {
      throw toCallError(reason, context);
    }
  }

  async function* guardStream<T>(context: HandlerContext, run: () => AsyncIterable<T>): AsyncGenerator<T> {
    let iterator: AsyncIterator<T> | undefined;
    try {
      iterator = run()[Symbol.asyncIterator]();
      for (;;) {
        const next = await untilAborted(iterator.next(), context.signal);
        if (next.done) return;
        yield next.value;
      }
    } catch (reason) {
      throw toCallError(reason, context);
    } finally {
      // Not awaited: an implementation that does not heed its signal would hold the call.
      iterator?.return?.().catch((reason: unknown) => toCallError(reason, context));
    }
  }
}
